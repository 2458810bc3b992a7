"""What may stand in a log of an error."""

from __future__ import annotations

from ...errors import DamagedObjectError
from ..frames import BusyError, WorkerDiedError

OURS = (
    DamagedObjectError,
    WorkerDiedError,
    BusyError,
)  # their messages have UIDs and keys of files, nothing that was read from an object


def plain(error: Exception) -> str:
    """Other messages may hold values of patients' objects: who sent the request gets them, the log only at the level of debug."""
    return str(error) if isinstance(error, OURS) else type(error).__name__
