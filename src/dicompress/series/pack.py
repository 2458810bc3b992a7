"""Data sets to an archive on the disk, and files to one that is there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pydicom.dataset import Dataset

from ..dicom.allowance import Allowance
from ..dicom.pixels import GREY
from ..disk import system, targets
from ..errors import DicompressError, FileError, StreamError, UnsupportedImageError
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
    FileError if there is such a file already; UnsupportedImageError for data sets that cannot be written, or none.
    """
    if os.path.lexists(path):
        raise targets.exists(Path(path))
    sources = [_source(dataset) for dataset in datasets]
    series = next((source.facts.series for source in sources), "")

    def tell(source: Source, found: Content | DicompressError, _: int) -> None:
        if isinstance(found, DicompressError):
            raise found

    if not write(Path(path), series, sources, Settings(DEFAULT, allowance, threads), tell, replace=False):
        raise UnsupportedImageError(f"no data sets for {path}: an archive has one at least")


def write(path: Path, series: str, sources: Sequence[Source], settings: Settings, tell: Tell, replace: bool) -> bool:
    """A new archive; it appears when it is complete and on the disk. False, and none, if no source could be packed.

    FileError if it cannot be written, or is there and not to `replace`.
    """
    try:
        targets.make_folder(path.parent)
        with targets.partial(path.parent) as (file, name):
            writer = Writer(file, series, settings, tell)
            writer.pack(sources)
            if not writer.entries:
                return False
            system.finish(file, name, None)
            targets.publish(name, path, replace)
        system.sync_folder(path.parent)
    except FileExistsError:
        raise targets.exists(path) from None
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror}") from None
    return True


def append(path: Path, sources: Sequence[Source], settings: Settings, tell: Tell) -> None:
    """Late files to an archive, behind what is there, which stays as it is; slices get their places among those that are there.

    FileError, StreamError.
    """
    with appending(path) as (file, before):
        add(file, before, sources, settings, tell)


@contextmanager
def appending(path: Path) -> Iterator[tuple[BinaryIO, Archive]]:
    """The file, at its end, and what is in it, while nobody else appends to it; if an error ends that, it is as it was before.

    FileError if it cannot be written to, StreamError if it is no archive.
    """
    try:
        handle = _locked(path)
        try:
            size = os.fstat(handle).st_size
            file = os.fdopen(os.dup(handle), "r+b")
            try:
                with Archive(path) as before:
                    file.seek(size := before.end)
                    yield file, before
                file.flush()
                os.fsync(handle)
            except BaseException:
                with suppress(OSError):  # the disk is full
                    file.close()
                os.ftruncate(handle, size)
                raise
            file.close()
        finally:
            os.close(handle)
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror}") from None


def add(file: BinaryIO, before: Archive, sources: Sequence[Source], settings: Settings, tell: Tell) -> None:
    """What `append` does within `appending`. What a killed run appended is kept as far as it is whole. StreamError if damaged."""
    if not before.indexed:
        raise StreamError(f"{before.path} has lost its index: nothing can be appended to it")
    file.truncate()  # the part that a killed run was at
    Writer(file, before.series, settings, tell, before).pack(sources)


def _locked(path: Path) -> int:
    """A handle of the file that has the name once it is locked."""
    while True:
        handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        system.lock(handle)
        try:
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        except FileNotFoundError:
            pass
        os.close(handle)  # another run replaced it meanwhile


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
