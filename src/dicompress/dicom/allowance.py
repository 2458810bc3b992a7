"""What error an image may bear: the user's wish, what forbids it, and the bound in stored units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset

from ..codec.bound import MAX_NEAR
from ..errors import UnsupportedImageError
from .pixels import PixelLayout

MAMMOGRAPHY = "1.2.840.10008.5.1.4.1.1.1.2"  # Digital Mammography X-Ray Image Storage, for presentation; .1: for processing
BREAST = tuple(f"1.2.840.10008.5.1.4.1.1.13.1.{n}" for n in (3, 4, 5))  # tomosynthesis and projection images


@dataclass(frozen=True)
class Allowance:
    """The error a user allows, in one of three ways. ValueError unless it is one, and possible.

    near: in stored units, 1 to 255. hu: in Hounsfield units. psnr: as much as leaves so many dB. lossy_again: also where an
    image is marked as lossy already. mammography: also in mammograms. quantitative: also where values are measurements, such as
    RT Dose and PET. strict: images that bear no error are passed on, instead of being compressed without loss.
    """

    near: int | None = None
    hu: float | None = None
    psnr: float | None = None
    lossy_again: bool = False
    mammography: bool = False
    quantitative: bool = False
    strict: bool = False

    def __post_init__(self):
        given = [value for value in (self.near, self.hu, self.psnr) if value is not None]
        if len(given) != 1 or not 0 < given[0] < float("inf"):
            raise ValueError("allow one error: near, hu or psnr, above 0")
        if self.near is not None and not 1 <= self.near <= MAX_NEAR:
            raise ValueError(f"near is 1 to {MAX_NEAR}, not {self.near}")


def check_allowed(dataset: Dataset, allowance: Allowance) -> None:
    """UnsupportedImageError for images that should bear no (further) error, unless it is allowed all the same."""
    if dataset.get("LossyImageCompression") == "01" and not allowance.lossy_again:
        raise UnsupportedImageError(
            "Lossy Image Compression (0028,2110) is 01: it has lost something already; --allow-lossy-again adds to it"
        )
    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        raise UnsupportedImageError("PALETTE COLOR: another index is another colour, so that no error is small")
    sop_class = str(dataset.get("SOPClassUID", ""))
    breast = dataset.get("Modality") == "MG" or sop_class in BREAST or sop_class.startswith(MAMMOGRAPHY)
    if breast and not allowance.mammography:
        raise UnsupportedImageError(
            "a mammogram, where an error may hide what is looked for; --allow-mammography compresses it all the same"
        )


def near_of_hu(dataset: Dataset, hu: float) -> int:
    """So many Hounsfield units in stored units, rounded down; at most 255. UnsupportedImageError without a rescale to HU."""
    slopes = []
    for item in _rescales(dataset):
        unit = item.get("RescaleType") or ("HU" if dataset.get("Modality") == "CT" else "missing")
        if unit != "HU":
            raise UnsupportedImageError(f"Rescale Type (0028,1054) is {unit}, so that an error in HU means nothing")
        slopes.append(abs(float(item.RescaleSlope)))
    if not slopes or not max(slopes):
        raise UnsupportedImageError("no Rescale Slope (0028,1053), so that an error in HU means nothing")
    return min(int(hu / max(slopes) + 1e-6), MAX_NEAR)


def _rescales(dataset: Dataset) -> Iterator[Dataset]:
    """Whatever has a Rescale Slope: the data set itself, or functional groups."""
    if "RescaleSlope" in dataset:
        yield dataset
    for keyword in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in dataset.get(keyword) or ():
            yield from (i for i in group.get("PixelValueTransformationSequence") or () if "RescaleSlope" in i)


def padding(dataset: Dataset, image: PixelLayout) -> list[tuple[int, int]]:
    """The run of values that Pixel Padding Value and Pixel Padding Range Limit set apart (PS3.3 C.7.5.1.1.2), if any."""
    found = [dataset.get(k) for k in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
    try:
        stored = [int(value) & (1 << image.bits_allocated) - 1 for value in found if value is not None]
    except (TypeError, ValueError):
        raise UnsupportedImageError(f"Pixel Padding Value (0028,0120) is {found[0]!r}, which is no value") from None
    values = np.array(stored, f"u{image.bits_allocated // 8}").view(image.dtype).tolist()
    return [(min(values), max(values))] if found[0] is not None else []
