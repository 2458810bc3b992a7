"""Statuses of DIMSE answers, with words for whoever reads the peer's log (PS3.7 C)."""

from __future__ import annotations

from pydicom.dataset import Dataset

SUCCESS, PENDING, PENDING_WARNING, CANCEL = 0x0000, 0xFF00, 0xFF01, 0xFE00
OUT_OF_RESOURCES, MISMATCH, NOT_UNDERSTOOD = 0xA700, 0xA900, 0xC000  # also of C-FIND, C-MOVE, C-GET
PROCESSING_FAILURE, NO_SUCH_INSTANCE, INVALID_ARGUMENT, CLASS_CONFLICT = 0x0110, 0x0112, 0x0115, 0x0119
NO_SUCH_ACTION, NOT_AUTHORIZED = 0x0123, 0x0124
LONGEST_COMMENT = 64  # LO


def status(code: int, comment: object = "") -> Dataset:
    """comment: cut to what an Error Comment (0000,0902) holds."""
    found = Dataset()
    found.Status = code
    text = "".join(c if c.isascii() and c.isprintable() and c != "\\" else "?" for c in str(comment))
    if text:
        found.ErrorComment = text[:LONGEST_COMMENT]
    return found
