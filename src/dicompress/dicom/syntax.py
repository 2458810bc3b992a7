"""Transfer syntaxes: ours, and those that can be compressed."""

from __future__ import annotations

from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
)

# Private transfer syntax: Explicit VR Little Endian, Pixel Data encapsulated, one dicompress stream a frame, or one for all.
DICOMPRESS = UID("2.25.295627088644320522631179041711488646091")
# What JPEG frames are recompressed to, and what they may be: Baseline, and Extended of 8 bits.
JPEG_XL_JPEG = UID("1.2.840.10008.1.2.4.111")
JPEG = {JPEGBaseline8Bit, JPEGExtended12Bit}

NATIVE = {ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian}

# Lossless by definition.
JPEG_LOSSLESS = {UID("1.2.840.10008.1.2.4.57"), UID("1.2.840.10008.1.2.4.70")}  # Process 14; Selection Value 1
JPEG_XL_LOSSLESS = UID("1.2.840.10008.1.2.4.110")
ENCAPSULATED_UNCOMPRESSED = UID("1.2.840.10008.1.2.1.98")
DEFLATED_FRAMES = UID("1.2.840.10008.1.2.8.1")
LOSSLESS = JPEG_LOSSLESS | {
    UID("1.2.840.10008.1.2.5"),  # RLE Lossless
    UID("1.2.840.10008.1.2.4.80"),  # JPEG-LS Lossless
    UID("1.2.840.10008.1.2.4.90"),  # JPEG 2000 Lossless Only
    UID("1.2.840.10008.1.2.4.201"),  # HTJ2K Lossless Only
    UID("1.2.840.10008.1.2.4.202"),  # HTJ2K with RPCL Lossless Only
    JPEG_XL_LOSSLESS,
    ENCAPSULATED_UNCOMPRESSED,
    DEFLATED_FRAMES,
}

# pydicom 3.0 has no names for these.
NAMES = {
    DICOMPRESS: "dicompress",
    JPEG_XL_JPEG: "JPEG XL JPEG Recompression",
    JPEG_XL_LOSSLESS: "JPEG XL Lossless",
    DEFLATED_FRAMES: "Deflated Image Frame Compression",
}


def name(syntax: UID) -> str:
    return NAMES.get(syntax, syntax.name)
