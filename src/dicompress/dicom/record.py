"""The restore record in (0002,0102): whatever the original file holds that the compressed one does not show.

An original is prefix + pixel values + suffix (and a trailer, if it was deflated). They are deflated with the compressed
file's own elements as dictionary, so a record is small whatever odd bytes an original has, and a restore is exact by
construction.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass

from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID

from ..errors import StreamError
from ..varint import Reader, write_varint
from .syntax import RESTORE_RECORD

VERSION = 1
# What is guaranteed: identical pixels and elements, the identical file, or a derived image with a bounded error.
PIXELS, BYTES, NEAR = 0, 1, 2
CHECKSUM_BYTES = 16


@dataclass(frozen=True)
class RestoreRecord:
    """guarantee: PIXELS, BYTES or NEAR. original_syntax, pixel_syntax: of the original and of the restored file.

    digest: of the restored file (SHA-256, 16 bytes). body: offset of its data set. deflate_level: of a deflated data
    set, else None; prefix and suffix are then inflated, trailer is what follows it.
    """

    guarantee: int
    original_syntax: UID
    pixel_syntax: UID
    digest: bytes
    body: int
    deflate_level: int | None
    prefix: bytes
    suffix: bytes
    trailer: bytes

    def encode(self, dictionary: bytes) -> bytes:
        """dictionary: the elements before Pixel Data as the compressed file writes them."""
        engine = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zdict=dictionary or b"\0")
        parts = (self.prefix, self.suffix, self.trailer)
        packed = engine.compress(b"".join(write_varint(len(p)) + p for p in parts)) + engine.flush()
        level = 0 if self.deflate_level is None else self.deflate_level
        parts = [bytes([VERSION, self.guarantee, level]), self.digest, write_varint(self.body)]
        for text in (self.original_syntax, self.pixel_syntax):
            parts += [write_varint(len(text)), text.encode("ascii")]
        return b"".join(parts) + packed

    @classmethod
    def decode(cls, data: bytes, dictionary: bytes) -> RestoreRecord:
        """Inverse of `encode`. EditedError if the dictionary is not the one of `encode`, StreamError for nonsense."""
        reader = Reader(data)
        version, guarantee, level = reader.take(3)
        if version != VERSION or guarantee not in (PIXELS, BYTES, NEAR) or level > 9:
            raise StreamError(f"restore record (0002,0102) of unknown version {version}")
        digest, body = reader.take(CHECKSUM_BYTES), reader.varint()
        syntaxes = [UID(reader.take(reader.varint()).decode("ascii", "replace")) for _ in range(2)]
        packed = data[reader.position :]
        engine = zlib.decompressobj(15, zdict=dictionary or b"\0")
        try:
            plain = engine.decompress(packed) + engine.flush()
        except zlib.error as error:
            if _dictionary_id(packed) != zlib.adler32(dictionary or b"\0"):
                raise EditedError("the elements of the file were changed after it was compressed") from None
            raise StreamError(f"damaged restore record (0002,0102): {error}") from None
        if not engine.eof:
            raise StreamError("the restore record (0002,0102) is cut short")
        inner = Reader(plain)
        parts = [inner.take(inner.varint()) for _ in range(3)]
        inner.finish()
        return cls(guarantee, *syntaxes, digest, body, level or None, *parts)

    @staticmethod
    def guarantee_of(data: bytes) -> tuple[int, UID]:
        """Guarantee and original transfer syntax, without the dictionary."""
        reader = Reader(data)
        version, guarantee, _ = reader.take(3)
        if version != VERSION or guarantee not in (PIXELS, BYTES, NEAR):
            raise StreamError(f"restore record (0002,0102) of unknown version {version}")
        reader.take(CHECKSUM_BYTES)
        reader.varint()
        return guarantee, UID(reader.take(reader.varint()).decode("ascii", "replace"))


class EditedError(StreamError):
    """The data set is not the one that was compressed; its pixels may still be."""


def remove_record(meta: FileMetaDataset) -> None:
    """Remove the restore record from file meta information, if it has one."""
    if meta.get("PrivateInformationCreatorUID") == RESTORE_RECORD:
        del meta.PrivateInformationCreatorUID
        meta.pop("PrivateInformation", None)


def digest_of(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()[:CHECKSUM_BYTES]


def _dictionary_id(packed: bytes) -> int:
    """The dictionary's Adler-32 in a zlib header (RFC 1950)."""
    return int.from_bytes(packed[2:6], "big") if len(packed) >= 6 and packed[1] & 0x20 else -1
