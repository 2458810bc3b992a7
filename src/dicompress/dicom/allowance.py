"""What error an image may bear: the user's wish, what forbids it, and the bound in stored units."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ..codec import MAX_NEAR, Settings, near_for_psnr
from ..errors import UnsupportedImageError
from .intensities import is_mammogram, measurement, no_intensities, transformations
from .pixels import PixelLayout, reader_values
from .reading import readable


@dataclass(frozen=True)
class Allowance:
    """The error a user allows, in one of three ways. ValueError unless it is one, and possible.

    near: in stored units, a whole number, 1 to 255. hu: in Hounsfield units, by the image's own Rescale Slope. psnr: as much as leaves
    so many dB, against the image's own range of values. lossy_again: also
    where an image is marked as lossy already. mammography: also in mammograms. quantitative: also where values are measurements,
    such as RT Dose and PET. strict: images that bear no error are passed on, instead of being compressed without loss.
    """

    near: int | None = None
    hu: float | None = None
    psnr: float | None = None
    lossy_again: bool = False
    mammography: bool = False
    quantitative: bool = False
    strict: bool = False

    def __post_init__(self) -> None:
        given = [value for value in (self.near, self.hu, self.psnr) if value is not None]
        if len(given) != 1 or isinstance(given[0], (bool, str)) or not 0 < given[0] < math.inf:
            raise ValueError("allow one error: near, hu or psnr, above 0")
        if self.near is not None and not (isinstance(self.near, (int, np.integer)) and 1 <= self.near <= MAX_NEAR):
            raise ValueError(f"near is a whole number from 1 to {MAX_NEAR}, not {self.near}")


def check_allowed(dataset: Dataset, allowance: Allowance) -> None:
    """UnsupportedImageError for images that should bear no (further) error, unless it is allowed all the same."""
    with readable("the elements that say whether it bears an error cannot be read"):
        _check_allowed(dataset, allowance)


def _check_allowed(dataset: Dataset, allowance: Allowance) -> None:
    kind = no_intensities(dataset)
    if kind:
        raise UnsupportedImageError(f"{kind}: another value is another thing, so that no error is small")
    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        raise UnsupportedImageError("PALETTE COLOR: another index is another colour, so that no error is small")
    if dataset.get("LossyImageCompression") == "01" and not allowance.lossy_again:
        raise UnsupportedImageError(
            "Lossy Image Compression (0028,2110) is 01: it has lost something already; --allow-lossy-again adds to it"
        )
    if is_mammogram(dataset) and not allowance.mammography:
        raise UnsupportedImageError(
            "a mammogram, where an error may hide what is looked for; --allow-mammography compresses it all the same"
        )
    kind = measurement(dataset)
    if kind and not allowance.quantitative:
        raise UnsupportedImageError(f"{kind}, whose values others compute with; --allow-quantitative compresses it all the same")


def check_words(pixels: np.ndarray, image: PixelLayout) -> None:
    """UnsupportedImageError unless words are the values that readers see, so that an error of a word is one of a value."""
    if not image.bits_stored - 1 <= image.high_bit < image.bits_allocated:
        raise UnsupportedImageError(f"High Bit (0028,0102) {image.high_bit} with {image.bits_stored} Bits Stored")
    if any(not np.array_equal(reader_values(frame, image), frame) for frame in pixels):
        raise UnsupportedImageError(
            f"the bits above Bits Stored (0028,0101) {image.bits_stored} or below High Bit (0028,0102) hold something else"
        )


def near_of(allowance: Allowance, dataset: Dataset, pixels: np.ndarray, exact: list[tuple[int, int]], settings: Settings) -> int:
    """The error allowed in stored units; 0 if that is less than one. settings: of `codec.encode`."""
    if allowance.near is not None:
        return int(allowance.near)
    if allowance.hu is not None:
        return near_of_hu(dataset, allowance.hu)
    assert allowance.psnr is not None  # one of three is given
    return near_for_psnr(pixels, allowance.psnr, exact=exact, **settings)


def near_of_hu(dataset: Dataset, hu: float) -> int:
    """So many Hounsfield units in stored units, rounded down; at most 255. UnsupportedImageError without a rescale to HU."""
    slopes = []
    with readable("the elements of the rescale to HU cannot be read"):
        for item in transformations(dataset):
            if "RescaleSlope" not in item:
                continue
            unit = str(item.get("RescaleType") or ("HU" if dataset.get("Modality") == "CT" else "missing")).strip()
            if unit != "HU":
                raise UnsupportedImageError(f"Rescale Type (0028,1054) is {unit}, so that an error in HU means nothing")
            slopes.append(abs(_number(item, "RescaleSlope", "Rescale Slope (0028,1053)")))
    if not slopes:
        raise UnsupportedImageError("no Rescale Slope (0028,1053), so that an error in HU means nothing")
    return int(min(hu / max(slopes) + 1e-6, MAX_NEAR))


def _number(dataset: Dataset, keyword: str, name: str) -> float:
    """UnsupportedImageError unless an element is one number, finite and not zero."""
    try:
        value = dataset.get(keyword)
        told = "empty" if value is None or value == "" else str(value)
        number = math.nan if isinstance(value, MultiValue) or told == "empty" else float(value)
    except Exception:  # pydicom raises several kinds when it converts a damaged element
        told, number = "no number", math.nan
    if not math.isfinite(number) or not number:
        raise UnsupportedImageError(f"{name} is {told}, so that an error in HU means nothing")
    return number


def padding(dataset: Dataset, image: PixelLayout) -> list[tuple[int, int]]:
    """The run of values that Pixel Padding Value and Pixel Padding Range Limit set apart (PS3.3 C.7.5.1.1.2), if any."""
    with readable("Pixel Padding Value (0028,0120) or its Range Limit (0028,0121) is no value"):
        found = [dataset.get(k) for k in ("PixelPaddingValue", "PixelPaddingRangeLimit")]
        stored = [int(value) & (1 << image.bits_allocated) - 1 for value in found if value is not None]
    values = np.array(stored, f"u{image.bits_allocated // 8}").view(image.dtype).tolist()
    return [(min(values), max(values))] if found[0] is not None else []
