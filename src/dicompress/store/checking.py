"""Verification: what is stored is what was stored, and compressed forms restore to what was proved."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from ..errors import DamagedObjectError, FileError
from . import audit, content, files, queries
from .outcome import DAMAGED, FAILED, VERIFIED, Outcome
from .tables import objects, waste

if TYPE_CHECKING:
    from .store import Store

MOST = 100  # objects whose time is written at once


def verify(store: Store, share: float, tell: Callable[[Outcome], None], each: Callable[..., Any]) -> list[str]:
    """Read and restore a share of the objects, those first that were not looked at for longest.

    each: `workers.each`. The keys of files that the index does not have, if all were looked at; they stay.
    """
    files.sweep(store)
    with store.index.read() as connection:
        count = connection.execute(select(func.count()).select_from(objects)).scalar_one()
        query = select(objects.c.id).order_by(objects.c.verified, objects.c.id).limit(math.ceil(count * share))
        ids = list(connection.execute(query).scalars())
    sound: list[int] = []
    counts = {VERIFIED: 0, DAMAGED: 0, FAILED: 0}
    for number, outcome in each(store, check, ids):
        if outcome is None:
            continue
        counts[outcome.status] += 1
        if outcome.status != FAILED:
            sound.append(number)
        if len(sound) >= MOST:
            _write(store, sound)
        tell(outcome)
    _write(store, sound)
    with store.index.write() as connection:
        audit.add(connection, "verified", **counts)
    store.flush()
    return unindexed(store) if share == 1 else []


def check(store: Store, number: int, threads: int) -> Outcome | None:
    """Of one object, every form of it. None if it is gone."""
    start, row = time.perf_counter(), queries.by_id(store.index, number)
    status, reason = VERIFIED, None
    while row is not None:
        try:
            if row.raw_key:
                content.raw(store, row)
            if row.packed_key:
                content.packed(store, row, threads)
            content.mark(store, row, None)
        except DamagedObjectError as error:
            now = queries.by_id(store.index, number)
            if now is None or (now.raw_key, now.packed_key) != (row.raw_key, row.packed_key):  # it was compressed meanwhile
                row = now
                continue
            content.mark(store, row, str(error))
            status, reason = DAMAGED, str(error)
        except FileError as error:
            status, reason = FAILED, str(error)
        size = (row.raw_size or 0) + (row.packed_size or 0)
        return Outcome(
            row.SOPInstanceUID, row.version, status, reason, size, size, row.guarantee, seconds=time.perf_counter() - start
        )
    return None


def unindexed(store: Store) -> list[str]:
    """Files that no object has. Of those that were never whole, what nobody writes any more is removed."""
    store.storage.clean()
    found = set(store.storage.keys())  # first: what is written meanwhile is in the index
    with store.index.read() as connection:
        for column in (objects.c.raw_key, objects.c.packed_key, waste.c.key):
            found.difference_update(connection.execute(select(column).where(column.is_not(None))).scalars())
    return sorted(found)


def _write(store: Store, ids: list[int]) -> None:
    with store.index.write() as connection:
        connection.execute(update(objects).where(objects.c.id.in_(ids)).values(verified=time.time()))
    ids.clear()
