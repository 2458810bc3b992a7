"""Whether a target that is there already is what its source gives."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from pydicom.dataset import Dataset

from ..codec.psnr import allowed_mse
from ..errors import DicompressError, FileError, StreamError, UnsupportedImageError
from .allowance import Allowance, near_of_hu
from .compress import compress_file
from .derived import derived
from .describe import describe
from .image import image_of
from .native import Native, made_native, native_of
from .part10 import Part10, parse
from .pixels import NativeForm
from .record import digest_of, has_record, record_of
from .references import references
from .restore import EDITED, LOST, is_ours, restore
from .results import PassedOn
from .stored import stored_pixels
from .syntax import JPEG_XL_JPEG, JPEG_XL_LOSSLESS, NATIVE
from .transcode import transcode_or_pass_on
from .writing import with_instance


def is_compressed(source: bytes, target: bytes, allowance: Allowance | None, threads: int) -> bool:
    """Whether `target` is `source` passed on, or compressed by any model with no more error than allowed.

    It is restored. FileError or StreamError if that shows that it is damaged.
    """
    if target == source:
        return True
    ours = parse(target)
    if ours.syntax in (JPEG_XL_JPEG, JPEG_XL_LOSSLESS) and not has_record(ours.raw):
        return _is_jpeg_xl_without_record(source, target, allowance, threads)
    if not is_ours(ours):
        return False
    restored = restore(ours, threads)
    if restored.data == source:
        return True
    if restored.edited or ours.syntax == JPEG_XL_JPEG or (restored.near and not allowance):
        return False
    try:
        part10 = parse(source)
        native = native_of(part10, source)
    except FileError:  # it is the source that is damaged
        return False
    preamble = b"" if restored.remark else part10.preamble  # without a restore record
    if restored.near:
        assert allowance is not None  # as asked above
        after = _native_pixels(parse(restored.data))
        if native.pixels.shape != after.shape or not _is_allowed(allowance, native.dataset, native.pixels, after, restored.near):
            return False
        dataset = derived(native.dataset, after, restored.near, describe(target).coded_bytes)
        meta = with_instance(part10.meta, str(dataset.SOPInstanceUID))
        native = made_native(preamble, meta, dataset, after, native.image)
    elif restored.remark:
        native = made_native(preamble, part10.meta, native.dataset, native.pixels, native.image)
    return restored.data == _file(native)


def _is_jpeg_xl_without_record(source: bytes, target: bytes, allowance: Allowance | None, threads: int) -> bool:
    try:
        return compress_file(source, threads=threads, allowance=allowance, record=False).data == target
    except DicompressError:
        return False


def is_decompressed(source: bytes, target: bytes, threads: int) -> bool:
    """Whether `target` is what `source` restores to, by the digest in it. FileError if the target is damaged."""
    parse(target)
    ours = parse(source)
    if not is_ours(ours):
        return target == source
    record, _ = record_of(ours, LOST, EDITED)
    return digest_of(target) == record.digest if record else target == restore(ours, threads).data


def is_transcoded(source: bytes, target: bytes, to: str, threads: int) -> bool:
    """Whether `target` is what `source` gives, byte for byte. FileError or StreamError if the target is damaged."""
    part10 = parse(target)
    result = transcode_or_pass_on(source, to, threads)
    if target == (source if isinstance(result, PassedOn) else result.data):
        return True
    if part10.pixels and part10.pixels.encapsulated:
        try:
            stored_pixels(part10, image_of(part10))
        except UnsupportedImageError as error:
            raise StreamError(str(error)) from None
    return False


def check_whole(data: bytes) -> None:
    """FileError if a native file is cut short, even in its pixels; NotDicomError."""
    part10 = parse(data)
    if part10.syntax in NATIVE and part10.pixels:
        with suppress(UnsupportedImageError):
            _native_pixels(part10)


def instances(source: bytes, target: bytes) -> tuple[tuple[str, str] | None, frozenset[str]]:
    """`uids` and `references` of `Compressed`, of a target that is kept."""
    before, after = (parse(data) for data in (source, target))
    source_uid, target_uid = (str(part10.dataset.get("SOPInstanceUID", "")) for part10 in (before, after))
    differ = source_uid and target_uid and source_uid != target_uid
    return ((source_uid, target_uid) if differ else None), references(before)


def has_allowed_error(source: bytes, derived: bytes, near: int, allowance: Allowance) -> bool:
    """Whether an uncompressed derived image is off its source by no more than is allowed. FileError, UnsupportedImageError."""
    native, after = native_of(parse(source), source), _native_pixels(parse(derived))
    return native.pixels.shape == after.shape and _is_allowed(allowance, native.dataset, native.pixels, after, near)


def _is_allowed(allowance: Allowance, dataset: Dataset, before: np.ndarray, after: np.ndarray, near: int) -> bool:
    error = before.astype(np.float64) - after
    if np.abs(error).max() > near:
        return False
    if allowance.near is not None:
        return near <= allowance.near
    if allowance.hu is not None:
        return near <= near_of_hu(dataset, allowance.hu)
    assert allowance.psnr is not None  # one of three is given
    return bool(np.mean(np.square(error)) <= allowed_mse(before, allowance.psnr))


def _file(native: Native) -> bytes:
    return b"".join((native.prefix, *(frame.data for frame in native.values()), native.suffix))


def _native_pixels(part10: Part10) -> np.ndarray:
    image = image_of(part10)
    return NativeForm.of(image, part10.syntax, part10.place.vr).values(part10.value, image)
