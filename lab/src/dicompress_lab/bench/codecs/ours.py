"""Our models, on one thread, without the verification that `dicompress.encode` does by default.

Of images in colour and with palettes `pyramid` stands for what `dicompress compress` makes of a file with these pixels: the
model's stream or JPEG XL, whichever is smaller, with its proof.
"""

from __future__ import annotations

from io import BytesIO

import numpy as np

from dicompress.models import DEFAULT, by_name

from ..codec import Codec, Encode
from .packages import installed

MODELS = {"l3c": "L3C", "srec": "SReC", "reference": "reference", "pyramid": "pyramid"}  # registry: tables


def codecs() -> list[Codec]:
    return [_codec(model, name) for model, name in MODELS.items()]


def _codec(model: str, name: str) -> Codec:
    origin = f"{installed('dicompress')}, weights {by_name(model, threads=1).hash.hex()}"
    if model != DEFAULT:
        return Codec(name, _encoder(model), decode, origin, slow=True)
    note = "colour and graphics: what `compress` makes of a file, with its proof"
    return Codec(name, _encoder(model), decode, origin, note=note, graphics=(compress, restore))


def _encoder(model: str) -> Encode:
    def encode(image: np.ndarray) -> bytes:
        import dicompress

        return dicompress.encode(image, model=model, threads=1, verify=False)

    return encode


def decode(data: bytes, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    import dicompress

    return dicompress.decode(data, threads=1)


def compress(image: np.ndarray) -> bytes:
    """The frame in the file that `compress` makes of (rows, columns) with a palette, (rows, columns, 3) as RGB, or pairs of
    pixels that share their colour, (rows, columns / 2, 4). ValueError for what it passes on.
    """
    from dicompress.dicom import PassedOn, compress_or_pass_on, describe
    from dicompress.dicom.part10 import parse
    from dicompress.dicom.pixels import layout
    from dicompress.dicom.restore import frames_of

    found = compress_or_pass_on(_file(image), threads=1)
    if isinstance(found, PassedOn):
        raise ValueError(found.reason)
    part10 = parse(found.data)
    (frame,) = frames_of(part10, layout(part10.dataset))
    return bytes(frame[: describe(found.data).coded_bytes])  # a stream without the byte that makes its length even


def restore(data: bytes, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    import dicompress
    from dicompress.codec import jpegxl

    if data.startswith((jpegxl.SIGNATURE, jpegxl.CONTAINER)):
        return jpegxl.decode(data)
    return dicompress.decode(data, threads=1)


def _file(image: np.ndarray) -> bytes:
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["dicompress"])
    dataset = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    rows, columns, *samples = image.shape
    halved = samples == [4]
    dataset.SamplesPerPixel = 3 if samples else 1
    dataset.PhotometricInterpretation = ("YBR_FULL_422" if halved else "RGB") if samples else "PALETTE COLOR"
    if samples:
        dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = rows, columns * (1 + halved)
    dataset.BitsAllocated = dataset.BitsStored = 8 * image.itemsize
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, 0
    dataset.PixelData = image.astype(image.dtype.newbyteorder("<")).tobytes()
    dataset["PixelData"].VR = "OB" if image.itemsize == 1 else "OW"
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
