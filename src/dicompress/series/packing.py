"""One file to what an archive keeps of it, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import codec
from ..codec import few, labels
from ..dicom import drawn
from ..dicom.allowance import Allowance
from ..dicom.compress import check_not_ours, compress_part10, encode_frames
from ..dicom.native import Native, deflate, made_native, native_of
from ..dicom.part10 import Part10, parse
from ..dicom.pixels import GREY
from ..dicom.record import BYTES, NEAR, PIXELS
from ..dicom.restore import restore_file
from ..dicom.syntax import JPEG
from ..dicom.writing import with_instance
from ..errors import DicompressError, FileError, NotDicomError, StreamError, UnknownModelError, VerificationError
from .entry import KEPT, SLICE, WHOLE, Entry
from .heads import Packer, joined, split


@dataclass(frozen=True)
class Content:
    """A file as it is kept: around, elements and the like, for the part's head; data, pixels as a stream or whatever else.

    pixels: of a SLICE, as they will be decoded: (rows, columns) or (frames, rows, columns). count: of the image's pixels.
    """

    entry: Entry
    around: bytes
    data: bytes
    pixels: np.ndarray | None = None
    count: int = 0


@dataclass(frozen=True)
class Settings:
    """model, allowance: as of `compress`. threads: 0 for one a core."""

    model: str
    allowance: Allowance | None = None
    threads: int = 0


def pack(data: bytes, entry: Entry, references: Mapping[int, np.ndarray], settings: Settings, packer: Packer) -> Content:
    """What is kept of a file's bytes, proved by restoring it.

    entry: its path and place. references: the pixels of entries that it may lean on, by number, the likelier first.
    UnknownModelError; whatever else a file is, it is kept as it is.
    """
    entry = replace(entry, size=len(data), sha256=sha256(data))
    try:
        return _packed(parse(data), data, entry, references, settings)
    except UnknownModelError:
        raise
    except NotDicomError as error:
        return _kept(data, replace(entry, is_dicom=False, reason=str(error)), packer)
    except FileError as error:
        return _kept(data, replace(entry, damaged=True, reason=str(error)), packer)
    except DicompressError as error:
        return _kept(data, replace(entry, reason=str(error)), packer)


def _packed(part10: Part10, data: bytes, entry: Entry, references: Mapping[int, np.ndarray], settings: Settings) -> Content:
    check_not_ours(part10)
    if part10.syntax in JPEG:
        return _whole(part10, data, entry, settings)
    native = native_of(part10, data)
    if native.image.interpretation not in GREY or native.image.bits_allocated == 1:
        return _whole(part10, data, entry, settings)
    content = _slice(part10, native, data, entry, references, settings)
    trial = None if settings.allowance else drawn.tried(native, settings.model, settings.threads)
    if trial and labels.is_one(content.data):
        trial = replace(trial, hope=1 / few.NEAR)
    if trial and (trial.wins or drawn.smaller(native, trial, len(content.data), settings.threads)):
        return _whole(part10, data, entry, settings)
    _prove(content, references, settings.threads)
    return content


def _slice(
    part10: Part10, native: Native, data: bytes, entry: Entry, references: Mapping[int, np.ndarray], settings: Settings
) -> Content:
    """Grey pixels as one stream, frames of which lean on each other, or which leans on other files'."""
    single = native.image.frames == 1
    fitting = {} if not single else _fitting(references, native.pixels[0])

    def encode(pixels: np.ndarray, **named: Any) -> tuple[list[bytes], np.ndarray]:
        if single:
            stream, decoded = codec.encode_with_result(pixels[0], references=list(fitting.values()), **named)
            return [stream], decoded[None]
        stream, decoded = codec.encode_with_result(pixels, neighbours=True, **named)
        return [stream], decoded

    coded = encode_frames(native, settings.model, settings.threads, settings.allowance, encode)
    guarantee = native.guarantee
    if coded.derived is not None:
        guarantee = NEAR
        meta = with_instance(part10.meta, str(coded.derived.SOPInstanceUID))
        entry = replace(entry, original_uid=entry.uid, uid=str(coded.derived.SOPInstanceUID))
        native = made_native(part10.preamble, meta, coded.derived, coded.pixels, native.image)
    (stream,) = coded.streams
    used = list(fitting)[: len(codec.inspect(stream).references)]
    pixels = coded.pixels[0] if single else coded.pixels
    rows, columns = native.image.frame_shape
    form = {"big": int(native.form.big), "words": int(native.form.words), "body": part10.body, "level": native.deflate_level or 0}
    entry = replace(
        entry, method=SLICE, guarantee=guarantee, near=coded.near, references=tuple(used), reason=coded.remark,
        frames=None if single else native.image.frames, shape=(rows, columns), dtype=native.image.dtype.name,
        form={name: value for name, value in form.items() if value},
    )  # fmt: skip
    around = joined(native.prefix, native.suffix, part10.trailer)
    if guarantee != BYTES:
        restored = assembled(entry, around, pixels)
        entry = replace(
            entry, size=len(restored), sha256=sha256(restored), original_size=len(data), original_sha256=sha256(data),
        )  # fmt: skip
    return Content(entry, around, stream, pixels, native.image.pixels)


def _fitting(references: Mapping[int, np.ndarray], pixels: np.ndarray) -> dict[int, np.ndarray]:
    return {n: image for n, image in references.items() if image.shape == pixels.shape and image.dtype == pixels.dtype}


def _whole(part10: Part10, data: bytes, entry: Entry, settings: Settings) -> Content:
    """The file that `compress` makes, its pixels apart from what is around them."""
    result = compress_part10(part10, data, settings.model, settings.threads, settings.allowance, True)
    place = parse(result.data).pixels
    assert place is not None
    old, new = result.uids or (None, entry.uid)
    around, items = result.data[: place.start] + result.data[place.stop :], result.data[place.start : place.stop]
    entry = replace(
        entry, method=WHOLE, near=result.near, uid=new, original_uid=old, reason=result.remark, form={"start": place.start},
    )  # fmt: skip
    restored = _rejoined(place.start, around, items, settings.threads)  # the proof: this is what comes back
    guarantee = NEAR if result.near else BYTES if restored == data else PIXELS
    if guarantee != BYTES:
        entry = replace(
            entry, guarantee=guarantee, size=len(restored), sha256=sha256(restored), original_size=len(data),
            original_sha256=sha256(data),
        )  # fmt: skip
    return Content(entry, around, items, None, result.pixels)


def _rejoined(start: int, around: bytes, items: bytes, threads: int) -> bytes:
    """What the compressed file of a WHOLE restores to."""
    return bytes(restore_file(around[:start] + items + around[start:], threads).data)


def _kept(data: bytes, entry: Entry, packer: Packer) -> Content:
    packed = packer.pack(data)
    smaller = len(packed) < len(data)
    return Content(replace(entry, method=KEPT, form={"zstd": 1} if smaller else None), b"", packed if smaller else data)


def _prove(content: Content, references: Mapping[int, np.ndarray], threads: int) -> None:
    """VerificationError unless what is kept of a SLICE gives the file."""
    try:
        given = [references[n] for n in content.entry.references]
        pixels = decoded(content.entry, content.data, given, threads)
        restored(content.entry, content.around, content.data, pixels, Packer(), threads)
    except VerificationError:
        raise
    except DicompressError as error:
        raise VerificationError(f"it could not be restored: {error}") from None


def decoded(entry: Entry, stream: bytes, references: Sequence[np.ndarray], threads: int = 0) -> np.ndarray:
    """The pixels of a SLICE, as stored. StreamError if they are not what the entry says."""
    shape, dtype = codec.layout(stream)
    frames = () if entry.frames is None else (entry.frames,)
    if shape != (*frames, *(entry.shape or ())) or dtype.name != entry.dtype:
        raise StreamError(f"{entry.path} is {dtype} {shape}, which is not what the archive says")
    try:
        return codec.decode(stream, references=references, threads=threads)
    except ValueError as error:
        raise StreamError(f"{entry.path}: {error}") from None


def restored(entry: Entry, around: bytes, data: bytes, pixels: np.ndarray | None, packer: Packer, threads: int = 0) -> bytes:
    """The file. pixels: of a SLICE. StreamError if it is not what was packed."""
    form = entry.form or {}
    if entry.method == SLICE:
        assert pixels is not None
        found = assembled(entry, around, pixels)
    elif entry.method == WHOLE:
        start = form.get("start", 0)
        found = _rejoined(start, around, data, threads)
    else:
        found = packer.unpack(data) if form.get("zstd") else data
    if len(found) != entry.size or (entry.sha256 and sha256(found) != entry.sha256):
        raise StreamError(f"{entry.path} does not have the checksum of the file that was packed")
    return found


def assembled(entry: Entry, around: bytes, pixels: np.ndarray) -> bytes:
    """Elements and pixels of a SLICE together."""
    prefix, suffix, trailer = split(around, 3)
    form = entry.form or {}
    value = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder(">" if form.get("big") else "<")).reshape(-1).view(np.uint8)
    if form.get("words"):
        if value.size % 2:
            raise StreamError(f"{entry.path} has an odd number of bytes in words")
        value = value.view(np.uint16).byteswap().view(np.uint8)
    content = b"".join((prefix, value.data, suffix))
    if level := form.get("level", 0):
        body = form.get("body", 0)
        content = content[:body] + deflate(content[body:], level) + trailer
    return content


def sha256(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()
