"""Objects on their way out: in the best transfer syntax that the peer accepts, without decoding where that can be."""

from __future__ import annotations

from collections.abc import Sequence

from pydicom.uid import UID

from ..dicom.part10 import parse
from ..errors import DicompressError


class NoSyntaxError(DicompressError):
    """The peer accepted no transfer syntax that the object can be sent in."""


def outgoing(data: bytes, accepted: Sequence[UID], threads: int = 0) -> tuple[bytes, UID]:
    """A file as it is stored -> the file to be sent, and its transfer syntax, one of `accepted`. NoSyntaxError if there is none."""
    part10 = parse(data)
    if part10.syntax in accepted:
        return data, part10.syntax
    raise NoSyntaxError("not yet")
