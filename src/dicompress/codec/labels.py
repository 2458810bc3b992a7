"""Bitmaps and images of few values, such as segmentations, as a stream (docs/format.md, "Few values").

A head says what the array was; behind it stand runs of frames. Within a run frames lean on those before them, so that one of them is had
by decoding the run up to it; runs do not lean on each other. Before each run stands the CRC-32 of the head and of its bytes.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..errors import StreamError
from ..limits import check_size
from ..native import labels as native
from ..varint import Reader, write_varint
from . import zstandard
from .info import StreamInfo, sizes

MARK = b"DCLB"
MOST_VALUES = 256
SIGNED, WIDE, FRAMES, BITS, ZSTANDARD = 1, 2, 4, 8, 16  # flags
SHORTEST, LONGEST = 16, 64  # frames of a run; longer ones than the shortest while they change in few places
PLACES = 1 << 16  # where a pixel is not like the one before it, up to which a run goes on
CRC_BYTES = 4
WORTH = 1 / 16  # bits a pixel, from which Zstandard is tried, too
SMALL = 1 << 20  # pixels, up to which it always is


@dataclass(frozen=True)
class Labels:
    """table: the values, ascending. runs: frames and bytes of each, the CRC-32 included."""

    shape: tuple[int, int, int]  # frames, rows, columns
    dtype: np.dtype
    bits_stored: int
    has_frames: bool
    table: np.ndarray
    zstandard: bool
    head: bytes
    runs: list[tuple[int, int]]
    checksums: list[bytes]

    @property
    def size(self) -> int:
        return len(self.head) + sum(length for _, length in self.runs)

    @property
    def array_shape(self) -> tuple[int, ...]:
        return self.shape if self.has_frames else self.shape[1:]

    @property
    def bits_allocated(self) -> int:
        return 1 if self.dtype == np.bool_ else 8 * self.dtype.itemsize


def is_one(stream: bytes) -> bool:
    return stream.startswith(MARK)


def table_of(pixels: np.ndarray) -> np.ndarray | None:
    """The values of pixels, (frames, rows, columns), ascending; None if they are more than can be coded."""
    if pixels.dtype == np.bool_:
        return np.array([False, True])
    if pixels.itemsize == 1:
        counts = np.bincount(pixels.reshape(-1).view(np.uint8), minlength=MOST_VALUES)
        return np.sort(np.flatnonzero(counts).astype(np.uint8).view(pixels.dtype))
    there = np.zeros(1 << 16, np.bool_)
    there[pixels[len(pixels) // 2].view(np.uint16)] = True
    if np.count_nonzero(there) <= MOST_VALUES:
        there[pixels.view(np.uint16)] = True
    words = np.flatnonzero(there).astype(np.uint16)
    return np.sort(words.view(pixels.dtype)) if len(words) <= MOST_VALUES else None


def encode(pixels: np.ndarray, table: np.ndarray, threads: int = 0, bits_stored: int = 0, has_frames: bool = False) -> bytes:
    """(frames, rows, columns), bool or integers of 8 or 16 bits. table: as of `table_of`. bits_stored: 0 for all."""
    numbers = _numbers(pixels, table)
    head = _head(pixels, table, bits_stored, has_frames)
    values = max(2, len(table))
    starts = _starts(numbers)
    pieces = [numbers[start:end] for start, end in pairwise([*starts, len(numbers)])]
    with ThreadPoolExecutor(min(threads or os.cpu_count() or 1, len(pieces))) as pool:
        runs = list(pool.map(lambda piece: native.encode(piece, values), pieces))
    stream = _joined(head, list(zip(map(len, pieces), runs)))
    if numbers.size <= SMALL or 8 * len(stream) > WORTH * numbers.size:
        plain = np.packbits(numbers) if values == 2 else numbers
        head = head[: len(MARK)] + bytes([head[len(MARK)] | ZSTANDARD]) + head[len(MARK) + 1 :]
        stream = min(stream, _joined(head, [(len(pixels), zstandard.compress(plain.tobytes()))]), key=len)
    return stream


def decode(data: bytes | memoryview, *, frame: int | None = None, level: int = 0, threads: int = 0, **_: object) -> np.ndarray:
    """The array, or one frame of it (rows, columns). StreamError if it is damaged; LimitError; IndexError, ValueError."""
    if level:
        raise ValueError(f"level {level} of 0: an image of few values has the whole image only")
    facts = read(data)
    frames = facts.shape[0]
    if frame is not None and not 0 <= frame < frames:
        raise IndexError(f"frame {frame} of {frames}")
    if frame is not None:
        first, count, run = _run_of(data, facts, frame)
        found = _decode_run(run, facts, count, count if facts.zstandard else frame - first + 1)
        one: np.ndarray = facts.table[found[frame - first]]
        return one
    jobs, first, start = [], 0, len(facts.head)
    for count, length in facts.runs:
        jobs.append((first, count, bytes(data[start : start + length])))
        first, start = first + count, start + length
    whole = np.empty(facts.shape, facts.dtype)

    def job(args: tuple[int, int, bytes]) -> None:
        first, count, run = args
        to = whole[first : first + count]
        if facts.dtype == np.bool_:
            _decode_run(run, facts, count, count, to.view(np.uint8))
        else:
            np.take(facts.table, _decode_run(run, facts, count, count), out=to, mode="clip")

    with ThreadPoolExecutor(min(threads or os.cpu_count() or 1, len(jobs))) as pool:
        list(pool.map(job, jobs))
    return whole.reshape(facts.array_shape)


def decode_around(data: bytes | memoryview, frame: int) -> tuple[int, np.ndarray]:
    """The run that a frame is in: its first frame's number, and (frames, rows, columns) pixels. Errors as of `decode`."""
    facts = read(data)
    if not 0 <= frame < facts.shape[0]:
        raise IndexError(f"frame {frame} of {facts.shape[0]}")
    first, count, run = _run_of(data, facts, frame)
    return first, facts.table[_decode_run(run, facts, count, count)]


def _run_of(data: bytes | memoryview, facts: Labels, frame: int) -> tuple[int, int, bytes]:
    """Number of the first frame, how many there are, and the bytes of the run that a frame is in."""
    first, start = 0, len(facts.head)
    for count, length in facts.runs:
        if frame < first + count:
            break
        first, start = first + count, start + length
    return first, count, bytes(data[start : start + length])


def inspect(data: bytes | memoryview) -> StreamInfo:
    """As `codec.inspect`."""
    facts = read(data)
    return StreamInfo(
        **sizes((*facts.shape, 1), facts.bits_allocated, facts.bits_stored, [facts.size]),
        signed=facts.dtype.kind == "i",
        model="labels",
        checksums=[checksum.hex() for checksum in facts.checksums],
    )


def layout(data: bytes | memoryview) -> tuple[tuple[int, ...], np.dtype]:
    """As `codec.layout`."""
    facts = read(data)
    return facts.array_shape, facts.dtype


def read(data: bytes | memoryview) -> Labels:
    """The head. StreamError if it is damaged or the stream is cut; LimitError."""
    reader = Reader(bytes(data))
    reader.take(len(MARK))
    flags, bits_stored = reader.take(2)
    frames = reader.varint() if flags & FRAMES else 1
    rows, columns = reader.varint(), reader.varint()
    dtype = np.dtype(np.bool_) if flags & BITS else np.dtype(("i" if flags & SIGNED else "u") + ("2" if flags & WIDE else "1"))
    bits = 1 if flags & BITS else 8 * dtype.itemsize
    if flags > 31 or (flags & BITS and flags & (SIGNED | WIDE)) or not 1 <= bits_stored <= bits or not frames * rows * columns:
        raise StreamError(f"{frames} x {rows} x {columns} pixels of {bits_stored} bits are not possible")
    check_size(frames, rows, columns, 1, dtype.itemsize)
    table = _read_table(reader, dtype)
    runs, left = [], frames
    while left:
        count, length = reader.varint(), reader.varint()
        if not 1 <= count <= left or length < CRC_BYTES:
            raise StreamError(f"a run of {count} frames in {length} bytes, {left} frames are left")
        runs.append((count, length))
        left -= count
    head = reader.data[: reader.position]
    checksums = [reader.take(length)[:CRC_BYTES] for _, length in runs]
    rest = len(reader.data) - reader.position
    if reader.data[reader.position :] not in (b"", b"\0"):
        raise StreamError(f"{rest} bytes left over at the end")
    facts = (frames, rows, columns), dtype, bits_stored, bool(flags & FRAMES), table, bool(flags & ZSTANDARD)
    return Labels(*facts, head, runs, checksums)


def _read_table(reader: Reader, dtype: np.dtype) -> np.ndarray:
    if dtype == np.bool_:
        return np.array([False, True])
    count = reader.take(1)[0] + 1
    limits = np.iinfo(dtype)
    values = [limits.min + reader.varint()]
    for _ in range(count - 1):
        values.append(values[-1] + 1 + reader.varint())
    if values[-1] > limits.max:
        raise StreamError(f"a value of {values[-1]} is not possible")
    return np.array(values, dtype)


def _decode_run(data: bytes, facts: Labels, count: int, wanted: int, to: np.ndarray | None = None) -> np.ndarray:
    """(wanted, rows, columns) numbers in the table, of the first frames of a run. to: where they go, if not in a new array."""
    coded = data[CRC_BYTES:]
    if _crc(facts.head, coded) != data[:CRC_BYTES]:
        raise StreamError("a run of frames does not have the checksum of the original one")
    values = max(2, len(facts.table))
    numbers = np.empty((wanted, *facts.shape[1:]), np.uint8) if to is None else to
    if facts.zstandard:
        _unpack(coded, numbers, values)
    else:
        native.decode(coded, numbers, count, values)
    if len(facts.table) < values and numbers.any():
        raise StreamError("a value that is not in the table")
    return numbers


def _unpack(coded: bytes, numbers: np.ndarray, values: int) -> None:
    """What Zstandard compressed. StreamError, LimitError."""
    size = -(-numbers.size // 8) if values == 2 else numbers.size
    plain = np.frombuffer(zstandard.decompress(coded, size), np.uint8)
    numbers.reshape(-1)[...] = np.unpackbits(plain, count=numbers.size) if values == 2 else plain
    if numbers.max() >= values:
        raise StreamError("a value that is not in the table")


def _numbers(pixels: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Of the values in the table, uint8."""
    if pixels.dtype == np.bool_:
        return np.ascontiguousarray(pixels).view(np.uint8)
    words = np.zeros(1 << 8 * pixels.itemsize, np.uint8)
    words[table.view(f"u{table.itemsize}")] = np.arange(len(table))
    numbers: np.ndarray = words[np.ascontiguousarray(pixels).view(f"u{pixels.itemsize}")]
    return numbers


def _starts(numbers: np.ndarray) -> list[int]:
    """The first frame of each run."""
    starts, places = [0], 0
    for k in range(1, len(numbers)):
        before = numbers[k - 1]
        places += int(np.count_nonzero(before[:, 1:] != before[:, :-1]))
        length = k - starts[-1]
        if length >= LONGEST or (length >= SHORTEST and places > PLACES):
            starts.append(k)
            places = 0
    return starts


def _head(pixels: np.ndarray, table: np.ndarray, bits_stored: int, has_frames: bool) -> bytes:
    frames, rows, columns = pixels.shape
    is_bits = pixels.dtype == np.bool_
    flags = SIGNED * (pixels.dtype.kind == "i") | WIDE * (pixels.itemsize == 2) | FRAMES * has_frames | BITS * is_bits
    numbers = [*([frames] if has_frames else []), rows, columns]
    head = MARK + bytes([flags, bits_stored or (1 if is_bits else 8 * pixels.itemsize)]) + b"".join(map(write_varint, numbers))
    if is_bits:
        return head
    values = [int(value) for value in table]
    steps = [values[0] - int(np.iinfo(pixels.dtype).min), *(b - a - 1 for a, b in pairwise(values))]
    return head + bytes([len(values) - 1]) + b"".join(map(write_varint, steps))


def _joined(head: bytes, runs: Sequence[tuple[int, bytes]]) -> bytes:
    """runs: frames and bytes of each."""
    head += b"".join(write_varint(count) + write_varint(CRC_BYTES + len(run)) for count, run in runs)
    return head + b"".join(_crc(head, run) + run for _, run in runs)


def _crc(head: bytes, run: bytes) -> bytes:
    return zlib.crc32(run, zlib.crc32(head)).to_bytes(CRC_BYTES, "little")
