"""Long stretches that a restore record shares with the elements of its file, as copies: deflate reaches back 32 kB only."""

from __future__ import annotations

from ..errors import StreamError
from ..limits import check_expanded
from ..varint import Reader, write_varint

BLOCK = 64  # stretches are found by one of these, at a multiple of BLOCK in the source
SHORTEST = 256  # shorter ones are left to deflate
FARTHEST_STEP = 16  # of the search where it finds nothing; even, so that steps are odd and meet every place in a block


def pack(target: bytes, source: bytes) -> bytes:
    """The copies (bytes before, where in the source, how many), then what is no copy. `unpack` is the inverse."""
    copies: list[bytes] = []
    rest: list[bytes] = []
    done = 0
    for start, at, length in find(target, source):
        copies += map(write_varint, (start - done, at, length))
        rest.append(target[done:start])
        done = start + length
    instructions = b"".join(copies)
    return write_varint(len(instructions)) + instructions + b"".join(rest) + target[done:]


def unpack(data: bytes, source: bytes) -> bytes:
    """Inverse of `pack`. StreamError for nonsense, LimitError if the result is too large."""
    rest = Reader(data)
    instructions = Reader(rest.take(rest.varint()))
    parts, size = [], len(data)
    while instructions.position < len(instructions.data):
        before, at, length = (instructions.varint() for _ in range(3))
        if length < SHORTEST or at + length > len(source):  # shorter ones are not written, and could be millions
            raise StreamError(f"a copy of {length} bytes from byte {at} of {len(source)}")
        size += length
        check_expanded(size)
        parts += [rest.take(before), source[at : at + length]]
    return b"".join((*parts, rest.take(len(data) - rest.position)))


def find(target: bytes, source: bytes) -> list[tuple[int, int, int]]:
    """(start in the target, start in the source, length) of long common stretches, in the target's order, disjoint."""
    index = {source[at : at + BLOCK]: at for at in reversed(range(0, len(source) - BLOCK + 1, BLOCK))}
    found, position, done, misses = [], 0, 0, 0
    while position + BLOCK <= len(target):
        at = index.get(target[position : position + BLOCK])
        length = 0 if at is None else BLOCK + _common(target, position + BLOCK, source, at + BLOCK)
        if at is None or length < SHORTEST:
            misses += 1
            position += 1 + min(misses >> 10 << 1, FARTHEST_STEP)
            continue
        back = 0
        while back < min(position - done, at) and target[position - back - 1] == source[at - back - 1]:
            back += 1
        found.append((position - back, at - back, length + back))
        position = done = position + length
        misses = 0
    return found


def _common(first: bytes, i: int, second: bytes, j: int) -> int:
    """How many bytes from first[i] and second[j] on are equal."""
    count, step = 0, 1 << 16
    while step:
        part = first[i + count : i + count + step]
        if len(part) == step and part == second[j + count : j + count + step]:
            count += step
        else:
            step >>= 2
    return count
