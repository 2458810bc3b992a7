"""The restore record: whatever the original file holds that the compressed one does not show.

It lies in the data set, in private elements that a network carries, so that it survives C-STORE: (7FD9,0010) names the
creator, (7FD9,1001) is the record. An original is prefix + pixel values + suffix (and a trailer, if it was deflated). They are
deflated with the compressed file's own elements as dictionary, so a record is small whatever odd bytes an original has, and a
restore is exact by construction. Of an original with JPEG frames, their fragments stand where the pixel values would.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID

from ..errors import StreamError, UnsupportedImageError
from ..limits import inflate
from ..varint import Reader, write_varint
from . import copies
from .explicit import Elements
from .part10 import Part10
from .tags import CREATOR, RECORD

NAME = b"DICOMPRESS"  # of the private creator
TAG = "(7FD9,1001)"
VERSION = 1
# What is guaranteed: identical pixels and elements, the identical file, or a derived image with a bounded error.
PIXELS, BYTES, NEAR = 0, 1, 2
WORDS, PLANAR = 1, 2
CHECKSUM_BYTES = 16


@dataclass(frozen=True)
class RecordHead:
    """The part of a restore record that can be read whatever became of the elements.

    guarantee: PIXELS, BYTES or NEAR. original_syntax, pixel_syntax: of the original and of the restored file. digest: of the
    restored file (SHA-256, 16 bytes). body: offset of its data set. deflate_level: of a deflated data set, else None. words: 8-bit
    pixels lie in words of 16 bits. planar: samples lie by planes in the restored file. frames_digest: of all JPEG frames, or of all
    native pixel values behind JPEG XL Lossless, which has no checksum; else empty.
    """

    guarantee: int
    original_syntax: UID
    pixel_syntax: UID
    digest: bytes
    body: int
    deflate_level: int | None
    words: bool
    planar: bool
    frames_digest: bytes

    @staticmethod
    def read(data: bytes) -> tuple[RecordHead, Reader]:
        """The head, and a reader that stands behind it. StreamError for nonsense."""
        reader = Reader(data)
        version, guarantee, level, flags = reader.take(4)
        if version != VERSION or guarantee not in (PIXELS, BYTES, NEAR) or level > 9 or flags > WORDS | PLANAR:
            raise StreamError(f"restore record {TAG} of unknown version {version}")
        digest = reader.take(CHECKSUM_BYTES)
        frames_digest = reader.take(reader.varint())
        body = reader.varint()
        original, restored = (UID(reader.take(reader.varint()).decode("ascii", "replace")) for _ in range(2))
        head = RecordHead(
            guarantee, original, restored, digest, body, level or None, bool(flags & WORDS), bool(flags & PLANAR), frames_digest
        )
        return head, reader


@dataclass(frozen=True)
class RestoreRecord(RecordHead):
    """prefix, suffix: around the pixels or frames; inflated, if the data set was deflated; trailer is what followed that.

    fragments: lengths of the fragments of JPEG frames, varints.
    """

    prefix: bytes
    suffix: bytes
    trailer: bytes
    fragments: bytes = b""

    def encode(self, elements: bytes) -> bytes:
        """elements: all of the compressed file but Pixel Data and the record, as it writes them."""
        plain = copies.pack(_joined([self.prefix, self.suffix, self.trailer, self.fragments]), elements)
        engine = zlib.compressobj(9, zlib.DEFLATED, 15, 9, zdict=elements or b"\0")
        packed = engine.compress(plain) + engine.flush()
        texts = [text.encode("ascii") for text in (self.original_syntax, self.pixel_syntax)]
        flags = WORDS * self.words | PLANAR * self.planar
        start = bytes([VERSION, self.guarantee, self.deflate_level or 0, flags]) + self.digest
        return start + _joined([self.frames_digest]) + write_varint(self.body) + _joined(texts) + packed

    @classmethod
    def decode(cls, data: bytes, elements: bytes) -> RestoreRecord:
        """Inverse of `encode`. EditedError if the elements are not those of `encode`, StreamError for nonsense."""
        head, reader = RecordHead.read(data)
        packed = data[reader.position :]
        engine = zlib.decompressobj(15, zdict=elements or b"\0")
        try:
            plain = inflate(engine, packed)
        except zlib.error as error:
            if _dictionary_id(packed) != zlib.adler32(elements or b"\0"):
                raise EditedError("the elements of the file were changed after it was compressed") from None
            raise StreamError(f"damaged restore record {TAG}: {error}") from None
        if not engine.eof:
            raise StreamError(f"the restore record {TAG} is cut short")
        inner = Reader(copies.unpack(plain, elements))
        parts = [inner.take(inner.varint()) for _ in range(4)]
        inner.finish()
        return cls(**vars(head), prefix=parts[0], suffix=parts[1], trailer=parts[2], fragments=parts[3])


class EditedError(StreamError):
    """The data set is not the one that was compressed; its pixels may still be."""


def find_record(dataset: Dataset) -> bytes | None:
    """The record of a data set, None if it has none. StreamError if there is something else in its place."""
    if not has_record(dataset):
        return None
    value = dataset.get_item(RECORD).value
    if not isinstance(value, bytes) or not value:
        raise StreamError(f"the restore record {TAG} is no string of bytes")
    return value


def record_of(part10: Part10, lost: str, edited: str) -> tuple[RestoreRecord | None, str | None]:
    """A compressed file's record; or which is said where there is none, or it is that of other elements. StreamError for nonsense.

    To be called before a value of the data set is read.
    """
    data = find_record(part10.raw)
    if data is None:
        return None, lost
    for undefined in (None, False, True):  # receivers may write lengths of sequences anew, all of one kind
        elements = part10.elements if undefined is None else Elements.of(part10.raw, undefined)
        try:
            return RestoreRecord.decode(data, elements.all), None
        except EditedError:
            pass
    return None, edited


def has_record(dataset: Dataset) -> bool:
    return _is_creator(dataset) and RECORD in dataset


def check_room(dataset: Dataset) -> None:
    """UnsupportedImageError if there are elements where the record would lie."""
    if any(tag >> 16 == CREATOR >> 16 for tag in dataset.keys()):  # noqa: SIM118  # a data set iterates over elements
        raise UnsupportedImageError("the data set has elements in group 7FD9, where the restore record would lie")


def remove_record(dataset: Dataset) -> None:
    """Remove the restore record, if there is one."""
    if _is_creator(dataset):
        for tag in (CREATOR, RECORD):
            if tag in dataset:
                del dataset[tag]


def record_elements(data: bytes) -> bytes:
    """The two private elements, in Explicit VR Little Endian."""
    data += b"\0" * (len(data) % 2)
    return RECORD_MARK + _tag(RECORD) + b"OB\0\0" + len(data).to_bytes(4, "little") + data


def _is_creator(dataset: Dataset) -> bool:
    element = dataset.get_item(CREATOR) if CREATOR in dataset else None
    value = element.value if element is not None else None
    return (value.encode("latin-1", "replace") if isinstance(value, str) else value or b"").strip(b" \0") == NAME


class Digest:
    """The first bytes of the SHA-256 of what it is fed."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()

    def update(self, part: bytes | bytearray | np.ndarray) -> None:
        self.hash.update(part.data if isinstance(part, np.ndarray) else part)

    def digest(self) -> bytes:
        return self.hash.digest()[:CHECKSUM_BYTES]


def digest_of(*parts: bytes | bytearray | np.ndarray) -> bytes:
    """Of the parts one after the other."""
    digest = Digest()
    for part in parts:
        digest.update(part)
    return digest.digest()


def _tag(tag: int) -> bytes:
    return (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")


RECORD_MARK = _tag(CREATOR) + b"LO" + len(NAME).to_bytes(2, "little") + NAME  # the creator's element


def _joined(parts: list[bytes]) -> bytes:
    return b"".join(write_varint(len(part)) + part for part in parts)


def _dictionary_id(packed: bytes) -> int:
    """The dictionary's Adler-32 in a zlib header (RFC 1950)."""
    return int.from_bytes(packed[2:6], "big") if len(packed) >= 6 and packed[1] & 0x20 else -1
