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

# Private transfer syntax: Explicit VR Little Endian, Pixel Data encapsulated, one dicompress stream a frame.
DICOMPRESS = UID("2.25.295627088644320522631179041711488646091")
# What JPEG frames are recompressed to, and what they may be: Baseline, and Extended of 8 bits.
JPEG_XL_JPEG = UID("1.2.840.10008.1.2.4.111")
JPEG = {JPEGBaseline8Bit, JPEGExtended12Bit}
# Private Information Creator (0002,0100) of the restore record in (0002,0102).
RESTORE_RECORD = UID("2.25.131460155663318614439541620589910596328")

NATIVE = {ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian}

# Lossless by definition.
LOSSLESS = {
    UID("1.2.840.10008.1.2.5"),  # RLE Lossless
    UID("1.2.840.10008.1.2.4.57"),  # JPEG Lossless, Process 14
    UID("1.2.840.10008.1.2.4.70"),  # JPEG Lossless, Process 14, Selection Value 1
    UID("1.2.840.10008.1.2.4.80"),  # JPEG-LS Lossless
    UID("1.2.840.10008.1.2.4.90"),  # JPEG 2000 Lossless Only
    UID("1.2.840.10008.1.2.4.201"),  # HTJ2K Lossless Only
    UID("1.2.840.10008.1.2.4.202"),  # HTJ2K with RPCL Lossless Only
}
