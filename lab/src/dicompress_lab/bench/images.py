"""The images to measure: frames of the DICOM files under some folders, and what is known of each."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from dicompress.errors import DicompressError, FileError

# Projection radiographs: each image is a view of its own and counts as a series. All but mammograms are one group.
RADIOGRAPHS = {"CR", "DX", "IO", "PX", "RG"}
ALONE = RADIOGRAPHS | {"MG"}
GRAPHICS = "colour and graphics"  # the group of RGB, YBR and palette images, whatever their modality
HISTORY = "JPEG history"  # of a group: its images were compressed with loss once; their noise is gone


@dataclass(frozen=True)
class Image:
    """One frame of a file.

    file: where it lies. path: how the report names it, the same on every run. frame: from 0. group: the modality as the
    report divides it. series: what counts once in a mean, by its folder or its first file.
    bits_allocated, bits_stored: as the file says. graphics: in colour, or with a palette; samples: values a pixel.
    """

    file: Path
    path: str
    frame: int
    modality: str
    group: str
    series: str
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    graphics: bool = False
    samples: int = 1

    @property
    def pixels(self) -> int:
        return self.rows * self.columns

    @property
    def name(self) -> str:
        return f"{self.path} [{self.frame}]" if self.frame else self.path


@dataclass(frozen=True)
class Refused:
    """A file that was not measured, and why."""

    path: str
    reason: str


def scan(sources: list[Path], but: Iterable[Path] = ()) -> tuple[list[Image], list[Refused]]:
    """The frames of all files in `sources` (files and folders), by path; only headers are read. but: files to pass
    over. FileError: no such source."""
    images, refused = [], []
    for file, path in _files(sources, {path.resolve() for path in but}):
        try:
            images += _frames(file, path)
        except DicompressError as error:
            refused.append(Refused(path, str(error)))
        except Exception as error:  # pydicom raises many kinds for damaged files
            refused.append(Refused(path, f"cannot be read: {told(error)}"))
    return _named_series(images), refused


def pixels(image: Image) -> np.ndarray:
    """uint8 or uint16 (rows, columns), of colour (rows, columns, samples); signed values are shifted so that the smallest is 0.

    Pairs of pixels that share their colour, YBR_FULL_422, are one of four samples. DicompressError, OSError.
    """
    frame = _stored(image.file)[image.frame]
    return (frame.astype(np.int32) - (int(frame.min()) if frame.dtype.kind == "i" else 0)).astype(f"u{frame.itemsize}")


@lru_cache(maxsize=1)
def _stored(file: Path) -> np.ndarray:
    """Frames as they lie in the file; the last file stays, for its next frame."""
    from dicompress.dicom.part10 import parse
    from dicompress.dicom.pixels import layout
    from dicompress.dicom.stored import stored_pixels

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        part10 = parse(file.read_bytes())
        return stored_pixels(part10, layout(part10.dataset), threads=1)


def _files(sources: list[Path], seen: set[Path]) -> Iterator[tuple[Path, str]]:
    """Every file that is not yet seen, once, with the name it has in the report: its folder's name and the path below."""
    names = Counter(source.resolve().name for source in dict.fromkeys(sources))
    for source in sources:
        if not source.exists():
            raise FileError(f"{source}: there is no such file or folder")
        name = source.resolve().name
        root = name if names[name] == 1 else source.resolve().as_posix().lstrip("/")
        for file in sorted(f for f in source.rglob("*") if f.is_file()) if source.is_dir() else [source]:
            if file.resolve() not in seen:
                seen.add(file.resolve())
                yield file, os.path.join(root, file.relative_to(source)).replace(os.sep, "/") if source.is_dir() else root


def _frames(file: Path, path: str) -> list[Image]:
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    from dicompress.dicom.pixels import GREY, HALVED, layout
    from dicompress.dicom.syntax import DICOMPRESS, LOSSLESS, NATIVE

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = dcmread(file, defer_size=4096)
        except InvalidDicomError:
            raise FileError("not a DICOM file") from None
        facts = layout(dataset)
        graphics = facts.interpretation not in GREY
        if graphics and dataset.file_meta.get("TransferSyntaxUID", DICOMPRESS) not in {DICOMPRESS, *NATIVE, *LOSSLESS}:
            raise DicompressError("colour in a lossy transfer syntax: its pixels are not what is kept")
        modality = str(dataset.get("Modality") or "unknown")
        folder = path.rpartition("/")[0]
        # Until all are known, a series is (folder, UID); `_named_series` turns it into a name.
        series = path if modality in ALONE else f"{folder or path}\n{dataset.get('SeriesInstanceUID') or ''}"
        group = GRAPHICS if graphics else _group(modality, dataset.get("LossyImageCompression") == "01")
    samples = 2 if facts.interpretation == HALVED else facts.samples
    shape = (facts.rows, facts.columns, facts.bits_allocated, facts.bits_stored, graphics, samples)
    return [Image(file, path, i, modality, group, series, *shape) for i in range(facts.frames)]


def _group(modality: str, history: bool) -> str:
    if modality in RADIOGRAPHS:
        return f"CR, {HISTORY}" if history else "CR, native"
    return f"{modality}, {HISTORY}" if history else modality


def _named_series(images: list[Image]) -> list[Image]:
    """Series by SeriesInstanceUID, or by folder where there is none; named by the folder, or by their first file where the
    folder holds several."""
    first: dict[str, Image] = {}  # of each series
    keys = []
    for image in images:
        folder, _, uid = image.series.partition("\n")
        keys.append(uid or folder)
        first.setdefault(keys[-1], image)
    folders = {key: image.series.partition("\n")[0] for key, image in first.items()}
    shared = Counter(folders.values())
    names = {key: folder if shared[folder] == 1 else first[key].path for key, folder in folders.items()}
    return [replace(image, series=names[key]) for image, key in zip(images, keys)]


def told(error: Exception) -> str:
    """The first line of an exception's message; with its kind, if it is not ours."""
    text = (str(error).splitlines() or [""])[0]
    return text if text and isinstance(error, DicompressError) else f"{type(error).__name__}: {text}".rstrip(": ")
