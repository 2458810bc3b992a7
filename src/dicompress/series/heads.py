"""Short strings of bytes that are much alike, such as the elements of slices, by Zstandard with one of them as dictionary."""

from __future__ import annotations

import sys

from ..errors import LimitError, StreamError
from ..limits import check_expanded
from ..varint import Reader, write_varint

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LEVEL = 19
MAGIC = b"\x28\xb5\x2f\xfd"  # of every frame (RFC 8878), left out
WINDOWS = 17, 27  # log2 of bytes


class Packer:
    """Compresses bytes that are much like `base`, and restores them."""

    def __init__(self, base: bytes = b""):
        self.base = base
        self._dictionary = zstd.ZstdDict(base, is_raw=True) if len(base) >= 8 else None

    def pack(self, data: bytes) -> bytes:
        size = len(data) + len(self.base)
        options: dict[int, int] = {
            zstd.CompressionParameter.compression_level: LEVEL,
            zstd.CompressionParameter.window_log: min(max(size.bit_length(), WINDOWS[0]), WINDOWS[1]),
        }
        return zstd.compress(data, options=options, zstd_dict=self._dictionary).removeprefix(MAGIC)

    def unpack(self, data: bytes, most: int | None = None) -> bytes:
        """Inverse of `pack`. StreamError for nonsense, LimitError if it is too large: more than `most` bytes, or than any may be."""
        frame = MAGIC + data
        try:
            size = zstd.get_frame_info(frame).decompressed_size
            if size is None:
                raise StreamError("what Zstandard compressed does not say its size")
            if most is not None and size > most:
                raise LimitError(f"what Zstandard compressed takes {size} bytes; the limit is {most}")
            check_expanded(size)
            engine = zstd.ZstdDecompressor(self._dictionary, {zstd.DecompressionParameter.window_log_max: WINDOWS[1]})
            found = engine.decompress(frame, max_length=size + 1)
        except zstd.ZstdError as error:
            raise StreamError(f"what Zstandard compressed is damaged: {error}") from None
        if len(found) != size or not engine.eof or engine.unused_data:
            raise StreamError("what Zstandard compressed is not of the size that it says")
        return found


def joined(*pieces: bytes) -> bytes:
    """Each behind its length."""
    return b"".join(write_varint(len(piece)) + piece for piece in pieces)


def split(data: bytes, count: int) -> list[bytes]:
    """Inverse of `joined`, of so many. StreamError for nonsense."""
    reader = Reader(data)
    pieces = [reader.take(reader.varint()) for _ in range(count)]
    reader.finish()
    return pieces
