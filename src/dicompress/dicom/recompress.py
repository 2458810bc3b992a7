"""Files with JPEG frames: JPEG XL holds the same JPEG in fewer bytes, and gives it back byte for byte.

The result is in a standard transfer syntax, JPEG XL JPEG Recompression, so others read it, too. Its restore record adds
what lies around the frames in the original. Pixels are never decoded.
"""

from __future__ import annotations

from io import BytesIO

from pydicom.datadict import dictionary_description
from pydicom.encaps import generate_fragmented_frames, parse_basic_offsets

from ..errors import FileError, StreamError, UnsupportedImageError, VerificationError
from ..varint import Reader, write_varint
from . import jpegxl
from .elements import compressed_file, encapsulated_file, frame_items, record_of
from .part10 import Part10, parse
from .record import BYTES, EditedError, RecordHead, RestoreRecord, digest_of, record_bytes
from .results import Compressed, Restored
from .syntax import JPEG, JPEG_XL_JPEG

ITEM = b"\xfe\xff\x00\xe0"
LENGTH_BYTES = 4


def recompress(data: bytes, part10: Part10) -> Compressed:
    """A file's bytes, and as parsed -> a smaller one, restored and compared before it is returned.

    UnsupportedImageError for frames that JPEG XL does not take, such as those of 12 bits; FileError for damaged items.
    """
    if not jpegxl.is_available():
        raise UnsupportedImageError("JPEG frames, and this installation of imagecodecs comes without JPEG XL")
    if part10.pixel_value is None:
        raise UnsupportedImageError("no Pixel Data (7FE0,0010)")
    start, length = part10.pixel_value
    value = BytesIO(part10.content[start : start + length])
    count = number(part10, "NumberOfFrames")
    try:
        fragmented = list(generate_fragmented_frames(value, number_of_frames=count))
        value.seek(0)
        parse_basic_offsets(value)
    except Exception as error:  # pydicom raises several kinds for damaged items
        raise FileError(f"damaged encapsulated Pixel Data (7FE0,0010): {error}") from None
    if len(fragmented) != count:
        raise FileError(f"{len(fragmented)} frames in Pixel Data (7FE0,0010), {count} are expected")
    frames = [b"".join(fragments) for fragments in fragmented]
    lengths = [len(fragment) for fragments in fragmented for fragment in fragments]
    if 0 in lengths:
        raise UnsupportedImageError("an empty fragment in Pixel Data (7FE0,0010)")
    first = start + value.tell()
    last = first + sum(len(ITEM) + LENGTH_BYTES + n for n in lengths)
    record = RestoreRecord(
        BYTES, part10.syntax, part10.syntax, digest_of(data), part10.body, None,
        digest_of(b"".join(frames)), data[:first], data[last:], b"", b"".join(map(write_varint, lengths)),
    )  # fmt: skip
    result = compressed_file(part10.dataset, JPEG_XL_JPEG, [jpegxl.from_jpeg(frame) for frame in frames], record)
    if len(result) >= len(data):
        raise UnsupportedImageError(f"compressed it would take {len(result)} bytes instead of {len(data)}")
    restored = restore_jpeg(parse(result))
    if restored.data != data:
        raise VerificationError("the restored file differs from the original")
    return Compressed(result, restored.pixels, 0)


def restore_jpeg(part10: Part10) -> Restored:
    """Inverse of `recompress`. Elements that were changed since are kept as changed. StreamError if it is damaged."""
    head, _ = RecordHead.read(record_bytes(part10.dataset.file_meta))
    if head.original_syntax not in JPEG:
        raise StreamError(f"the restore record (0002,0102) is that of a file in {head.original_syntax.name}")
    jpeg = [jpegxl.to_jpeg(frame) for frame in jpeg_xl_frames(part10)]
    value = b"".join(jpeg)
    if digest_of(value) != head.jpeg_digest:
        raise StreamError("the JPEG frames do not have the checksum of the original ones")
    pixels = len(jpeg) * number(part10, "Rows") * number(part10, "Columns")
    try:
        record = record_of(part10.dataset)
    except EditedError:
        return Restored(encapsulated_file(part10.dataset, head.original_syntax, jpeg), pixels, 0, edited=True)
    content = b"".join((record.prefix, *_items(value, record.fragments), record.suffix))
    if digest_of(content) != record.digest:
        raise StreamError("the restored file does not have the checksum of the original")
    return Restored(content, pixels, 0)


def _items(value: bytes, lengths: bytes) -> list[bytes]:
    """The frames as fragments of these lengths (varints). StreamError if they do not add up."""
    rest, reader, items = Reader(value), Reader(lengths), []
    while reader.position < len(lengths):
        length = reader.varint()
        if not length:  # deflated, millions of them take a few bytes
            raise StreamError("the restore record (0002,0102) tells an empty fragment")
        fragment = rest.take(length)
        items += [ITEM, length.to_bytes(LENGTH_BYTES, "little"), fragment]
    rest.finish()
    return items


def jpeg_xl_frames(part10: Part10) -> list[bytes]:
    """The frames of a file that `recompress` made."""
    return frame_items(part10, number(part10, "NumberOfFrames"))


def number(part10: Part10, name: str) -> int:
    """An element of the data set, 1 if it is missing or empty. FileError if it is no number."""
    try:
        return int(part10.dataset.get(name) or 1)
    except Exception as error:  # pydicom raises several kinds when it converts a damaged element
        raise FileError(f"{dictionary_description(name)} is not a number: {error}".splitlines()[0]) from None
