"""Short strings of bytes that are much alike, such as the elements of slices, by Zstandard with one of them as dictionary."""

from __future__ import annotations

import zstandard

from ..errors import LimitError, StreamError
from ..limits import check_expanded
from ..varint import Reader, write_varint

LEVEL = 19
FORMAT = zstandard.FORMAT_ZSTD1_MAGICLESS
WINDOWS = 17, 27  # log2 of bytes


class Packer:
    """Compresses bytes that are much like `base`, and restores them."""

    def __init__(self, base: bytes = b""):
        self.base = base
        raw = zstandard.DICT_TYPE_RAWCONTENT
        self._dictionary = zstandard.ZstdCompressionDict(base, dict_type=raw) if len(base) >= 8 else None

    def pack(self, data: bytes) -> bytes:
        size = len(data) + len(self.base)
        parameters = zstandard.ZstdCompressionParameters.from_level(
            LEVEL, source_size=len(data), dict_size=len(self.base), format=FORMAT, write_content_size=True, write_checksum=False,
            window_log=min(max(size.bit_length(), WINDOWS[0]), WINDOWS[1]),
        )  # fmt: skip
        return zstandard.ZstdCompressor(dict_data=self._dictionary, compression_params=parameters).compress(data)

    def unpack(self, data: bytes, most: int | None = None) -> bytes:
        """Inverse of `pack`. StreamError for nonsense, LimitError if it is too large: more than `most` bytes, or than any may be."""
        frame = zstandard.FRAME_HEADER + data  # older versions of the library decompress nothing without
        try:
            size = zstandard.get_frame_parameters(frame).content_size
            if most is not None and size > most:
                raise LimitError(f"what Zstandard compressed takes {size} bytes; the limit is {most}")
            check_expanded(size)
            engine = zstandard.ZstdDecompressor(dict_data=self._dictionary, max_window_size=1 << WINDOWS[1])
            return engine.decompress(frame, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise StreamError(f"what Zstandard compressed is damaged: {error}") from None


def joined(*pieces: bytes) -> bytes:
    """Each behind its length."""
    return b"".join(write_varint(len(piece)) + piece for piece in pieces)


def split(data: bytes, count: int) -> list[bytes]:
    """Inverse of `joined`, of so many. StreamError for nonsense."""
    reader = Reader(data)
    pieces = [reader.take(reader.varint()) for _ in range(count)]
    reader.finish()
    return pieces
