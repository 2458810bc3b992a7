"""Unsigned integers in 7-bit groups, least significant first (LEB128), and a reader that cannot run past the end."""

from __future__ import annotations

from .errors import StreamError


def write_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Reader:
    """Reads a byte string from front to back; raises StreamError instead of reading past its end."""

    def __init__(self, data: bytes):
        self.data, self.position = data, 0

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.position:
            raise StreamError(f"the data ends at byte {len(self.data)}, {count} bytes were expected at {self.position}")
        self.position += count
        return self.data[self.position - count : self.position]

    def varint(self) -> int:
        value = 0
        for shift in range(0, 63, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise StreamError(f"a number of more than nine bytes at byte {self.position}")

    def finish(self) -> None:
        if self.position != len(self.data):
            raise StreamError(f"{len(self.data) - self.position} bytes left over at the end")
