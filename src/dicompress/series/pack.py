"""Data sets to an archive on the disk, and files to one that is there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

from pydicom.dataset import Dataset

from ..dicom.allowance import Allowance
from ..dicom.pixels import GREY
from ..disk import system, targets
from ..errors import DicompressError, FileError, UnsupportedImageError
from ..models import DEFAULT
from .order import facts_of
from .packing import Content, Settings
from .reader import Archive
from .writer import Source, Tell, Writer


def pack_series(
    datasets: Iterable[Dataset], path: str | os.PathLike[str], *, allowance: Allowance | None = None, threads: int = 0
) -> None:
    """Write an archive of data sets, usually one series, whatever their order; `open_series` reads it.

    They are kept as `save_as` writes them, named by their Instance Number and SOP Instance UID; each is proved before the archive
    appears, complete, under its name. allowance: of an error, as of `compress_dataset`. threads: 0 for one a core.
    FileError if there is such a file already; UnsupportedImageError for data sets that cannot be written.
    """
    sources = [_source(dataset) for dataset in datasets]
    series = next((source.facts.series for source in sources), "")

    def tell(source: Source, found: Content | DicompressError, _: int) -> None:
        if isinstance(found, DicompressError):
            raise found

    write(Path(path), series, sources, Settings(DEFAULT, allowance, threads), tell, replace=False)


def write(path: Path, series: str, sources: Sequence[Source], settings: Settings, tell: Tell, replace: bool) -> None:
    """A new archive; it appears when it is complete and on the disk. FileError if it cannot be written, or is there and not to `replace`."""
    try:
        targets.make_folder(path.parent)
        with targets.partial(path.parent) as (file, name):
            Writer(file, series, settings, tell).pack(sources)
            system.finish(file, name, None)
            targets.publish(name, path, replace)
        system.sync_folder(path.parent)
    except FileExistsError:
        raise targets.exists(path) from None
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror}") from None


def append(path: Path, sources: Sequence[Source], settings: Settings, tell: Tell) -> None:
    """Late files to an archive, behind what is there, which stays as it is; an interrupted one is gone on with. FileError, StreamError."""
    try:
        with path.open("r+b") as file:
            system.lock(file.fileno())
            with Archive(path) as before:
                file.seek(before.end)
                file.truncate()  # what an interrupted run left
                Writer(file, before.series, settings, tell, before).pack(sources)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror}") from None


def _source(dataset: Dataset) -> Source:
    facts = facts_of(dataset, GREY)

    def read() -> bytes:
        buffer = BytesIO()
        try:
            dataset.save_as(buffer, enforce_file_format=True)
        except Exception as error:  # pydicom raises several kinds
            raise UnsupportedImageError(f"a data set cannot be written: {error}") from None
        return buffer.getvalue()

    number = "" if facts.number is None else f"{facts.number:04d}-"
    return Source(f"{number}{facts.instance}.dcm", facts, read)
