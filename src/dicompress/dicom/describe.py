"""What `dicompress info` shows of a file."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.uid import UID

from .. import codec
from . import pixels as px
from .elements import frame_items
from .part10 import Part10, parse
from .recompress import jpeg_xl_frames, number
from .record import BYTES, NEAR, PIXELS, EditedError, RecordHead, check_ours, record_bytes
from .syntax import JPEG_XL_JPEG

GUARANTEES = {
    BYTES: "the original file, byte for byte",
    PIXELS: "identical pixels and elements, as Explicit VR Little Endian",
    NEAR: "a derived image with a bounded error, as Explicit VR Little Endian; not the original",
}
JPEG_XL = "JPEG XL, holding the JPEG"  # instead of a model


@dataclass(frozen=True)
class FileInfo(codec.StreamInfo):
    """A file's streams, one a frame, taken together, and what `decompress` gives back. level_bytes: summed over them.

    Of JPEG frames in JPEG XL the one checksum is that of all JPEG bytes. original_transfer_syntax: UID and name; None if the
    elements were changed after compression.
    """

    original_transfer_syntax: str | None
    guarantee: str


def describe(data: bytes) -> FileInfo:
    """Facts of a compressed file, without decoding it. UnsupportedImageError if it is not in our transfer syntax."""
    part10 = parse(data)
    check_ours(part10.dataset.file_meta)
    if part10.syntax == JPEG_XL_JPEG:
        return _describe_jpeg(part10)
    image = px.layout(part10.dataset)
    streams = [codec.inspect(s) for s in frame_items(part10, image.frames)]
    try:
        head, _ = RecordHead.read(record_bytes(part10.dataset.file_meta))
        guarantee, original = head.guarantee, head.original_syntax
    except EditedError:
        guarantee, original = PIXELS, None
    coded = sum(s.coded_bytes for s in streams)
    levels = min(s.levels for s in streams)
    facts = vars(streams[0]) | {
        "frames": image.frames,
        "near": max(s.near for s in streams),
        "coded_bytes": coded,
        "levels": levels,
        "level_bytes": [sum(s.level_bytes[k] for s in streams) for k in range(levels + 1)],
        "checksums": [c for s in streams for c in s.checksums],
    }
    facts |= _rates(coded, image.frames * image.rows * image.columns, image.samples, image.bits_allocated, image.bits_stored)
    return FileInfo(**facts, original_transfer_syntax=_name(original), guarantee=GUARANTEES[guarantee])


def _describe_jpeg(part10: Part10) -> FileInfo:
    dataset = part10.dataset
    head, _ = RecordHead.read(record_bytes(dataset.file_meta))
    frames = jpeg_xl_frames(part10)
    coded = sum(map(len, frames))
    rows, columns, samples = (number(part10, name) for name in ("Rows", "Columns", "SamplesPerPixel"))
    return FileInfo(
        rows=rows,
        columns=columns,
        samples=samples,
        frames=len(frames),
        bits_allocated=8,
        bits_stored=8,
        signed=False,
        near=0,
        model=JPEG_XL,
        model_hash="",
        coded_bytes=coded,
        **_rates(coded, len(frames) * rows * columns, samples, 8, 8),
        levels=0,
        level_bytes=[coded],
        checksums=[head.jpeg_digest.hex()],
        original_transfer_syntax=_name(head.original_syntax),
        guarantee=GUARANTEES[head.guarantee],
    )


def _rates(coded: int, pixels: int, samples: int, bits_allocated: int, bits_stored: int) -> dict[str, float]:
    bits = 8 * coded / pixels
    return {
        "bits_per_pixel": bits,
        "ratio_allocated": bits_allocated * samples / bits,
        "ratio_stored": bits_stored * samples / bits,
    }


def _name(syntax: UID | None) -> str | None:
    return syntax and f"{syntax} ({syntax.name})"
