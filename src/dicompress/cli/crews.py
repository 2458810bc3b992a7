"""Who does the tasks of a run: processes of this machine, or a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .. import places
from ..errors import DicompressError
from . import files

if TYPE_CHECKING:
    from ..cluster import Cluster


@contextmanager
def crew(jobs: int, dask: str | None, *targets: str | Path | None) -> Iterator[int | Cluster]:
    """dask: address of a cluster that runs already. targets: files or folders to write to."""
    if dask is None:
        yield jobs
        return
    if find_spec("distributed") is None:
        raise DicompressError("--dask needs distributed: pip install 'dicompress[dask]'")
    from ..cluster import Cluster

    written = [(name, places.at(name)) for name in targets if name]
    folders = [
        place if files.ends_as_folder(name) or place.is_dir() else place.parent for name, place in written if isinstance(place, Path)
    ]
    with Cluster(dask, folders) as cluster:
        yield cluster


def as_workers_see(sources: list[str], output: str | None, backup: Path | None = None) -> tuple[list[str], str | None, Path | None]:
    """Absolute paths, as workers are in folders of their own."""
    if files.PIPE in (*sources, output):
        raise DicompressError("--dask goes with files and folders, not with pipes")
    folder = os.sep if output and files.ends_as_folder(output) else ""
    return list(map(_seen, sources)), output and _seen(output) + folder, backup and backup.absolute()


def _seen(name: str) -> str:
    place = places.at(name)
    if isinstance(place, Path):
        return os.path.abspath(place)
    if place.scheme == "memory":
        raise DicompressError(f"{place} is in the memory of one process, which no worker sees")
    return str(place)
