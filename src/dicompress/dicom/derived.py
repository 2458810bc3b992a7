"""The attributes of an image that near-lossless compression derived from another (PS3.3 C.7.6.1.1.5, C.12.4)."""

from __future__ import annotations

import hashlib
from copy import deepcopy
from typing import Any
from uuid import UUID

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID

from .. import __version__
from ..errors import UnsupportedImageError
from .intensities import frame_descriptions
from .reading import readable

METHOD = "DICOMPRESS"
LONGEST_TEXT = 1024  # characters of an ST
LOSSY_COMPRESSION = ("113040", "Lossy Compression")  # CID 7203, Image Derivation
UNCOMPRESSED_PREDECESSOR = ("121320", "Uncompressed predecessor")  # CID 7202, Source Image Purposes of Reference
SIGNATURES = ("MACParametersSequence", "DigitalSignaturesSequence")  # they would not hold


def derived(dataset: Dataset, pixels: np.ndarray, near: int, coded_bytes: int) -> Dataset:
    """A copy of `dataset` with the attributes of a new image: `pixels`, none further than `near` from before.

    pixels: (frames, rows, columns), stored values. coded_bytes: what they take when compressed. UnsupportedImageError if
    the data set has no SOP Instance UID to refer to, or elements that cannot be read.
    """
    dataset = deepcopy(dataset)
    with readable("elements that a derived image has to change cannot be read"):
        _derive(dataset, pixels, near, coded_bytes)
    return dataset


def _derive(dataset: Dataset, pixels: np.ndarray, near: int, coded_bytes: int) -> None:
    source: dict[str, Any] = {
        "ReferencedSOPClassUID": dataset.get("SOPClassUID"),
        "ReferencedSOPInstanceUID": dataset.get("SOPInstanceUID"),
    }
    if None in source.values():
        raise UnsupportedImageError("no SOP Class and Instance UID (0008,0016), (0008,0018) that a derived image could refer to")
    ratios, methods = (_values(dataset, f"LossyImageCompression{k}") for k in ("Ratio", "Method"))
    methods += [""] * (len(ratios) - len(methods))
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionRatio = [*ratios, f"{pixels.nbytes / coded_bytes:.2f}"]
    dataset.LossyImageCompressionMethod = [*methods, METHOD]
    dataset.ImageType = ["DERIVED", *(_values(dataset, "ImageType")[1:] or ["PRIMARY"])]
    for item in frame_descriptions(dataset):
        if "FrameType" in item:
            item.FrameType = ["DERIVED", *_values(item, "FrameType")[1:]]
    dataset.SOPInstanceUID = _instance_uid(source, pixels)
    reference = Dataset()
    for keyword, uid in source.items():
        setattr(reference, keyword, UID(uid))
    reference.PurposeOfReferenceCodeSequence = [_code(*UNCOMPRESSED_PREDECESSOR)]
    dataset.SourceImageSequence = [*(dataset.get("SourceImageSequence") or ()), reference]
    text = f"Near-lossless compression by dicompress {__version__}: no pixel is off by more than {near} in stored values"
    before = dataset.get("DerivationDescription")
    dataset.DerivationDescription = (f"{text}; {before}" if before else text)[:LONGEST_TEXT]
    dataset.DerivationCodeSequence = [*(dataset.get("DerivationCodeSequence") or ()), _code(*LOSSY_COMPRESSION)]
    for keyword, value in (("SmallestImagePixelValue", pixels.min()), ("LargestImagePixelValue", pixels.max())):
        if keyword in dataset:
            dataset[keyword].value = int(value)
    for keyword in SIGNATURES:
        if keyword in dataset:
            del dataset[keyword]


def _values(dataset: Dataset, keyword: str) -> list[Any]:
    """The values of an element of any multiplicity."""
    value = dataset.get(keyword)
    return [] if value is None or value == "" else [value] if isinstance(value, (str, float)) else list(value)


def _instance_uid(source: dict[str, Any], pixels: np.ndarray) -> UID:
    """A UUID-derived UID (PS3.5 B.2): the same for the same pixels from the same source."""
    digest = hashlib.sha256(f"{source['ReferencedSOPInstanceUID']} {pixels.shape} ".encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return UID(f"2.25.{UUID(bytes=digest.digest()[:16], version=5).int}")


def _code(value: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "DCM", meaning
    return item
