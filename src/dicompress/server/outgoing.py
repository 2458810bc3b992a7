"""Objects on their way out: in the best transfer syntax that the peer accepts, and not decoded where that can be.

As it is stored, if the peer takes that; else native; else compressed by the first standard syntax that holds it.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection
from io import BytesIO

import pydicom
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ..dicom.explicit import Elements
from ..dicom.part10 import Part10, named_syntax, parse
from ..dicom.restore import is_ours
from ..dicom.standard import NATIVE_TARGET, TARGETS
from ..dicom.syntax import LOSSLESS, NATIVE, name
from ..dicom.transcode import transcode_file
from ..dicom.writing import head
from ..errors import DicompressError, VerificationError
from ..plugins import pydicom as _registered  # noqa: F401  # pydicom knows our transfer syntax

WRITTEN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian)  # native ones, the best first
ENCODED = ("htj2k", "j2k", "jls", "jxl")


class NoSyntaxError(DicompressError):
    """The peer accepted no transfer syntax that the object can be sent in."""


def outgoing(data: bytes, accepted: Collection[UID], threads: int = 0) -> tuple[bytes, UID]:
    """A file as it is stored -> the file to be sent, and its transfer syntax, one of `accepted`.

    Pixels that were lossy before are decoded once for a peer that takes nothing else; all others come out as they are. threads: 0 for one a
    core. NoSyntaxError if there is no way; FileError, StreamError for damage.
    """
    named, _ = named_syntax(data)
    if named and named in accepted:
        return data, named
    part10 = parse(data)
    if part10.syntax in accepted:  # of files that do not say it
        return data, part10.syntax
    reasons = []
    native = [syntax for syntax in WRITTEN if syntax in accepted]
    if native:
        try:
            return _native(part10, data, native, threads)
        except DicompressError as error:
            reasons.append(f"native: {error}")
    for target in ENCODED:
        syntax = next((one for one in TARGETS[target].same if one in accepted), None)
        if syntax is None:
            continue
        if part10.pixels is None and _is_elements_only(part10):
            return _relabelled(part10, syntax), syntax
        try:
            made = transcode_file(data, target, threads)
            if made.syntax in accepted:
                return made.data, made.syntax
            reasons.append(f"{TARGETS[target].title}: {made.remark}")
        except DicompressError as error:
            reasons.append(f"{TARGETS[target].title}: {error}")
    taken = ", ".join(sorted(map(name, accepted))) or "nothing"
    raise NoSyntaxError(
        f"the object is in {name(part10.syntax)}, the peer takes {taken}" + "".join(f"; {reason}" for reason in reasons)
    )


def _native(part10: Part10, data: bytes, accepted: list[UID], threads: int) -> tuple[bytes, UID]:
    """accepted: of `WRITTEN`, one or more."""
    if part10.syntax == ExplicitVRBigEndian and part10.pixels is None:
        data, syntax = _relabelled(part10, ExplicitVRLittleEndian), ExplicitVRLittleEndian
    elif part10.syntax in WRITTEN:
        syntax = part10.syntax
    elif is_ours(part10) or part10.syntax in LOSSLESS or part10.syntax in NATIVE:
        made = transcode_file(data, NATIVE_TARGET, threads)
        data, syntax = made.data, made.syntax
        if syntax not in WRITTEN:  # JPEG frames that were recompressed
            data, syntax = _decoded(data), ExplicitVRLittleEndian
    else:
        data, syntax = _decoded(data), ExplicitVRLittleEndian
    if syntax in accepted:
        return bytes(data), syntax
    return _written(data, accepted[0]), accepted[0]


def _is_elements_only(part10: Part10) -> bool:
    return not any(kind in part10.dataset for kind in ("FloatPixelData", "DoubleFloatPixelData"))


def _relabelled(part10: Part10, syntax: UID) -> bytes:
    """A data set without pixels in Explicit VR Little Endian, which all encapsulated syntaxes have, too."""
    return head(part10.preamble, part10.meta, part10.dataset, syntax) + Elements.of(part10.raw).all


def _decoded(data: bytes) -> bytes:
    """Lossy pixels, as pydicom decodes them. Their elements tell that they were lossy."""
    dataset = _read(data)
    try:
        with warnings.catch_warnings(action="ignore"):
            dataset.decompress(as_rgb=False, generate_instance_uid=False)
    except MemoryError:
        raise
    except Exception as error:  # pydicom's plug-ins have several kinds
        raise NoSyntaxError(f"it cannot be decoded: {_line(error)}") from None
    return _saved(dataset, ExplicitVRLittleEndian)


def _written(data: bytes, syntax: UID) -> bytes:
    """A native file in another native encoding of little endian. VerificationError if what it holds did not stay."""
    before = _read(data)
    made = _saved(_read(data), syntax)
    after = _read(made)
    same = before.get("PixelData") == after.get("PixelData") and before.SOPInstanceUID == after.SOPInstanceUID
    if not same or _tags(before) != _tags(after):
        raise VerificationError(f"in {name(syntax)} it does not read as it was")
    return made


def _tags(dataset: Dataset) -> list[int]:
    return [tag for tag in sorted(dataset.keys()) if tag & 0xFFFF]  # without group lengths


def _read(data: bytes) -> FileDataset:
    with warnings.catch_warnings(action="ignore"):
        return pydicom.dcmread(BytesIO(data), force=True)


def _saved(dataset: FileDataset, syntax: UID) -> bytes:
    buffer = BytesIO()
    dataset.file_meta.TransferSyntaxUID = syntax
    try:
        with warnings.catch_warnings(action="ignore"):
            dataset.save_as(buffer, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)
    except Exception as error:  # what its elements have that cannot be written raises several kinds
        raise NoSyntaxError(f"it cannot be written in {name(syntax)}: {_line(error)}") from None
    return buffer.getvalue()


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(":")
