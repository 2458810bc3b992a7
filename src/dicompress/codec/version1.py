"""Reading streams of version 1 (docs/format.md, Version 1). They are no longer written."""

from __future__ import annotations

import zlib

from ..errors import StreamError
from ..varint import Reader
from . import loop
from .plane import read_head
from .stream import Facts, Section, Stream, check_level

TILE_GRID = 8
CRC_BYTES = 4


def read_rest(reader: Reader, facts: Facts, level: int | None) -> Stream:
    """A stream of version 1 whose `facts` have been read, as one of a single level. Errors as `read_stream`."""
    if level is not None:
        check_level(level, 0)
    if facts.count > len(reader.data):
        raise StreamError(f"the stream claims {facts.count} frames in {len(reader.data)} bytes")
    lengths = [reader.varint() for _ in range(facts.count)]
    frames = [reader.take(length) for length in lengths]
    expected = zlib.crc32(reader.data[: reader.position])
    if int.from_bytes(reader.take(CRC_BYTES), "little") != expected:
        raise StreamError("the stream is damaged: its CRC-32 does not agree")
    length = reader.position
    if reader.data[length:] != b"\0":  # DICOM pads items to an even length
        reader.finish()
    heads, chunks = [], []
    for frame in map(Reader, frames):
        heads.append(read_head(frame, facts.dtype))
        if not heads[-1].constant:
            chunks += _tiles(frame, loop.count_tiles(facts.rows, facts.columns, TILE_GRID))
        frame.finish()
    return Stream(
        **vars(facts), levels=0, heads=heads, sections=[Section.of(chunks)], level_bytes=[length], grid=TILE_GRID
    )


def _tiles(reader: Reader, count: int) -> list[bytes]:
    if count > len(reader.data):
        raise StreamError(f"{len(reader.data)} bytes cannot hold {count} tiles")
    lengths = [reader.varint() for _ in range(count)]
    return [reader.take(length) for length in lengths]
