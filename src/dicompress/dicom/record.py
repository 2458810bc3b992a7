"""The restore record in (0002,0102): whatever the original file holds that the compressed one does not show.

An original is prefix + pixel values + suffix (and a trailer, if it was deflated). They are deflated with the compressed
file's own elements as dictionary, so a record is small whatever odd bytes an original has, and a restore is exact by
construction. Of an original with JPEG frames, their fragments stand where the pixel values would.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass

from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID

from ..errors import StreamError, UnsupportedImageError
from ..limits import inflate
from ..varint import Reader, write_varint
from . import copies
from .syntax import DICOMPRESS, JPEG_XL_JPEG, RESTORE_RECORD

VERSION, FAR_VERSION = 1, 2  # the second for elements that are too many for deflate's window, and for JPEG frames
WINDOW = 32000  # bytes that deflate looks back, or a little less
# What is guaranteed: identical pixels and elements, the identical file, or a derived image with a bounded error.
PIXELS, BYTES, NEAR = 0, 1, 2
CHECKSUM_BYTES = 16


@dataclass(frozen=True)
class RecordHead:
    """The part of a restore record that can be read whatever became of the elements.

    guarantee: PIXELS, BYTES or NEAR. original_syntax, pixel_syntax: of the original and of the restored file. digest: of the
    restored file (SHA-256, 16 bytes). body: offset of its data set. deflate_level: of a deflated data set, else None.
    jpeg_digest: of all bytes of JPEG frames, else empty.
    """

    guarantee: int
    original_syntax: UID
    pixel_syntax: UID
    digest: bytes
    body: int
    deflate_level: int | None
    jpeg_digest: bytes

    @classmethod
    def read(cls, data: bytes) -> tuple[RecordHead, Reader]:
        """The head, and a reader that stands behind it. StreamError for nonsense."""
        reader = Reader(data)
        version, guarantee, level = reader.take(3)
        if version not in (VERSION, FAR_VERSION) or guarantee not in (PIXELS, BYTES, NEAR) or level > 9:
            raise StreamError(f"restore record (0002,0102) of unknown version {version}")
        digest = reader.take(CHECKSUM_BYTES)
        jpeg_digest = reader.take(reader.varint()) if version == FAR_VERSION else b""
        body = reader.varint()
        syntaxes = [UID(reader.take(reader.varint()).decode("ascii", "replace")) for _ in range(2)]
        return cls(guarantee, *syntaxes, digest, body, level or None, jpeg_digest), reader


@dataclass(frozen=True)
class RestoreRecord(RecordHead):
    """prefix, suffix: around the pixels or frames; inflated, if the data set was deflated; trailer is what followed that.

    fragments: lengths of the fragments of JPEG frames, varints.
    """

    prefix: bytes
    suffix: bytes
    trailer: bytes
    fragments: bytes = b""

    def encode(self, before: bytes, after: bytes) -> bytes:
        """before, after: the elements before and behind Pixel Data as the compressed file writes them."""
        parts = [self.prefix, self.suffix, self.trailer]
        if self.fragments or len(before) > WINDOW or len(after) >= copies.SHORTEST:
            version, dictionary = FAR_VERSION, before + after
            parts.append(self.fragments)
            plain = copies.pack(_joined(parts), dictionary)
        else:
            version, dictionary, plain = VERSION, before, _joined(parts)
        engine = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zdict=dictionary or b"\0")
        packed = engine.compress(plain) + engine.flush()
        level = 0 if self.deflate_level is None else self.deflate_level
        texts = [text.encode("ascii") for text in (self.original_syntax, self.pixel_syntax)]
        jpeg = [self.jpeg_digest] if version == FAR_VERSION else []
        start = bytes([version, self.guarantee, level]) + self.digest + _joined(jpeg) + write_varint(self.body)
        return start + _joined(texts) + packed

    @classmethod
    def decode(cls, data: bytes, before: bytes, after: bytes) -> RestoreRecord:
        """Inverse of `encode`. EditedError if the elements are not those of `encode`, StreamError for nonsense."""
        head, reader = RecordHead.read(data)
        far = data[0] == FAR_VERSION
        dictionary, packed = before + after * far, data[reader.position :]
        engine = zlib.decompressobj(15, zdict=dictionary or b"\0")
        try:
            plain = inflate(engine, packed)
        except zlib.error as error:
            if _dictionary_id(packed) != zlib.adler32(dictionary or b"\0"):
                raise EditedError("the elements of the file were changed after it was compressed") from None
            raise StreamError(f"damaged restore record (0002,0102): {error}") from None
        if not engine.eof:
            raise StreamError("the restore record (0002,0102) is cut short")
        inner = Reader(copies.unpack(plain, dictionary) if far else plain)
        parts = [inner.take(inner.varint()) for _ in range(4 if far else 3)]
        inner.finish()
        return cls(**vars(head), prefix=parts[0], suffix=parts[1], trailer=parts[2], fragments=b"".join(parts[3:]))


def _joined(parts: list[bytes]) -> bytes:
    return b"".join(write_varint(len(part)) + part for part in parts)


class EditedError(StreamError):
    """The data set is not the one that was compressed; its pixels may still be."""


def is_ours(meta: FileMetaDataset) -> bool:
    """Whether dicompress compressed the file; of JPEG XL, which others write, too, only the restore record tells."""
    ours = meta.get("PrivateInformationCreatorUID") == RESTORE_RECORD
    return meta.TransferSyntaxUID == DICOMPRESS or (meta.TransferSyntaxUID == JPEG_XL_JPEG and ours)


def check_ours(meta: FileMetaDataset) -> None:
    """UnsupportedImageError unless dicompress compressed the file."""
    if not is_ours(meta):
        raise UnsupportedImageError(f"not compressed by dicompress: transfer syntax {meta.TransferSyntaxUID.name}")


def record_bytes(meta: FileMetaDataset) -> bytes:
    """EditedError if there is no restore record."""
    if meta.get("PrivateInformationCreatorUID") != RESTORE_RECORD or "PrivateInformation" not in meta:
        raise EditedError("the restore record (0002,0102) is missing")
    if not isinstance(meta.PrivateInformation, bytes):
        raise EditedError("the restore record (0002,0102) is no string of bytes")
    return meta.PrivateInformation


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
