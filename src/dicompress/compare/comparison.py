"""Two files of one image: whether they fit together, and how far the restored pixels are from the original ones."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import UID

from ..dicom import FileInfo, describe
from ..dicom import pixels as px
from ..dicom.part10 import Part10, parse
from ..dicom.restore import is_ours
from ..dicom.stored import whole_pixels
from ..dicom.syntax import NATIVE
from ..errors import DicompressError
from .quality import psnr, quality
from .window import in_hu, rescale


@dataclass(frozen=True)
class Source:
    """A file. size: its bytes. dataset: its elements as they lie there. layout, pixels: as of `whole_pixels`.

    coded_bytes: of encapsulated pixel data, else None. info: of a file that dicompress made, else None.
    """

    path: Path
    size: int
    dataset: Dataset
    syntax: UID
    layout: px.PixelLayout
    pixels: np.ndarray
    coded_bytes: int | None
    info: FileInfo | None


@dataclass(frozen=True)
class Figures:
    """Over all frames, in stored values; error: restored - original, of each sample.

    pixels, unchanged: pixels, of colours those with no error in any sample. peak, psnr, psnr_own, mse, mse8: as of `quality`.
    ssim: the frames' mean. worst: the frame with the largest mean squared error, from 0; the middle one if all are equal.
    """

    pixels: int
    unchanged: int
    max_error: int
    mean_error: float
    mse: float
    mse8: float
    peak: int
    psnr: float | None
    psnr_own: float | None
    ssim: float | None
    worst: int


@dataclass(frozen=True)
class Comparison:
    """near: the bound that the compressed file promises, if it does. slope: HU a stored value, of the worst frame; None
    if there are no HU. same_slope: it is that of all frames.
    """

    original: Source
    compressed: Source
    figures: Figures
    near: int | None
    slope: float | None
    same_slope: bool
    warnings: list[str]

    @property
    def scale(self) -> int:
        """The end of the error map's colours."""
        return max(self.figures.max_error, self.near or 0) if self.figures.max_error else 0


def compare(original: tuple[Path, bytes], compressed: tuple[Path, bytes]) -> Comparison:
    """Paths, as messages name them, and the files' bytes. DicompressError, with file and tag, where they do not fit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first, second = (_source(path, data) for path, data in (original, compressed))
        slopes = _check(first, second)
        found = figures(first.pixels, second.pixels, first.layout.bits_stored)
        near = getattr(second.info, "near", None)
        shown = slopes[found.worst]
        slope = shown[0] if shown and shown[0] > 0 and in_hu(first.dataset, found.worst) else None
        remarks = _warnings(first, second, found, near)
        return Comparison(first, second, found, near, slope, len(set(slopes)) == 1, remarks)


def figures(original: np.ndarray, restored: np.ndarray, bits_stored: int) -> Figures:
    """Both (frames, rows, columns[, samples]). Signed values are shifted, both images' alike, so that none is below 0."""
    low = min(int(original.min()), int(restored.min()), 0)
    bits = max(bits_stored, (int(original.max()) - low).bit_length())
    unchanged = total = largest = 0
    found = []
    for a, b in zip(original, restored):
        error = b.astype(np.int32) - a
        unchanged += int(np.count_nonzero((error == 0).reshape(*error.shape[:2], -1).all(-1)))
        total += int(error.sum(dtype=np.int64))
        largest = max(largest, int(np.abs(error).max()))
        first, second = ((frame.astype(np.int32) - low).astype(np.uint16) for frame in (a, b))
        found.append(_quality(first, second, bits))
    mses = [q["mse"] for q in found]
    mse, peak = float(np.mean(mses)), found[0]["peak"]
    return Figures(
        pixels=int(np.prod(original.shape[:3])),
        unchanged=unchanged,
        max_error=largest,
        mean_error=total / original.size,
        mse=mse,
        mse8=mse * (255 / peak) ** 2,
        peak=peak,
        psnr=psnr(mse, peak),
        psnr_own=psnr(mse, int(original.max()) - int(original.min())),
        ssim=_mean([q["ssim"] for q in found]),
        worst=int(np.argmax(mses)) if largest else len(mses) // 2,
    )


class FrameQuality(TypedDict):
    """Of `Quality`, what frames are averaged over."""

    peak: int
    mse: float
    ssim: float | None


def _quality(original: np.ndarray, restored: np.ndarray, bits: int) -> FrameQuality:
    """`quality` of a frame; of colours the mean over its samples, each an image."""
    if original.ndim == 2:
        one = quality(original, restored, bits)
        return {"peak": one["peak"], "mse": one["mse"], "ssim": one["ssim"]}
    found = [quality(a, b, bits) for a, b in zip(np.moveaxis(original, -1, 0), np.moveaxis(restored, -1, 0))]
    return {
        "peak": found[0]["peak"],
        "mse": float(np.mean([q["mse"] for q in found])),
        "ssim": _mean([q["ssim"] for q in found]),
    }


def _mean(values: list[float | None]) -> float | None:
    """None if one is."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if len(known) == len(values) else None


def _source(path: Path, data: bytes) -> Source:
    try:
        part10 = parse(data)
        pixels, image = whole_pixels(part10)
        info = describe(data) if is_ours(part10) else None
        coded = info.coded_bytes if info else _coded_bytes(part10, image.frames)
        return Source(path, len(data), part10.dataset, part10.syntax, image, pixels, coded, info)
    except DicompressError as error:
        raise type(error)(f"{path}: {error}") from None


def _coded_bytes(part10: Part10, frames: int) -> int | None:
    if part10.syntax in NATIVE:
        return None
    try:
        return sum(map(len, generate_frames(bytes(part10.value), number_of_frames=frames)))
    except Exception:  # pydicom raises many kinds where frames have no clear borders
        return None


def _check(original: Source, compressed: Source) -> list[tuple[float, float] | None]:
    """Rescale Slope and Intercept of each frame. DicompressError unless stored values of both files mean the same."""

    def same(tag: str, first: object, second: object) -> None:
        if first != second:
            raise DicompressError(f"{compressed.path}: {tag} is {second}, in {original.path} it is {first}")

    a, b = original.layout, compressed.layout
    same("Photometric Interpretation (0028,0004)", a.interpretation, b.interpretation)
    same("Rows (0028,0010)", a.rows, b.rows)
    same("Columns (0028,0011)", a.columns, b.columns)
    same("Number of Frames (0028,0008)", a.frames, b.frames)
    same("Pixel Representation (0028,0103)", int(a.signed), int(b.signed))
    slopes, others = (_slopes(source) for source in (original, compressed))
    for first, second in zip(slopes, others):
        for i, tag in enumerate(("Rescale Slope (0028,1053)", "Rescale Intercept (0028,1052)")):
            same(tag, (first or (1.0, 0.0))[i], (second or (1.0, 0.0))[i])
    return slopes


def _slopes(source: Source) -> list[tuple[float, float] | None]:
    try:
        return [rescale(source.dataset, number) for number in range(source.layout.frames)]
    except Exception as error:  # pydicom raises many kinds for values that make no sense
        text = f"Rescale Slope (0028,1053) or Intercept (0028,1052) cannot be read: {error}"
        raise DicompressError(f"{source.path}: {text}") from None


def _warnings(original: Source, compressed: Source, found: Figures, near: int | None) -> list[str]:
    texts = []
    if not _is_derived(original.dataset, compressed.dataset):
        texts.append(
            "The compressed file is not known to be made from this original: the original's SOP Instance UID "
            "(0008,0018) is neither its own nor in its Source Image Sequence (0008,2112)."
        )
    if near is not None and found.max_error > near:
        texts.append(
            f"The largest error is {found.max_error}, but the compressed file promises {near} at most: it was made from other pixels."
        )
    a, b = original.layout.bits_stored, compressed.layout.bits_stored
    if a != b:
        texts.append(f"Bits Stored (0028,0101) is {a} in the original and {b} in the compressed file; PSNR is for {a}.")
    return texts


def _is_derived(original: Dataset, compressed: Dataset) -> bool:
    uid = original.get("SOPInstanceUID")
    sources = [item.get("ReferencedSOPInstanceUID") for item in compressed.get("SourceImageSequence") or []]
    return bool(uid) and uid in [compressed.get("SOPInstanceUID"), *sources]
