"""Files with JPEG frames: JPEG XL holds the same JPEG in fewer bytes, and gives it back byte for byte.

The result is in a standard transfer syntax, JPEG XL JPEG Recompression, so others read it, too. Its restore record adds
what lies around the frames in the original. Pixels are never decoded.
"""

from __future__ import annotations

from io import BytesIO

from pydicom.datadict import dictionary_description
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragmented_frames, parse_basic_offsets
from pydicom.uid import JPEGBaseline8Bit

from ..codec import jpegxl
from ..errors import StreamError, UnsupportedImageError, VerificationError
from ..varint import Reader, write_varint
from .items import split_frames
from .part10 import Part10, parse
from .reading import readable
from .record import BYTES, RecordHead, RestoreRecord, digest_of, find_record, record_of
from .results import Compressed, Restored
from .syntax import JPEG, JPEG_XL_JPEG, name
from .tags import ITEM
from .writing import encapsulated_file, head

LENGTH_BYTES = 4
LOST = "without a restore record: the JPEG frames and the elements can be restored, not the original file byte for byte"
EDITED = "elements were changed after compression: the JPEG frames are intact, the original file cannot be had back"


def recompress(data: bytes, part10: Part10, with_record: bool = True, remark: str | None = None) -> Compressed:
    """A file's bytes, and as parsed -> a smaller one, restored and compared before it is returned.

    UnsupportedImageError for frames that JPEG XL does not take, such as those of 12 bits, and for items that do not add up.
    """
    if not jpegxl.is_available():
        raise UnsupportedImageError("JPEG frames, and this installation of imagecodecs comes without JPEG XL")
    if part10.pixels is None or not part10.pixels.encapsulated:
        raise UnsupportedImageError("no encapsulated Pixel Data (7FE0,0010)")
    value = BytesIO(part10.value)
    count = number(part10.dataset, "NumberOfFrames")
    with readable("damaged encapsulated Pixel Data (7FE0,0010)"):
        fragmented = list(generate_fragmented_frames(value, number_of_frames=count))
        value.seek(0)
        parse_basic_offsets(value)
    if len(fragmented) != count:
        raise UnsupportedImageError(f"{len(fragmented)} frames in Pixel Data (7FE0,0010), {count} are expected")
    frames = [b"".join(fragments) for fragments in fragmented]
    lengths = [len(fragment) for fragments in fragmented for fragment in fragments]
    if 0 in lengths:
        raise UnsupportedImageError("an empty fragment in Pixel Data (7FE0,0010)")
    first = part10.pixels.start + value.tell()
    last = first + sum(len(ITEM) + LENGTH_BYTES + n for n in lengths)
    record = RestoreRecord(
        BYTES, part10.syntax, part10.syntax, digest_of(data), part10.body, None, False, False,
        digest_of(*frames), data[:first], data[last:], b"", b"".join(map(write_varint, lengths)),
    )  # fmt: skip
    start = head(part10.preamble if with_record else b"", part10.meta, part10.dataset, JPEG_XL_JPEG)
    around = part10.elements
    packed = record.encode(around.all) if with_record else None
    result = encapsulated_file(start, around, [jpegxl.from_jpeg(frame) for frame in frames], packed)
    if len(result) >= len(data):
        raise UnsupportedImageError(f"compressed it would take {len(result)} bytes instead of {len(data)}")
    compressed = parse(result)
    restored = restore_jpeg(compressed)
    if with_record and restored.data != data:
        raise VerificationError("the restored file differs from the original")
    if [jpegxl.to_jpeg(frame) for frame in jpeg_xl_frames(compressed)] != frames:
        raise VerificationError("the restored JPEG frames differ from the original ones")
    remarks = [remark] if with_record else [remark, LOST]
    return Compressed(result, restored.pixels, 0, "; ".join(filter(None, remarks)) or None)


def restore_jpeg(part10: Part10, whole: bool = True) -> Restored:
    """Inverse of `recompress`. Elements that were changed since are kept as changed. StreamError if it is damaged.

    Without a restore record, as others write this transfer syntax, or where `whole` is False, the JPEG frames with the elements
    as they are.
    """
    record, remark = record_of(part10, LOST, EDITED) if whole else (None, LOST)
    jpeg = [jpegxl.to_jpeg(frame) for frame in jpeg_xl_frames(part10)]
    pixels = len(jpeg) * number(part10.dataset, "Rows") * number(part10.dataset, "Columns")
    data = find_record(part10.raw)
    syntax = JPEGBaseline8Bit
    if data is not None:
        found, _ = RecordHead.read(data)
        syntax = found.original_syntax
        if syntax not in JPEG:
            raise StreamError(f"the restore record is that of a file in {name(syntax)}")
        if digest_of(*jpeg) != found.frames_digest:
            raise StreamError("the JPEG frames do not have the checksum of the original ones")
    if record is None:
        start = head(part10.preamble, part10.meta, part10.dataset, syntax)
        return Restored(encapsulated_file(start, part10.elements, jpeg), pixels, 0, remark == EDITED, remark)
    content = b"".join((record.prefix, *_items(b"".join(jpeg), record.fragments), record.suffix))
    if digest_of(content) != record.digest:
        raise StreamError("the restored file does not have the checksum of the original")
    return Restored(content, pixels, 0)


def _items(value: bytes, lengths: bytes) -> list[bytes]:
    """The frames as fragments of these lengths (varints). StreamError if they do not add up."""
    rest, reader, items = Reader(value), Reader(lengths), []
    while reader.position < len(lengths):
        length = reader.varint()
        if not length:  # deflated, millions of them take a few bytes
            raise StreamError("the restore record tells an empty fragment")
        fragment = rest.take(length)
        items += [ITEM, length.to_bytes(LENGTH_BYTES, "little"), fragment]
    rest.finish()
    return items


def jpeg_xl_frames(part10: Part10) -> list[bytes]:
    """The frames of a file in JPEG XL JPEG Recompression, in one item each. StreamError if they do not add up."""
    if part10.pixels is None or not part10.pixels.encapsulated:
        raise StreamError("no encapsulated Pixel Data (7FE0,0010)")
    return [bytes(frame) for frame in split_frames(part10.value, number(part10.dataset, "NumberOfFrames"))]


def number(dataset: Dataset, keyword: str) -> int:
    """An element of the data set, 1 if it is missing or empty. UnsupportedImageError if it is no number."""
    with readable(f"{dictionary_description(keyword)} is not a number"):
        return int(dataset.get(keyword) or 1)
