"""What `dicompress info` shows of a file."""

from __future__ import annotations

from dataclasses import dataclass

from .. import codec
from . import pixels as px
from .part10 import parse
from .record import BYTES, EditedError, RestoreRecord
from .transcode import check_ours, frame_streams, record_bytes

GUARANTEES = {
    BYTES: "the original file, byte for byte",
    None: "identical pixels and elements, as Explicit VR Little Endian",
}


@dataclass(frozen=True)
class FileInfo:
    """coded_bytes: of all frames' streams; ratios against the pixels at their allocated and stored bits.

    checksums: of each frame's pixels. guarantee: what `decompress` gives back.
    """

    rows: int
    columns: int
    frames: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    model: str | None
    model_hash: str
    coded_bytes: int
    bits_per_pixel: float
    ratio_allocated: float
    ratio_stored: float
    original_transfer_syntax: str | None
    guarantee: str
    checksums: list[str]


def describe(data: bytes) -> FileInfo:
    """Facts of a compressed file, without decoding it. UnsupportedImageError if it is not in our transfer syntax."""
    part10 = parse(data)
    check_ours(part10.syntax)
    image = px.layout(part10.dataset)
    streams = [codec.inspect(s) for s in frame_streams(part10, image)]
    try:
        guarantee, original = RestoreRecord.guarantee_of(record_bytes(part10.dataset.file_meta))
    except EditedError:
        guarantee, original = None, None
    coded = sum(s.coded_bytes for s in streams)
    pixels = image.frames * image.rows * image.columns
    return FileInfo(
        rows=image.rows,
        columns=image.columns,
        frames=image.frames,
        bits_allocated=image.bits_allocated,
        bits_stored=image.bits_stored,
        signed=image.signed,
        model=streams[0].model,
        model_hash=streams[0].model_hash,
        coded_bytes=coded,
        bits_per_pixel=8 * coded / pixels,
        ratio_allocated=image.bits_allocated * pixels / (8 * coded),
        ratio_stored=image.bits_stored * pixels / (8 * coded),
        original_transfer_syntax=original and f"{original} ({original.name})",
        guarantee=GUARANTEES.get(guarantee, GUARANTEES[None]),
        checksums=[c for s in streams for c in s.checksums],
    )
