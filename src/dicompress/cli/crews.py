"""Who does the tasks of a run: processes of this machine, or a Dask cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from .. import places
from ..errors import DicompressError
from ..places import Url
from . import files

if TYPE_CHECKING:
    from ..cluster import Cluster


@contextmanager
def crew(
    jobs: int, dask: str | None, sources: Sequence[str] = (), output: str | None = None, backup: Path | None = None
) -> Iterator[int | Cluster]:
    """dask: address of a cluster that runs already; others as of the run, whose targets its workers must reach."""
    target = places.at(output) if output else None
    if dask is None:
        in_memory = isinstance(target, Url) and target.scheme == "memory"  # of this process
        yield 1 if in_memory else jobs
        return
    if find_spec("distributed") is None:
        raise DicompressError("--dask needs distributed: pip install 'dicompress[dask]'")
    from ..cluster import Cluster

    folders = [backup] if backup else []
    if isinstance(target, Path):
        below = len(sources) > 1 or files.ends_as_folder(str(output)) or any(map(os.path.isdir, [*sources, str(target)]))
        folders.append(target if below else target.parent)
    with Cluster(dask, folders) as cluster:
        yield cluster


def as_workers_see(sources: list[str], output: str | None, backup: Path | None = None) -> tuple[list[str], str | None, Path | None]:
    """Absolute paths, as workers are in folders of their own; URLs as they are."""
    if files.PIPE in (*sources, output):
        raise DicompressError("--dask goes with files and folders, not with pipes")
    return [_absolute(source) for source in sources], output and _absolute(output), backup and backup.absolute()


def _absolute(name: str) -> str:
    place = places.at(name)
    if isinstance(place, Path):
        return os.path.abspath(place) + (os.sep if files.ends_as_folder(name) else "")
    if place.scheme == "memory":
        raise DicompressError(f"{place} is in the memory of one process, which no worker sees")
    return name
