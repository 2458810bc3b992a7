"""What `dicompress info` shows of a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from .. import codec
from .image import image_of
from .part10 import Part10, parse
from .recompress import EDITED as JPEG_EDITED
from .recompress import LOST as JPEG_LOST
from .recompress import jpeg_xl_frames, number
from .record import BYTES, NEAR, PIXELS, RestoreRecord, record_of
from .restore import EDITED, LOST, check_ours, frames_of
from .syntax import JPEG_XL_JPEG, JPEG_XL_LOSSLESS, name

GUARANTEES = {
    BYTES: "the original file, byte for byte",
    PIXELS: "identical pixels and elements, as Explicit VR Little Endian",
    NEAR: "a derived image with a bounded error, as Explicit VR Little Endian; not the original",
}
JPEG_XL = "JPEG XL, holding the JPEG"  # instead of a model


@dataclass(frozen=True)
class FileInfo(codec.StreamInfo):
    """A file's streams, one a frame, taken together, and what `decompress` gives back. level_bytes: summed over them.

    Of JPEG XL, as `model` then says, the one checksum is that of all JPEG bytes, or of all pixel values. guarantee: what comes back,
    in words. original_transfer_syntax: UID and name; None if there is no restore record that fits, as `guarantee` then says.
    """

    original_transfer_syntax: str | None
    guarantee: str


class Pixels(TypedDict):
    """What a file says of its pixels."""

    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    signed: bool


class Rates(TypedDict):
    bits_per_pixel: float
    ratio_allocated: float
    ratio_stored: float


class Promise(TypedDict):
    original_transfer_syntax: str | None
    guarantee: str


def describe(data: bytes) -> FileInfo:
    """Facts of a compressed file, without decoding it.

    UnsupportedImageError if it is not in a transfer syntax that `compress_file` writes; FileError, StreamError for damaged ones.
    """
    part10 = parse(data)
    check_ours(part10)
    if part10.syntax == JPEG_XL_JPEG:
        return _describe_jpeg(part10)
    if part10.syntax == JPEG_XL_LOSSLESS:
        return _describe_jpeg_xl(part10)
    record, remark = record_of(part10, LOST, EDITED)
    image = image_of(part10)
    streams = [codec.inspect(s) for s in frames_of(part10, image)]
    coded = sum(s.coded_bytes for s in streams)
    levels = min(s.levels for s in streams)
    facts = vars(streams[0]) | {
        "rows": image.rows,
        "columns": image.columns,
        "samples": image.samples,
        "frames": image.frames,
        "near": max(s.near for s in streams),
        "coded_bytes": coded,
        "levels": levels,
        "level_bytes": [sum(s.level_bytes[k] for s in streams) for k in range(levels + 1)],
        "checksums": [c for s in streams for c in s.checksums],
    }
    facts |= _rates(coded, image.pixels, image.samples, image.bits_allocated, image.bits_stored)
    return FileInfo(**facts, **_promise(record, remark or ""))


def _describe_jpeg(part10: Part10) -> FileInfo:
    record, remark = record_of(part10, JPEG_LOST, JPEG_EDITED)
    frames = jpeg_xl_frames(part10)
    rows, columns, samples = (number(part10.dataset, name) for name in ("Rows", "Columns", "SamplesPerPixel"))
    facts = Pixels(rows=rows, columns=columns, samples=samples, bits_allocated=8, bits_stored=8, signed=False)
    return _jpeg_xl(facts, list(map(len, frames)), JPEG_XL, record, remark)


def _describe_jpeg_xl(part10: Part10) -> FileInfo:
    record, remark = record_of(part10, LOST, EDITED)
    image = image_of(part10)
    facts = Pixels(
        rows=image.rows,
        columns=image.columns,
        samples=image.samples,
        bits_allocated=image.bits_allocated,
        bits_stored=image.bits_stored,
        signed=image.signed,
    )
    return _jpeg_xl(facts, list(map(len, frames_of(part10, image))), "JPEG XL", record, remark)


def _jpeg_xl(facts: Pixels, lengths: list[int], model: str, record: RestoreRecord | None, remark: str | None) -> FileInfo:
    coded, pixels = sum(lengths), len(lengths) * facts["rows"] * facts["columns"]
    return FileInfo(
        **facts,
        frames=len(lengths),
        near=0,
        model=model,
        model_hash="",
        coded_bytes=coded,
        **_rates(coded, pixels, facts["samples"], facts["bits_allocated"], facts["bits_stored"]),
        levels=0,
        level_bytes=[coded],
        checksums=[record.frames_digest.hex()] if record and record.frames_digest else [],
        references=[],
        **_promise(record, remark or ""),
    )


def _promise(record: RestoreRecord | None, remark: str) -> Promise:
    if record is None:
        return {"original_transfer_syntax": None, "guarantee": remark}
    original = record.original_syntax
    return {"original_transfer_syntax": f"{original} ({name(original)})", "guarantee": GUARANTEES[record.guarantee]}


def _rates(coded: int, pixels: int, samples: int, bits_allocated: int, bits_stored: int) -> Rates:
    bits = 8 * coded / pixels
    return {
        "bits_per_pixel": bits,
        "ratio_allocated": bits_allocated * samples / bits,
        "ratio_stored": bits_stored * samples / bits,
    }
