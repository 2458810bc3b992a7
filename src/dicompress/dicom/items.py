"""Encapsulated Pixel Data (PS3.5 A.4): items, their offset table, frames."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from pydicom.encaps import generate_frames

from ..errors import StreamError, UnsupportedImageError
from .reading import readable
from .tags import ITEM, SEQUENCE_END

HEAD = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"  # (7FE0,0010) OB of undefined length
ITEM_HEAD = 8  # bytes of an item's tag and length
LARGEST_OFFSET = (1 << 32) - 1
DAMAGED = "damaged encapsulated Pixel Data (7FE0,0010)"


def pixel_element(frames: Sequence[bytes | memoryview]) -> list[bytes | memoryview]:
    """Encapsulated (7FE0,0010) OB, in parts: basic offset table, one item a frame, delimiter."""
    parts: list[bytes | memoryview] = [HEAD, *_item(_table([len(frame) + len(frame) % 2 for frame in frames]))]
    for frame in frames:
        parts += _item(frame)
    return [*parts, SEQUENCE_END]


def extended_tables(frames: list[bytes]) -> bytes:
    """(7FE0,0001) and (7FE0,0002), elements that stand before Pixel Data, where the basic offset table cannot say where frames lie
    (PS3.3 C.7.6.3.1.8); else nothing. Lengths are those of the items.
    """
    lengths = [len(frame) + len(frame) % 2 for frame in frames]
    if _table(lengths):
        return b""
    offsets = list(accumulate((ITEM_HEAD + n for n in lengths), initial=0))[:-1]
    parts = []
    for element, numbers in ((b"\x01\0", offsets), (b"\x02\0", lengths)):
        value = b"".join(n.to_bytes(8, "little") for n in numbers)
        parts += [b"\xe0\x7f", element, b"OV\0\0", len(value).to_bytes(4, "little"), value]
    return b"".join(parts)


def _table(lengths: list[int]) -> bytes:
    """Of items of these lengths; empty if they lie too far for it."""
    *offsets, end = accumulate((ITEM_HEAD + n for n in lengths), initial=0)
    return b"".join(n.to_bytes(4, "little") for n in offsets) if end <= LARGEST_OFFSET else b""


def _item(value: bytes | memoryview) -> list[bytes | memoryview]:
    padding = b"\0" * (len(value) % 2)
    return [ITEM, (len(value) + len(padding)).to_bytes(4, "little"), value, padding]


def split_frames(value: bytes | memoryview, count: int, together: tuple[bytes, ...] = ()) -> list[memoryview]:
    """The items in a value that `pixel_element` wrote, one a frame, or one for all that begins with one of `together`.

    StreamError unless it may have.
    """
    view, position, items = memoryview(value), 0, []
    while position < len(view):
        start = position + ITEM_HEAD
        position = start + int.from_bytes(view[start - 4 : start], "little")
        if view[start - ITEM_HEAD : start - 4] != ITEM or position > len(view):
            raise StreamError(f"{DAMAGED}: no whole item at byte {start - ITEM_HEAD}")
        items.append(view[start:position])
    table, frames = bytes(items[0]) if items else b"", items[1:]
    if len(frames) != count and not (len(frames) == 1 and bytes(frames[0][:4]).startswith(together)):
        raise StreamError(f"{len(frames)} frames in Pixel Data (7FE0,0010), {count} are expected")
    if not all(map(len, frames)):
        raise StreamError("a frame of no bytes in Pixel Data (7FE0,0010)")
    if table and table != _table(list(map(len, frames))):
        raise StreamError(f"{DAMAGED}: the offset table does not point to the items")
    return frames


def source_frames(value: bytes | memoryview, count: int, tables: tuple[bytes, bytes] | None = None) -> list[bytes]:
    """The frames in a value that others wrote, in any number of items each. UnsupportedImageError if they do not add up.

    tables: extended ones, of offsets and of lengths.
    """
    with readable(f"the items of Pixel Data (7FE0,0010) do not make up {count} frames"):
        frames = list(generate_frames(bytes(value), number_of_frames=count, extended_offsets=tables))
    if len(frames) != count:
        raise UnsupportedImageError(f"{len(frames)} frames in Pixel Data (7FE0,0010), {count} are expected")
    return frames
