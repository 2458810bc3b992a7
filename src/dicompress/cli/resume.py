"""Whether a target that is there already is what its source gives."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from pydicom.dataset import Dataset

from ..dicom import Allowance, describe, restore_file
from ..dicom import pixels as px
from ..dicom.allowance import near_of_hu
from ..dicom.elements import record_of
from ..dicom.part10 import Part10, parse
from ..dicom.record import EditedError, digest_of, is_ours
from ..dicom.syntax import JPEG_XL_JPEG, NATIVE
from ..dicom.transcode import decompressed_file, derived_file
from ..errors import UnsupportedImageError


def is_compressed(source: bytes, target: bytes, allowance: Allowance | None, threads: int) -> bool:
    """Whether `target` is `source` passed on, or compressed by any model with no more error than allowed.

    It is restored. FileError or StreamError if that shows that it is damaged.
    """
    ours = check_whole(target)
    if target == source:
        return True
    if not is_ours(ours.dataset.file_meta):
        return False
    restored = restore_file(target, threads)
    if restored.data == source:
        return True
    if restored.edited or ours.syntax == JPEG_XL_JPEG or (restored.near and not allowance):
        return False
    part10 = parse(source)
    expected = part10 if part10.syntax in NATIVE else decompressed_file(part10, px.layout(part10.dataset))
    if restored.near:
        before, after = _pixels(expected), _pixels(parse(restored.data))
        if before.shape != after.shape or not _is_allowed(allowance, part10.dataset, before, after, restored.near):
            return False
        expected = derived_file(expected, after, restored.near, describe(target).coded_bytes)
    return restored.data == expected.content


def is_decompressed(source: bytes, target: bytes, threads: int) -> bool:
    """Whether `target` is what `source` restores to, by the digest in it. FileError if the target is damaged."""
    check_whole(target)
    ours = parse(source)
    if not is_ours(ours.dataset.file_meta):
        return target == source
    try:
        record = record_of(ours.dataset)
    except EditedError:
        return target == restore_file(source, threads).data
    return digest_of(target) == record.digest


def instances(source: bytes, target: bytes) -> tuple[tuple[str, str] | None, frozenset[str]]:
    """`uids` and `references` of `Compressed`, of a target that is kept."""
    before, after = (parse(data).dataset for data in (source, target))
    uids = tuple(str(dataset.get("SOPInstanceUID", "")) for dataset in (before, after))
    found = (e.value for e in before.iterall() if e.keyword == "ReferencedSOPInstanceUID" and e.value)
    return (uids if uids[0] != uids[1] else None), frozenset(map(str, found))


def _is_allowed(allowance: Allowance, dataset: Dataset, before: np.ndarray, after: np.ndarray, near: int) -> bool:
    error = before.astype(np.float64) - after
    if np.abs(error).max() > near:
        return False
    if allowance.psnr is None:
        return near <= (allowance.near or near_of_hu(dataset, allowance.hu))
    return np.mean(np.square(error)) <= (float(before.max()) - float(before.min())) ** 2 / 10 ** (allowance.psnr / 10)


def check_whole(data: bytes) -> Part10:
    """The parsed file. FileError if a native one is cut short, even in its pixels; NotDicomError."""
    part10 = parse(data)
    if part10.syntax in NATIVE and part10.pixel_value:
        with suppress(UnsupportedImageError):
            _pixels(part10)
    return part10


def _pixels(part10: Part10) -> np.ndarray:
    start, length = part10.pixel_value
    value = part10.content[start : start + length]
    return px.native_pixels(value, px.layout(part10.dataset), part10.syntax, part10.pixel_vr)
