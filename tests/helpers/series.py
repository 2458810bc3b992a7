"""Made series, and archives of them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import ExplicitVRLittleEndian

from dicompress.dicom.allowance import Allowance
from dicompress.dicom.pixels import GREY
from dicompress.errors import DicompressError
from dicompress.series import Archive
from dicompress.series.order import facts_of
from dicompress.series.pack import append, write
from dicompress.series.packing import Content, Settings
from dicompress.series.writer import Source

from .drawings import colour
from .files import change, make

SERIES = "1.2.826.0.1.3680043.10.999.1"
FACING = [1, 0, 0, 0, 1, 0]


def volume(count: int = 9, shape: tuple[int, int] = (64, 72), dtype=np.int16, low: int = -700, seed: int = 5) -> np.ndarray:
    """Noise that hardly changes from slice to slice."""
    rng = np.random.default_rng(seed)
    still = rng.integers(0, 1500, shape)
    return (still + rng.integers(-2, 3, (count, *shape)) + low).astype(dtype)


def sliced(pixels: np.ndarray, k: int, syntax=ExplicitVRLittleEndian, **attributes) -> bytes:
    """A file of slice k of a series, 2 mm apart."""
    usual = {
        "SeriesInstanceUID": SERIES, "SOPInstanceUID": f"{SERIES}.{k + 1}", "InstanceNumber": k + 1,
        "ImageOrientationPatient": FACING, "ImagePositionPatient": [-100, -80, 2.0 * k], "Modality": "CT",
    }  # fmt: skip
    return change(make(pixels, syntax), **(usual | attributes))


def files_of(pixels: np.ndarray, **attributes) -> dict[str, bytes]:
    """By names, whose order is the slices'."""
    return {f"{k:03d}.dcm": sliced(image, k, **attributes) for k, image in enumerate(pixels)}


def sources_of(files: Mapping[str, bytes]) -> list[Source]:
    def source(path: str, data: bytes) -> Source:
        try:
            dataset = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
        except Exception:
            dataset = pydicom.Dataset()
        return Source(path, facts_of(dataset, GREY), lambda: data)

    return [source(path, data) for path, data in files.items()]


class Told:
    """What became of sources, and no error among it."""

    def __init__(self) -> None:
        self.contents: dict[str, Content] = {}

    def __call__(self, source: Source, found: Content | DicompressError, size: int) -> None:
        assert isinstance(found, Content) and size > 0, found
        self.contents[source.path] = found


def pack(path: Path, files: Mapping[str, bytes], allowance: Allowance | None = None) -> Told:
    told = Told()
    write(path, SERIES, sources_of(files), Settings("pyramid", allowance, 1), told, replace=False)
    return told


def add(path: Path, files: Mapping[str, bytes]) -> Told:
    told = Told()
    append(path, sources_of(files), Settings("pyramid", None, 1), told)
    return told


MIXED = files_of(volume(7, (40, 48))) | {"colour": colour(), "text": b"text" * 20}


def two_runs(path: Path) -> bytes:
    """An archive of MIXED, a slice of which came late."""
    pack(path, {name: data for name, data in MIXED.items() if name != "003.dcm"})
    add(path, {"003.dcm": MIXED["003.dcm"]})
    return path.read_bytes()


def come_back(archive: Archive) -> set[int]:
    """Numbers of files of MIXED that can be had; they are the right ones."""
    found = {number for number in archive.entries if archive.check(number) is None}
    for number in found:
        assert archive.restore(number) == MIXED[archive.entries[number].path]
    return found


def needed(archive, number: int) -> set[int]:
    """All that a slice leans on, directly or not."""
    found = set(archive.entries[number].references)
    return found.union(*(needed(archive, n) for n in found))


def shuffled(items: Iterable, seed: int = 1) -> list:
    items = list(items)
    np.random.default_rng(seed).shuffle(items)
    return items
