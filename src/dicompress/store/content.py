"""What is stored of an object, read and checked. Damage is told, in the index, too, and never given."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import update

from ..dicom import restore_file
from ..errors import DamagedObjectError, DicompressError, FileError, LimitError, NotStoredError, UnknownModelError
from . import audit, files, queries, storage
from .rules import Plan
from .tables import RAW, objects

if TYPE_CHECKING:
    from .store import Store

Form = TypeVar("Form", bytes, bytes | None)
TRIES = 3  # an object may be compressed, and its raw form go, while it is read


def read(store: Store, row: Any, threads: int = 0) -> bytes:
    """The object's file. DamagedObjectError, and the index has it; NotStoredError if it was deleted meanwhile."""
    return _tried(store, row, lambda now: _read(store, now, threads))


def packed_form(store: Store, row: Any) -> bytes | None:
    """The compressed form itself; None if there is none. Errors as of `read`."""
    return _tried(store, row, lambda now: None if now.packed_key is None else _checked(store, now, "packed"))


def _tried(store: Store, row: Any, read: Callable[[Any], Form]) -> Form:
    for _ in range(TRIES):
        try:
            return read(row)
        except DamagedObjectError as error:
            now = queries.by_id(store.index, row.id)
            if now is None:
                raise NotStoredError(f"{row.SOPInstanceUID} is not stored") from None
            if (now.raw_key, now.packed_key) == (row.raw_key, row.packed_key):
                mark(store, row, str(error))
                raise
            row = now
    raise FileError(f"{row.SOPInstanceUID} changes too fast; try again")


def _read(store: Store, row: Any, threads: int) -> bytes:
    """From the raw form; where that is damaged, from the compressed one if it gives the same bytes."""
    if row.raw_key is None:
        return packed(store, row, threads)
    try:
        return _checked(store, row, "raw")
    except DamagedObjectError:
        if row.packed_key is None or row.restored_sha256 != row.raw_sha256:
            raise
        return packed(store, row, threads)


def raw(store: Store, row: Any) -> bytes:
    """As it is stored uncompressed. DamagedObjectError."""
    return _checked(store, row, "raw")


def packed(store: Store, row: Any, threads: int = 0) -> bytes:
    """What the compressed form restores to. DamagedObjectError."""
    data = _checked(store, row, "packed")
    try:
        restored = bytes(restore_file(data, threads).data)
    except (UnknownModelError, LimitError) as error:  # no damage: another installation reads it
        raise FileError(f"{row.SOPInstanceUID}: {error}") from None
    except DicompressError as error:
        raise DamagedObjectError(f"{row.SOPInstanceUID} cannot be restored from {row.packed_key}: {error}") from None
    if storage.sha256(restored) != row.restored_sha256:
        raise DamagedObjectError(f"{row.SOPInstanceUID}: {row.packed_key} restores to something else than was proved")
    return restored


def _checked(store: Store, row: Any, form: str) -> bytes:
    key, expected = getattr(row, f"{form}_key"), getattr(row, f"{form}_sha256")
    try:
        data = store.storage.read(key)
    except FileNotFoundError:
        raise DamagedObjectError(f"{row.SOPInstanceUID}: {key} is missing") from None
    if storage.sha256(data) != expected:
        raise DamagedObjectError(f"{row.SOPInstanceUID}: {key} is damaged: its SHA-256 is not {expected}")
    return data


def mark(store: Store, row: Any, damaged: str | None) -> None:
    """In the index and the audit, if that is new."""
    if (row.damaged is None) == (damaged is None):
        return
    with store.index.write() as connection:
        connection.execute(update(objects).where(objects.c.id == row.id).values(damaged=damaged))
        event = "sound again" if damaged is None else "damaged"
        audit.add(connection, event, uid=row.SOPInstanceUID, version=row.version, reason=damaged)
    store.told()


def heal(store: Store, row: Any, data: bytes, sha256: str) -> bool:
    """Keep `data`, what arrived, as the raw form of a damaged object. False if it is another form of it, or it is a derived image."""
    if sha256 != row.arrived_sha256 or row.source:
        return False
    key = files.write(store, sha256, storage.RAW, data)
    with store.index.write() as connection:
        files.taken(connection, key)
        files.wasted(store, connection, row.raw_key, row.packed_key)
        connection.execute(update(objects).where(objects.c.id == row.id).values(
            state=RAW, damaged=None, raw_key=key, raw_sha256=sha256, raw_size=len(data), verified=time.time(), guarantee=None,
            **dict.fromkeys(("packed_key", "packed_sha256", "packed_size", "restored_sha256", "restored_size")),
            **queries.planned(Plan.of(row.plan), row.received),
        ))  # fmt: skip
    files.sweep(store)
    return True
