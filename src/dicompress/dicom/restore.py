"""Compressed files to what they were made of, whole or one frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from .. import codec
from ..errors import StreamError, UnsupportedImageError
from .decoders import jpeg_xl_pixels
from .image import image_of
from .items import split_frames
from .native import deflate
from .part10 import Part10, parse
from .pixels import NativeForm, PixelLayout, little_endian, pieces
from .recompress import LOST as JPEG_LOST
from .recompress import jpeg_xl_frames, restore_jpeg
from .record import BYTES, RECORD_MARK, Digest, RecordHead, digest_of, find_record, has_record, record_of
from .results import Restored, Stripped
from .syntax import DICOMPRESS, JPEG_XL_JPEG, JPEG_XL_LOSSLESS, NATIVE, name
from .writing import encapsulated_file, head, native_parts

LOST = "without a restore record: pixels and elements can be restored, not the original file byte for byte"
LOST_XL = "without a restore record: a file in JPEG XL Lossless as others write it, with the pixels and elements of the original"
SYNTAX, META_BYTES = b"\x02\0\x10\0UI", 4096  # (0002,0010), and the first bytes of a file, in which it lies
EDITED = "elements were changed after compression: the pixels are intact, the original file cannot be had back"


def restore_file(data: bytes, threads: int = 0) -> Restored:
    """Inverse of `compress_file`: the original file's bytes, or those of its decompressed form (`guarantee`).

    If elements were changed since, or there is no restore record, the data set as it is with the original pixels, as Explicit
    VR Little Endian, or its JPEG frames. UnsupportedImageError if the file is not in a transfer syntax that `compress_file`
    writes; StreamError if it is damaged.
    """
    return restore(parse(data), threads)


def restore(part10: Part10, threads: int = 0) -> Restored:
    """`restore_file` of a parsed file."""
    check_ours(part10)
    return restore_checked(part10, threads)


def restore_checked(part10: Part10, threads: int = 0, whole: bool = True) -> Restored:
    """`restore` of what is known to be ours. whole: False for pixels and elements as they are, whatever a restore record says."""
    return restore_jpeg(part10, whole) if part10.syntax == JPEG_XL_JPEG else _restore(part10, threads, whole)


def is_ours(part10: Part10) -> bool:
    """Whether `restore_file` takes it. Of JPEG XL Lossless, which others write, too, the record tells."""
    return part10.syntax in (DICOMPRESS, JPEG_XL_JPEG) or (part10.syntax == JPEG_XL_LOSSLESS and has_record(part10.raw))


def says_ours(data: bytes) -> bool:
    """Whether a file that cannot be restored says by its Transfer Syntax UID (0002,0010) or by the creator of a restore record that
    dicompress compressed it.
    """
    start = data.find(SYNTAX, 0, META_BYTES) + len(SYNTAX)
    value = data[start + 2 :][: int.from_bytes(data[start : start + 2], "little")]
    named = start >= len(SYNTAX) and value.rstrip(b"\0 ") in (DICOMPRESS.encode(), JPEG_XL_JPEG.encode())
    return named or RECORD_MARK in data


def check_ours(part10: Part10) -> None:
    """UnsupportedImageError unless `is_ours`."""
    if not is_ours(part10):
        raise UnsupportedImageError(f"not compressed by dicompress: transfer syntax {name(part10.syntax)}")


def _restore(part10: Part10, threads: int, whole: bool) -> Restored:
    record, remark = record_of(part10, LOST, EDITED) if whole else (None, LOST)
    image = image_of(part10)
    streams = frames_of(part10, image)
    frames = decode_frames(streams, image, threads)
    near = 0
    if part10.syntax == JPEG_XL_LOSSLESS:
        data = find_record(part10.raw)
        frames = _jpeg_xl_frames(streams, image, RecordHead.read(data)[0].frames_digest if data else None)
    else:
        near = max(codec.inspect(stream).near for stream in streams)
    if record is None:
        form = NativeForm()
        prefix, suffix = native_parts(part10.preamble, part10.meta, part10.dataset, part10.elements, image)
    else:
        if record.pixel_syntax not in NATIVE:
            raise StreamError(f"the restore record is that of a file in {name(record.pixel_syntax)}")
        image = replace(image, planar=record.planar)
        form = NativeForm.of(image, record.pixel_syntax, "OW" if record.words else "")
        prefix, suffix = record.prefix, record.suffix
    size = image.whole_bytes if record is not None and record.guarantee == BYTES else image.nbytes
    content = bytearray(len(prefix) + size + len(suffix))
    content[: len(prefix)], content[len(prefix) + size :] = prefix, suffix
    position, end = len(prefix), len(prefix) + size
    for piece in pieces(form, frames, image):
        piece = piece[: end - position]
        content[position : position + len(piece)] = piece.data
        position += len(piece)
    if record is not None:
        if record.deflate_level is not None:
            content = content[: record.body] + deflate(content[record.body :], record.deflate_level) + record.trailer
        if digest_of(content) != record.digest:
            raise StreamError("the restored file does not have the checksum of the original")
    return Restored(content, image.pixels, near, remark == EDITED, remark)


def frames_of(part10: Part10, image: PixelLayout) -> list[memoryview]:
    """The streams of a compressed file. StreamError if they are not one a frame, or in our syntax one for all frames."""
    if part10.pixels is None or not part10.pixels.encapsulated:
        raise StreamError("no encapsulated Pixel Data (7FE0,0010)")
    return split_frames(part10.value, image.frames, codec.HOLDING_ALL if part10.syntax == DICOMPRESS else ())


def _jpeg_xl_frames(streams: list[memoryview], image: PixelLayout, expected: bytes | None) -> Iterator[np.ndarray]:
    """StreamError in the end, unless all pixels together have the digest that is expected."""
    digest = Digest()
    for number, stream in enumerate(streams):
        try:
            pixels = jpeg_xl_pixels(bytes(stream), image)
        except UnsupportedImageError as error:
            raise StreamError(f"frame {number + 1}: {error}") from None
        digest.update(little_endian(pixels))
        yield pixels
    if expected is not None and digest.digest() != expected:
        raise StreamError("the pixels do not have the checksum of the original ones")


def decode_frames(streams: list[memoryview], image: PixelLayout, threads: int = 0) -> Iterator[np.ndarray]:
    """Each `image.frame_shape`, from their streams or the one that holds all."""
    if len(streams) < image.frames:
        check_together(streams[0], image)
        yield from codec.decode(streams[0], threads=threads)
        return
    for number, stream in enumerate(streams):
        yield decode_frame(stream, image, f"frame {number + 1}", threads)


def decode_some(streams: list[memoryview], image: PixelLayout, numbers: Sequence[int], threads: int = 0) -> np.ndarray:
    """(len(numbers), ...) frames of `decode_frames`; no more is decoded than they need."""
    if len(streams) == image.frames:
        return np.stack([decode_frame(streams[n], image, f"frame {n + 1}", threads) for n in numbers])
    check_together(streams[0], image)
    return np.stack([codec.decode(streams[0], frame=n, threads=threads) for n in numbers])


def check_together(stream: bytes | memoryview, image: PixelLayout) -> None:
    """StreamError unless a stream holds all frames that the elements tell of."""
    shape, dtype = codec.layout(stream)
    if shape != image.shape or dtype != image.dtype:
        raise StreamError(f"the frames are {dtype} {shape}, the elements say {image.dtype} {image.shape}")


def decode_frame(stream: bytes | memoryview, image: PixelLayout, name: str = "the frame", threads: int = 0) -> np.ndarray:
    """`image.frame_shape` from a frame's stream. StreamError, with `name`, if it is not what the elements say."""
    shape, dtype = codec.layout(stream)
    if shape != image.frame_shape or dtype != image.dtype:
        raise StreamError(f"{name} is {dtype} {shape}, the elements say {image.dtype} {image.frame_shape}")
    return codec.decode(stream, threads=threads)


def strip_file(data: bytes) -> Stripped:
    """A compressed file without restore record and preamble, which may hold text that a de-identification did not see.

    UnsupportedImageError if it is not ours, or has none.
    """
    part10 = parse(data)
    check_ours(part10)
    if not has_record(part10.raw):
        raise UnsupportedImageError("no restore record to remove")
    start = head(b"", part10.meta, part10.dataset, part10.syntax)
    if part10.syntax == JPEG_XL_JPEG:
        return Stripped(encapsulated_file(start, part10.elements, jpeg_xl_frames(part10)), JPEG_LOST)
    streams = frames_of(part10, image_of(part10))
    lost = LOST if part10.syntax == DICOMPRESS else LOST_XL
    return Stripped(encapsulated_file(start, part10.elements, streams), lost)
