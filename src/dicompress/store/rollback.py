"""Back to raw: the restored file is stored, then the compressed one goes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import update

from ..errors import DamagedObjectError, FileError
from . import audit, content, files, queries, storage
from .compression import NOTHING
from .outcome import DAMAGED, FAILED, LEFT, ROLLED_BACK, Outcome
from .rules import BYTES
from .tables import PROVED, RAW, objects

if TYPE_CHECKING:
    from .store import Store

LOST = "the original is gone, as its rule allowed: this is what compression left ({})"


def roll_back(store: Store, number: int, threads: int) -> Outcome | None:
    """One object; it is not compressed again until that is asked for. None if it is gone. LEFT if it is raw already."""
    start, row = time.perf_counter(), queries.by_id(store.index, number)
    if row is None:
        return None
    if row.state == RAW:
        return Outcome(row.SOPInstanceUID, row.version, LEFT, "raw already", row.raw_size, row.raw_size, row.guarantee)
    before = (row.raw_size or 0) + row.packed_size
    try:
        data = content.raw(store, row) if row.state == PROVED else content.packed(store, row, threads)
        key = files.write(store, storage.sha256(data), storage.RAW, data) if row.state != PROVED else row.raw_key
    except DamagedObjectError as error:
        content.mark(store, row, str(error))
        return Outcome(row.SOPInstanceUID, row.version, DAMAGED, str(error), before)
    except FileError as error:
        return Outcome(row.SOPInstanceUID, row.version, FAILED, str(error), before)
    kept = row.guarantee if row.state != PROVED and row.guarantee != BYTES else None
    values = {
        **NOTHING, "state": RAW, "raw_key": key, "raw_sha256": storage.sha256(data), "raw_size": len(data), "guarantee": kept,
        "due": None, "result": ROLLED_BACK, "reason": None, "lease_owner": None, "lease_until": 0,
    }  # fmt: skip
    mine = (
        objects.c.id == number,
        objects.c.state == row.state,
        objects.c.packed_key == row.packed_key,
        objects.c.lease_until < time.time(),
    )
    with store.index.write() as connection:
        changed = connection.execute(update(objects).where(*mine).values(values)).rowcount
        if changed:
            files.taken(connection, key)
            files.wasted(store, connection, row.packed_key)
            audit.add(
                connection, ROLLED_BACK, uid=row.SOPInstanceUID, version=row.version, sha256=values["raw_sha256"], size=len(data)
            )
    if not changed:
        if key != row.raw_key:
            files.discard(store, key)
        return Outcome(row.SOPInstanceUID, row.version, FAILED, "a worker is at it; try again", before)
    files.sweep(store)
    store.told()
    reason = LOST.format(kept) if kept else None
    return Outcome(
        row.SOPInstanceUID, row.version, ROLLED_BACK, reason, before, len(data), kept or BYTES, seconds=time.perf_counter() - start
    )
