"""Streams as bytes: header, heads of the planes, one section a level, a CRC-32 behind each (docs/format.md)."""

from __future__ import annotations

import zlib
from itertools import accumulate

from .. import coder
from ..errors import StreamError, UnknownModelError
from ..limits import check_size
from ..varint import Reader, write_varint
from .bound import MAX_NEAR
from .colour import MAX_SAMPLES
from .plane import DIGEST_BYTES, Head, read_head, write_head
from .references import depths
from .stream import DTYPES, MAX_LEVELS, Facts, Section, Stream, check_level, chunk_numbers, needs

MAGIC = b"DCMP"
VERSION = 4
HASH_BYTES = 8
CRC_BYTES = 4
HEAD_BYTES = 2 + DIGEST_BYTES + 2  # the shortest head of a plane, with its length


def write_stream(stream: Stream) -> bytes:
    kind = next(code for code, dtype in DTYPES.items() if dtype == stream.dtype)
    heads = [write_head(head, i % stream.samples, stream.near) for i, head in enumerate(stream.heads)]
    heads = b"".join(write_varint(len(head)) + head for head in heads)
    sections = [section.write() for section in stream.sections]
    shape = (stream.frames or 0, stream.rows, stream.columns, stream.samples)
    numbers = (*shape, stream.near, stream.levels, len(heads), *map(len, sections))
    start = MAGIC + bytes([VERSION, kind, stream.bits_stored]) + stream.model_hash + bytes([coder.REVISION])
    parts = [start + b"".join(map(write_varint, numbers)), heads, *sections]
    return b"".join(part + zlib.crc32(part).to_bytes(CRC_BYTES, "little") for part in parts)


def read_stream(data: bytes, level: int | None = 0) -> Stream:
    """Inverse of `write_stream`: what is needed for the image at 1/2**level resolution, and nothing behind it.

    level: None for header and heads alone. Raises StreamError for data that is not ours, damaged or too short,
    LimitError, UnknownModelError (version, coder), all before any large allocation; ValueError for a level it lacks.
    """
    reader = Reader(bytes(data))
    if reader.data[: len(MAGIC)] != MAGIC:
        raise StreamError("not a dicompress stream: it does not begin with 'DCMP'")
    reader.take(len(MAGIC))
    (version,) = reader.take(1)
    if version != VERSION:
        raise UnknownModelError(f"stream version {version} is unknown; this dicompress reads version {VERSION}")
    facts = _read_facts(reader)
    levels = reader.varint()
    if levels > MAX_LEVELS:
        raise StreamError(f"{levels} levels are claimed; at most {MAX_LEVELS} are possible")
    heads_bytes, *section_bytes = (reader.varint() for _ in range(1 + levels + 1))
    _check(reader, reader.data[: reader.position], "header")
    if level is not None:
        check_level(level, levels)

    end = reader.position + heads_bytes + CRC_BYTES
    level_bytes = list(accumulate((n + CRC_BYTES for n in section_bytes), initial=end))[:0:-1]
    if len(reader.data) < end:
        raise StreamError(f"the data ends in the heads, at byte {len(reader.data)}; they end at byte {end}")
    heads = _read_heads(_take(reader, heads_bytes, "the heads"), facts)
    sections = []
    if level is not None:
        _check_length(len(reader.data), level_bytes, level)
        count = chunk_numbers(facts, heads)[-1]
        for k, size in zip(range(levels, level - 1, -1), section_bytes):
            sections.append(Section.read(_take(reader, size, f"level {k}"), count))
        if level == 0 and reader.data[reader.position :] != b"\0":  # DICOM pads items to an even length
            reader.finish()
    return Stream(**vars(facts), levels=levels, heads=heads, sections=sections, level_bytes=level_bytes)


def _read_facts(reader: Reader) -> Facts:
    kind, bits_stored = reader.take(2)
    if kind not in DTYPES or not 1 <= bits_stored <= DTYPES[kind].itemsize * 8:
        raise StreamError(f"pixel type {kind} with {bits_stored} bits stored is not possible")
    model_hash = reader.take(HASH_BYTES)
    (revision,) = reader.take(1)
    if revision != coder.REVISION:
        raise UnknownModelError(
            f"the stream was written by revision {revision} of the coder; this dicompress has revision {coder.REVISION}"
        )
    frames, rows, columns, samples, near = (reader.varint() for _ in range(5))
    if not rows or not columns:
        raise StreamError(f"an image of {rows} x {columns} pixels is not possible")
    if not 1 <= samples <= MAX_SAMPLES or near > MAX_NEAR:
        raise StreamError(f"{samples} samples a pixel with errors up to {near} are not possible")
    check_size(frames or 1, rows, columns, samples, DTYPES[kind].itemsize)
    return Facts(model_hash, DTYPES[kind], bits_stored, frames or None, rows, columns, samples, near)


def _read_heads(data: bytes, facts: Facts) -> list[Head]:
    count = facts.count * facts.samples
    if count * HEAD_BYTES > len(data):
        raise StreamError(f"the stream claims {count} frames or samples in {len(data)} bytes of heads")
    reader, heads = Reader(data), []
    for number in range(count):
        head = Reader(reader.take(reader.varint()))
        heads.append(read_head(head, facts.dtype, number % facts.samples, facts.near))
        head.finish()
    reader.finish()
    if any(head.references for head in heads):
        depths([needs(head, number, facts.samples) for number, head in enumerate(heads)])
    return heads


def _check_length(length: int, level_bytes: list[int], level: int) -> None:
    """StreamError if `length` bytes do not hold the image at `level`."""
    if length < level_bytes[level]:
        inside = max(k for k, end in enumerate(level_bytes) if length < end)
        raise StreamError(
            f"the data ends in level {inside}, at byte {length}; level {level} takes {level_bytes[level]} bytes"
        )


def _take(reader: Reader, count: int, name: str) -> bytes:
    content = reader.take(count)
    _check(reader, content, name)
    return content


def _check(reader: Reader, content: bytes, name: str) -> None:
    if int.from_bytes(reader.take(CRC_BYTES), "little") != zlib.crc32(content):
        raise StreamError(f"the stream is damaged: the CRC-32 of {name} does not agree")
