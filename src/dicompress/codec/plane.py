"""One plane, a frame's or a sample's: value range, packing table, model header, tiles, a digest of the pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..errors import StreamError
from ..models import Model, Values
from ..varint import Reader, unzigzag, write_varint, zigzag
from . import colour, loop, memory
from .bound import MAX_RUNS, Runs
from .content import Choice, choose, coded
from .packing import read_table, write_table
from .references import MAX_REFERENCES

OFFSET = 1 << 17  # added to values that may be negative
DIGEST_BYTES = 8
DIGEST_STEP = 1 << 20  # pixels


@dataclass(frozen=True)
class Head:
    """What a plane's tiles share. low, high: the coded values' range; table: of a sparse histogram, or empty.

    exact: runs of values that are exact in a near-lossless stream. coefficients: of the planes before (`colour`). limits: of
    decoded pixels, where errors could leave the pixels' range. references: how far before this plane lie those that it leans
    on; negative behind it.
    """

    digest: bytes
    low: int
    high: int
    table: bytes = b""
    header: bytes = b""
    exact: Runs = ()
    coefficients: tuple[int, ...] = ()
    limits: tuple[int, int] | None = None
    references: tuple[int, ...] = ()

    @property
    def constant(self) -> bool:
        """All coded values are one: the head is all there is of the plane."""
        return self.low == self.high

    def occurring(self) -> np.ndarray | None:
        """The values that occur, if pixels are coded as ranks. StreamError if the table is damaged."""
        try:
            return read_table(self.table, self.low, self.high) if self.table else None
        except ValueError as error:
            raise StreamError(f"damaged packing table: {error}") from None

    def coded(self, occurring: np.ndarray | None, near: int) -> Values:
        """What is coded: values, or ranks among those `occurring`."""
        return coded(self.low, self.high, near, self.exact, occurring)


@dataclass(frozen=True)
class Plane:
    """A plane, taken apart. tiles: for every tile its chunks, of level `levels` first, as many as were read.

    shape: (rows, columns) at full resolution; near: the largest error.
    """

    head: Head
    dtype: np.dtype
    shape: tuple[int, int]
    near: int
    levels: int
    tiles: list[list[bytes]]


def pixel_digest(pixels: np.ndarray) -> bytes:
    """The first 8 bytes of the SHA-256 of rows, columns and the pixels, little-endian, as stored."""
    rows, columns = pixels.shape
    content = hashlib.sha256(f"{pixels.dtype.kind}{pixels.dtype.itemsize} {rows} {columns} ".encode())
    flat = pixels.reshape(-1)  # no copy, not even of a single value that numpy repeats
    for start in range(0, flat.size, DIGEST_STEP):
        part = flat[start : start + DIGEST_STEP]
        content.update(np.ascontiguousarray(part, pixels.dtype.newbyteorder("<")).data)
    return content.digest()[:DIGEST_BYTES]


def encode_plane(
    model: Model, pixels: np.ndarray, before: Sequence[np.ndarray], levels: int, near: int,
    exact: Iterable[tuple[int, int]], threads: int, choices: Sequence[Choice] = (),
) -> tuple[Plane, np.ndarray]:  # fmt: skip
    """(rows, columns) integers of 8 or 16 bits -> the plane with all its chunks, and the pixels as decoded.

    before: the other samples' planes that are decoded before this one. near, exact: see `codec.encode`. choices: of planes to
    lean on, if that pays.
    """
    content, leaned_on = choose(model, pixels, before, near, exact, choices)
    packed, values, occurring = content.packed, content.values, content.occurring
    head = Head(b"", content.low, content.high, coefficients=content.coefficients)
    if near and before:
        head = replace(head, limits=(int(pixels.min()), int(pixels.max())))
    facts = (pixels.dtype, pixels.shape, near, levels)
    if head.constant:
        return Plane(replace(head, digest=pixel_digest(pixels)), *facts, []), pixels
    references = [p.astype(np.int32) for p in leaned_on.planes]
    header = model.header(packed, values, *([references] if references else []))
    table = b"" if occurring is None else write_table(occurring)
    head = replace(head, table=table, header=header, exact=content.exact, references=leaned_on.distances)
    tiles, decoded = [], packed.copy() if values.near else packed
    for tile in loop.tiles(*pixels.shape):
        part = np.ascontiguousarray(packed[tile])
        leaned = [r[tile] for r in references]
        chunks, decoded[tile] = loop.encode_tile(model, header, part, values, levels, threads, leaned)
        tiles.append(chunks)
        if part.size < packed.size:
            memory.release()
    if values.near:
        pixels = _pixels(head, decoded if occurring is None else occurring[decoded], content.said, pixels.dtype)
    return Plane(replace(head, digest=pixel_digest(pixels)), *facts, tiles), pixels


def _pixels(head: Head, content: np.ndarray, said: np.ndarray | int, dtype: np.dtype) -> np.ndarray:
    """Pixels of `dtype` from coded values and what the planes before say. StreamError if they do not fit it."""
    pixels = content + said
    if head.limits:
        pixels = np.clip(pixels, *head.limits)
    elif not np.iinfo(dtype).min <= pixels.min() <= pixels.max() <= np.iinfo(dtype).max:
        raise StreamError(f"decoded values do not fit into {dtype.name} pixels")
    return pixels.astype(dtype)


def write_head(head: Head, sample: int, near: int) -> bytes:
    """sample: the number of this one of its frame."""
    parts = [write_varint(len(head.references)), *(write_varint(zigzag(n)) for n in head.references), head.digest]
    if sample:
        parts += [write_varint(zigzag(c)) for c in head.coefficients]
    if sample and near:
        parts += [write_varint(n + OFFSET) for n in head.limits]
    parts += [write_varint(head.low + OFFSET), write_varint(head.high - head.low)]
    if not head.constant:
        if near:
            parts.append(_write_runs(head.exact, head.low))
        parts += [write_varint(len(head.table)), head.table, write_varint(len(head.header)), head.header]
    return b"".join(parts)


def _write_runs(runs: Runs, low: int) -> bytes:
    """Their number, then of each its distance from the end of the one before and its length."""
    parts = [write_varint(len(runs))]
    for first, last in runs:
        parts += [write_varint(first - low), write_varint(last - first)]
        low = last
    return b"".join(parts)


def _read_runs(reader: Reader, low: int, high: int) -> Runs:
    count, runs = reader.varint(), []
    if count > MAX_RUNS:
        raise StreamError(f"{count} runs of exact values are claimed; at most {MAX_RUNS} are possible")
    for _ in range(count):
        first = low + reader.varint()
        low = first + reader.varint()
        runs.append((first, low))
    if low > high:
        raise StreamError("exact values lie outside the value range")
    return tuple(runs)


def _read_references(reader: Reader) -> tuple[int, ...]:
    count = reader.varint()
    if count > MAX_REFERENCES:
        raise StreamError(f"a plane leans on {count} others; at most {MAX_REFERENCES} are possible")
    return tuple(unzigzag(reader.varint()) for _ in range(count))


def read_head(reader: Reader, dtype: np.dtype, sample: int = 0, near: int = 0) -> Head:
    """Inverse of `write_head`, for a plane of pixels `dtype`. StreamError if it cannot be one."""
    references, digest = _read_references(reader), reader.take(DIGEST_BYTES)
    pixel = np.iinfo(dtype)
    coefficients = tuple(unzigzag(reader.varint()) for _ in range(sample))
    if any(abs(c) > colour.LARGEST for c in coefficients):
        raise StreamError("the coefficients of a plane are too large")
    limits = tuple(reader.varint() - OFFSET for _ in range(2)) if sample and near else None
    if limits and not pixel.min <= limits[0] <= limits[1] <= pixel.max:
        raise StreamError(f"limits of {limits[0]} and {limits[1]} do not fit into {dtype.name} pixels")
    low = reader.varint() - OFFSET
    high = low + reader.varint()
    least, greatest = (-colour.LIMIT, colour.LIMIT) if sample else (pixel.min, pixel.max)
    if not least <= low <= high <= greatest or high - low > colour.LIMIT:
        raise StreamError(f"a value range of {low} to {high} does not fit into {dtype.name} pixels")
    facts = {"coefficients": coefficients, "limits": limits, "references": references}
    if low == high:
        if references:
            raise StreamError("a plane of a single value leans on others")
        return Head(digest, low, high, **facts)
    exact = _read_runs(reader, low, high) if near else ()
    table = reader.take(reader.varint())
    return Head(digest, low, high, table, reader.take(reader.varint()), exact, **facts)


def decode_plane(
    model: Model, plane: Plane, before: Sequence[np.ndarray], level: int, threads: int, references: Sequence[np.ndarray] = ()
) -> np.ndarray:
    """The plane at 1/2**level resolution, (ceil(rows / 2**level), ceil(columns / 2**level)).

    before: the other samples' planes, references: those it leans on; decoded at this level. Level 0 is the inverse of `encode_plane`: StreamError unless
    the digest of the pixels agrees.
    """
    head = plane.head
    shape = loop.reduced(plane.shape, level)
    said = colour.offset(before, head.coefficients)
    if head.constant:
        content = np.full((1, 1), head.low, np.int32)  # stands for all of them: a few bytes may claim many
    else:
        content = _decode_tiles(model, plane, np.int32 if before else plane.dtype, level, threads, references)
    pixels = _pixels(head, content, said, plane.dtype) if before else content.astype(plane.dtype, copy=False)
    if pixels.shape != shape:
        pixels = np.broadcast_to(pixels, shape)
    if level == 0 and pixel_digest(pixels) != head.digest:
        raise StreamError("the decoded pixels do not have the checksum the stream carries")
    return np.ascontiguousarray(pixels)


def _decode_tiles(
    model: Model, plane: Plane, dtype: np.dtype, level: int, threads: int, references: Sequence[np.ndarray]
) -> np.ndarray:
    """What is coded of a plane that is not constant, of `dtype`, at 1/2**level resolution."""
    head = plane.head
    occurring = head.occurring()
    values = head.coded(occurring, plane.near)
    references = [r.astype(np.int32) for r in references]
    content = np.empty(loop.reduced(plane.shape, level), dtype)
    for (rows, columns), chunks in zip(loop.tiles(*plane.shape), plane.tiles):
        size = (rows.stop - rows.start, columns.stop - columns.start)
        height, width = loop.reduced(size, level)
        row, column = rows.start >> level, columns.start >> level
        place = (slice(row, row + height), slice(column, column + width))
        leaned = [r[place] for r in references]
        decoded = loop.decode_tile(model, head.header, chunks, size, values, plane.levels, level, threads, leaned)
        part = content[place]
        part[...] = decoded if occurring is None else occurring[decoded]
        if part.size < content.size:
            memory.release()
    return content
