"""pydicom data sets in memory: compress and decompress their Pixel Data."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID

from ..errors import UnsupportedImageError, VerificationError
from ..models import DEFAULT
from . import pixels as px
from .allowance import Allowance, check_allowed
from .derived import derive
from .elements import encapsulated_file, native_file, split_frames
from .part10 import parse
from .syntax import DICOMPRESS, NATIVE
from .transcode import decode_streams, encode_frames


def compress_dataset(
    dataset: Dataset, *, model: str = DEFAULT, allowance: Allowance | None = None, threads: int = 0
) -> Dataset:
    """A copy of `dataset` whose Pixel Data is compressed, in the transfer syntax of dicompress.

    Pixels and all other elements are kept; the original is not touched. `save_as` writes the copy. allowance:
    `Allowance(near=2)` for a derived image instead, none of whose pixels is off by more than 2 stored values.
    UnsupportedImageError for pixels that cannot be compressed (float, 1-bit, lossy syntaxes) or bear no error.
    """
    image = px.layout(dataset)
    syntax = _syntax(dataset)
    px.check_syntax(dataset, syntax)
    if allowance:
        check_allowed(dataset, allowance)
    if syntax in NATIVE:
        element = dataset["PixelData"]
        array = px.native_pixels(element.value, image, syntax, element.VR)
    else:
        array, interpretation = px.decoded_pixels(dataset, image, syntax)
        if interpretation != image.interpretation:
            dataset = parse(native_file(dataset, array)).dataset
            dataset.PhotometricInterpretation = interpretation
    streams, decoded, near = encode_frames(array, dataset, image, model, threads, allowance)
    if not np.array_equal(decode_streams(streams, image, threads), decoded):
        raise VerificationError("the pixels do not come back as they were encoded; please report this")
    if near:
        dataset = parse(native_file(dataset, decoded)).dataset
        derive(dataset, decoded, near, sum(map(len, streams)))
    return parse(encapsulated_file(dataset, DICOMPRESS, streams)).dataset


def decompress_dataset(dataset: Dataset, *, threads: int = 0) -> Dataset:
    """A copy of `dataset` with native pixels, as Explicit VR Little Endian. StreamError if the pixels are damaged."""
    syntax = _syntax(dataset)
    if syntax != DICOMPRESS:
        raise UnsupportedImageError(f"not compressed by dicompress: transfer syntax {syntax.name}")
    image = px.layout(dataset)
    array = decode_streams(split_frames(dataset.PixelData, image.frames), image, threads)
    return parse(native_file(dataset, array)).dataset


def _syntax(dataset: Dataset) -> UID:
    meta = getattr(dataset, "file_meta", None)
    if meta is None or "TransferSyntaxUID" not in meta:
        raise UnsupportedImageError("the data set has no file_meta.TransferSyntaxUID (0002,0010)")
    return meta.TransferSyntaxUID
