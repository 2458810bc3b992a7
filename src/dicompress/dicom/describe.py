"""What `dicompress info` shows of a file."""

from __future__ import annotations

from dataclasses import dataclass

from .. import codec
from . import pixels as px
from .part10 import parse
from .record import BYTES, NEAR, PIXELS, EditedError, RestoreRecord
from .transcode import check_ours, frame_streams, record_bytes

GUARANTEES = {
    BYTES: "the original file, byte for byte",
    PIXELS: "identical pixels and elements, as Explicit VR Little Endian",
    NEAR: "a derived image with a bounded error, as Explicit VR Little Endian; not the original",
}


@dataclass(frozen=True)
class FileInfo(codec.StreamInfo):
    """A file's streams, one a frame, taken together, and what `decompress` gives back. level_bytes: summed over them.

    original_transfer_syntax: UID and name; None if the elements were changed after compression.
    """

    original_transfer_syntax: str | None
    guarantee: str


def describe(data: bytes) -> FileInfo:
    """Facts of a compressed file, without decoding it. UnsupportedImageError if it is not in our transfer syntax."""
    part10 = parse(data)
    check_ours(part10.syntax)
    image = px.layout(part10.dataset)
    streams = [codec.inspect(s) for s in frame_streams(part10, image)]
    try:
        guarantee, original = RestoreRecord.guarantee_of(record_bytes(part10.dataset.file_meta))
    except EditedError:
        guarantee, original = PIXELS, None
    coded = sum(s.coded_bytes for s in streams)
    bits = 8 * coded / (image.frames * image.rows * image.columns)
    levels = min(s.levels for s in streams)
    facts = vars(streams[0]) | {
        "frames": image.frames,
        "near": max(s.near for s in streams),
        "coded_bytes": coded,
        "bits_per_pixel": bits,
        "ratio_allocated": image.bits_allocated * image.samples / bits,
        "ratio_stored": image.bits_stored * image.samples / bits,
        "levels": levels,
        "level_bytes": [sum(s.level_bytes[k] for s in streams) for k in range(levels + 1)],
        "checksums": [c for s in streams for c in s.checksums],
    }
    name = original and f"{original} ({original.name})"
    return FileInfo(**facts, original_transfer_syntax=name, guarantee=GUARANTEES[guarantee])
