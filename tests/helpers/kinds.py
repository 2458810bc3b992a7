"""Small files of every kind that is compressed, passed on or bears no error."""

from __future__ import annotations

import io
import zlib

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    RLELossless,
)

from .files import change, make, pydicom_file, read
from .images import phantom
from .objects import ITEM, Writer, encapsulated, encapsulated_file, head_of, in_syntax, insert

PIXELS = phantom(64, 64)
W, IMPLICIT = Writer(), Writer(implicit=True)
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


def as_implicit(original: bytes) -> bytes:
    """The file as it is with its data set in implicit VR, whatever its transfer syntax says."""
    dataset, buffer = read(original), io.BytesIO()
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.save_as(buffer)
    return in_syntax(buffer.getvalue(), ExplicitVRLittleEndian)


def without_head(syntax: UID) -> bytes:
    data = make(PIXELS, syntax)
    return data[144 + int.from_bytes(data[140:144], "little") :]


HEADERLESS = {
    "implicit": lambda: without_head(ImplicitVRLittleEndian),
    "explicit": lambda: without_head(ExplicitVRLittleEndian),
    "big-endian": lambda: without_head(ExplicitVRBigEndian),
    "meta without preamble": lambda: make(PIXELS)[132:],
    "magic without preamble": lambda: make(PIXELS)[128:],
    "preamble without meta": lambda: bytes(128) + b"DICM" + without_head(ExplicitVRLittleEndian),
    "pydicom-data": lambda: pydicom_file("OT-PAL-8-face.dcm"),
}


def deflated(pixels: np.ndarray) -> bytes:
    engine = zlib.compressobj(1, zlib.DEFLATED, -15)
    return engine.compress(pixels.tobytes()) + engine.flush()


SOURCES = {
    "JPEG XL Lossless": ("1.2.840.10008.1.2.4.110", lambda p: imagecodecs.jpegxl_encode(p, lossless=True, effort=1)),
    "Encapsulated Uncompressed": ("1.2.840.10008.1.2.1.98", lambda p: p.tobytes()),
    "Deflated Image Frame": ("1.2.840.10008.1.2.8.1", deflated),
}


def three() -> np.ndarray:
    return np.stack([(phantom(64, 64, k) >> 4).astype(np.uint8) for k in range(3)])


def with_table(table: bytes) -> bytes:
    frames = [imagecodecs.jpeg8_encode(p) for p in three()]
    data = encapsulated_file(JPEGBaseline8Bit, frames, three())
    return head_of(data) + encapsulated(*(f + b"\0" * (len(f) % 2) for f in frames), table=table)


PASSED_ON = {
    "frames that do not add up": lambda: encapsulated_file(
        JPEGBaseline8Bit, [imagecodecs.jpeg8_encode(p) for p in three()], three()[:2]
    ),
    "fewer frames": lambda: encapsulated_file(JPEGBaseline8Bit, [imagecodecs.jpeg8_encode(p) for p in three()[:1]], three()),
    "a table that points elsewhere": lambda: with_table(b"\x09\0\0\0" * 3),
    "a table beyond the end": lambda: with_table(b"\0\0\0\0\xff\xff\xff\x7f\xff\xff\xff\x7f"),
    "empty": lambda: head_of(make(PIXELS)) + W.element(0x7FE00010, "OW"),
    "empty, implicit": lambda: head_of(make(PIXELS, ImplicitVRLittleEndian)) + IMPLICIT.element(0x7FE00010, ""),
    "no items": lambda: encapsulated_file(RLELossless, [], PIXELS).replace(ITEM + bytes(4), b""),
    "1 bit": lambda: change(pydicom_file("liver_1frame.dcm"), PixelRepresentation=1),
    "64 bits": lambda: change(pydicom_file("rtdose.dcm"), BitsAllocated=64),
    "no pixels": lambda: pydicom_file("rtplan.dcm"),
    "elements in the place of the record": lambda: insert(make(PIXELS), W.element(0x7FD90010, "LO", b"SOMEBODY")),
}


def item(**values) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


STORAGE = "1.2.840.10008.5.1.4.1.1."
LABELS = {
    "Segmentation": {"SOPClassUID": STORAGE + "66.4"},
    "Label Map Segmentation": {"SOPClassUID": STORAGE + "66.7"},
    "Parametric Map": {"SOPClassUID": STORAGE + "30"},
    "Ophthalmic Thickness Map": {"SOPClassUID": STORAGE + "81.1"},
    "Modality": {"Modality": "SEG"},
    "Segmentation Type": {"SegmentationType": "FRACTIONAL"},
    "Segment Sequence": {"SegmentSequence": [item(SegmentNumber=1)]},
    "Image Type": {"ImageType": ["DERIVED", "PRIMARY", "LABELMAP"]},
    "PALETTE COLOR": {"PhotometricInterpretation": "PALETTE COLOR"},
}
MEASUREMENTS = {
    "RT Dose": {"SOPClassUID": STORAGE + "481.2", "Modality": "RTDOSE"},
    "RT Dose by its scale": {"DoseGridScaling": "0.01"},
    "PET": {"SOPClassUID": STORAGE + "128"},
    "enhanced PET": {"SOPClassUID": STORAGE + "130"},
    "PET by modality": {"Modality": "PT"},
    "becquerels": {"Units": "BQML"},
    "ADC": {"ImageType": ["DERIVED", "PRIMARY", "ADC"]},
    "Frame Type": {
        "SharedFunctionalGroupsSequence": [
            item(MRImageFrameTypeSequence=[item(FrameType=["DERIVED", "PRIMARY", "DIFFUSION", "ADC"])])
        ]
    },
    "densities": {"RescaleSlope": "1", "RescaleIntercept": "0", "RescaleType": "MGML"},
    "densities of frames": {
        "PerFrameFunctionalGroupsSequence": [
            item(PixelValueTransformationSequence=[item(RescaleSlope="1", RescaleIntercept="0", RescaleType="Z_EFF")])
        ]
    },
}


def with_slope(slope: str, syntax=ExplicitVRLittleEndian) -> bytes:
    """A CT whose Rescale Slope is this text."""
    longest = b"8765432.1234567 "
    original = change(make(phantom(48, 40), syntax), Modality="CT", RescaleIntercept="0", RescaleSlope=longest.decode().strip())
    assert original.count(longest) == 1
    return original.replace(longest, slope.encode().ljust(len(longest)))


def originals(small: bytes) -> list[bytes]:
    """Small files in every form that is compressed, passed on or refused an error; `small` is one of them as it is."""
    kinds = [small, *(make(phantom(24, 20), syntax) for syntax in SYNTAXES), as_implicit(small)]
    kinds += [make_file() for name, make_file in HEADERLESS.items() if name != "pydicom-data"]
    kinds += [make_file() for name, make_file in PASSED_ON.items() if name not in ("1 bit", "32 bits", "no pixels")]
    kinds += [change(make(phantom(24, 20)), **attributes) for attributes in (LABELS | MEASUREMENTS).values()]
    kinds += [with_slope(slope) for slope in ("1\\2", "NaN", "-2", "")]
    kinds += [encapsulated_file(syntax, [encode(PIXELS)], PIXELS) for syntax, encode in SOURCES.values()]
    return kinds
