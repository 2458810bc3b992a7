"""The files of objects, so that none is ever left behind: what is written, and what is to go, is in the index first."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, select

from ..errors import FileError
from . import storage
from .tables import waste

if TYPE_CHECKING:
    from .store import Store

DAY = 86400


def write(store: Store, sha256: str, kind: str, data: bytes) -> str:
    """The key of a new file, on the disk and read back. It goes in a day, unless it is `taken`. FileError. kind: of `storage`."""
    key = storage.new_key(sha256, kind)
    with store.index.write() as connection:
        connection.execute(waste.insert().values(key=key, after=time.time() + DAY))
    try:
        store.storage.write(key, data)
        if store.storage.read(key) != data:
            raise FileError(f"{key} was written, and reads as something else")
    except BaseException:
        discard(store, key)
        raise
    return key


def taken(connection: Connection, key: str) -> None:
    """It belongs to an object from this transaction on."""
    connection.execute(delete(waste).where(waste.c.key == key))


def wasted(store: Store, connection: Connection, *keys: str | None) -> None:
    """Nothing refers to them from this transaction on."""
    for key in filter(None, keys):
        store.index.put_if_absent(connection, waste, {"key": key, "after": 0})


def discard(store: Store, key: str) -> None:
    """A new file that nobody takes. If it cannot be removed now, `sweep` does it."""
    try:
        store.storage.delete(key)
        with store.index.write() as connection:
            taken(connection, key)
    except FileError:
        pass


def sweep(store: Store) -> None:
    """Remove what nothing refers to."""
    with store.index.read() as connection:
        keys = list(connection.execute(select(waste.c.key).where(waste.c.after <= time.time())).scalars())
    for key in keys:
        store.storage.delete(key)
    for start in range(0, len(keys), 100):
        with store.index.write() as connection:
            connection.execute(delete(waste).where(waste.c.key.in_(keys[start : start + 100])))
