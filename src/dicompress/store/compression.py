"""One object from raw to proved to compressed. Until its compressed form has been read back and restored, the raw one stays."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from ..dicom import PassedOn, compress_or_pass_on, restore_file
from ..dicom.part10 import parse
from ..dicom.results import Compressed
from ..errors import DamagedObjectError, DicompressError, FileError
from . import audit, content, files, queries, storage
from .attributes import attributes
from .outcome import COMPRESSED, DAMAGED, FAILED, LEFT, Outcome
from .rules import BYTES, NEAR, PIXELS, Plan
from .tables import COMPRESSED as IS_COMPRESSED
from .tables import PROVED, RAW, objects

if TYPE_CHECKING:
    from .store import Store

ATTEMPTS = 3  # of an object that fails; then it is left raw until it is asked for again
AGAIN = 3600  # seconds until the next one, and twice that until the one after it
NO_ROOM = 60  # seconds, where what failed is the storage
SEVERAL = "an error would make it another object, and it has several versions"
NOTHING = dict.fromkeys(("packed_key", "packed_sha256", "packed_size", "restored_sha256", "restored_size", "guarantee"))


class LostError(Exception):
    """The object is another worker's, or gone."""


def compress(store: Store, number: int, threads: int = 0, *, owner: str) -> Outcome | None:
    """What becomes of an object that `owner` has claimed; None if it is not `owner`'s any more. No failure of an object is raised."""
    start = time.perf_counter()
    row = queries.by_id(store.index, number)
    if row is None or row.lease_owner != owner:
        return None
    try:
        outcome = _guarded(store, row, threads)
    except LostError:
        return None
    store.told()
    return replace(outcome, seconds=time.perf_counter() - start)


def _guarded(store: Store, row: Any, threads: int) -> Outcome:
    try:
        return (_go_on if row.state == PROVED else _compress)(store, row, threads)
    except DamagedObjectError as error:
        content.mark(store, row, str(error))
        return _outcome(row, DAMAGED, str(error))
    except FileError as error:  # the storage's fault
        return failed(store, row, str(error), counts=False)
    except DicompressError as error:
        return failed(store, row, str(error))
    except MemoryError:
        return failed(store, row, "not enough memory")
    except LostError:
        raise
    except Exception as error:  # a defect of ours: report it as such, go on
        return failed(store, row, f"unexpected {type(error).__name__}: {error}; please report this")


def attempt(data: bytes, plan: Plan, threads: int = 0) -> tuple[Compressed, str, bytes] | str:
    """(result, guarantee, what it restores to), or why the object is left as it is. VerificationError."""
    result = compress_or_pass_on(data, threads=threads, allowance=plan.allowance)
    if isinstance(result, PassedOn):
        return result.reason
    restored = bytes(restore_file(result.data, threads).data)
    guarantee = BYTES if restored == data else f"{NEAR} {result.near}" if result.near else PIXELS
    if guarantee == PIXELS and plan.same != PIXELS:
        return 'compressed, it would give back the same pixels, not the same bytes; same = "pixels" in its rule allows that'
    return result, guarantee, restored


def another(store: Store, row: Any, uid: str) -> str | None:
    """Why an object cannot become the derived image `uid`."""
    with store.index.read() as connection:
        query = select(objects.c.SOPInstanceUID).where(
            objects.c.SOPInstanceUID.in_([row.SOPInstanceUID, uid]), objects.c.id != row.id
        )
        found = set(connection.execute(query).scalars())
    return SEVERAL if row.SOPInstanceUID in found else f"the derived image {uid} is stored already" if found else None


def _compress(store: Store, row: Any, threads: int) -> Outcome:
    found = attempt(content.raw(store, row), Plan.of(row.plan), threads)
    if isinstance(found, str):
        return _left(store, row, found)
    result, guarantee, restored = found
    if result.uids and (reason := another(store, row, result.uids[1])):
        return _left(store, row, reason)
    key = files.write(store, row.raw_sha256, storage.PACKED, result.data)
    try:
        _set(store, row, RAW, "proved", {
            "state": PROVED, "packed_key": key, "packed_sha256": storage.sha256(result.data), "packed_size": len(result.data),
            "restored_sha256": storage.sha256(restored), "restored_size": len(restored), "reason": result.remark, "result": None,
            "guarantee": (row.guarantee or guarantee) if guarantee == BYTES else guarantee,  # of what arrived
        }, taken=key)  # fmt: skip
    except BaseException:
        files.discard(store, key)
        raise
    return _finish(store, queries.by_id(store.index, row.id), restored)


def _go_on(store: Store, row: Any, threads: int) -> Outcome:
    """With what a worker left proved that died just then."""
    try:
        restored = content.packed(store, row, threads)
    except DamagedObjectError as error:
        attempts = row.attempts + 1
        due = None if attempts >= ATTEMPTS else time.time() + AGAIN
        outcome = _to_raw(store, row, "failed", {"result": "failed", "reason": str(error), "attempts": attempts, "due": due})
        return replace(outcome, status=FAILED)
    return _finish(store, row, restored)


def _finish(store: Store, row: Any, restored: bytes) -> Outcome:
    """The raw form goes; with an error in its pixels, the object is another one from here on."""
    values: dict[str, Any] = {"state": IS_COMPRESSED, "raw_key": None, "raw_sha256": None, "raw_size": None, "due": None}
    if row.guarantee.startswith(NEAR):
        uid = attributes(parse(restored)).uid
        if reason := another(store, row, uid):  # it came a moment ago
            return _to_raw(store, row, "left", {"result": "left", "reason": reason, "due": None})
        values |= {"SOPInstanceUID": uid, "source": row.SOPInstanceUID, "version": 1, "newest": True}
    _set(store, row, PROVED, "compressed", values, wasted=row.raw_key)
    files.sweep(store)
    return _outcome(row, COMPRESSED, row.reason, row.packed_size, row.guarantee)


def _to_raw(store: Store, row: Any, event: str, values: dict[str, Any]) -> Outcome:
    _set(store, row, PROVED, event, {"state": RAW, **NOTHING, **values}, wasted=row.packed_key)
    files.sweep(store)
    return _outcome(row, LEFT, values.get("reason"), row.raw_size)


def _left(store: Store, row: Any, reason: str) -> Outcome:
    _set(store, row, RAW, "left", {"result": "left", "reason": reason, "due": None})
    return _outcome(row, LEFT, reason, row.raw_size)


def failed(store: Store, row: Any, reason: str, counts: bool = True) -> Outcome:
    """It stays raw. counts: towards the attempts after which it is not tried again."""
    attempts = row.attempts + counts
    wait = AGAIN * 2 ** (attempts - 1) if counts else NO_ROOM
    due = None if attempts >= ATTEMPTS else time.time() + wait
    values = {"result": "failed", "reason": reason, "attempts": attempts, "due": due}
    try:
        _set(store, row, RAW, "failed", values)
    except DicompressError as error:  # the index is full, too: it is tried again when the lease ends
        reason = f"{reason}; {error}"
    return _outcome(row, FAILED, reason, row.raw_size or 0)


def _set(store: Store, row: Any, state: str, event: str, values: dict[str, Any], taken: str = "", wasted: str | None = None) -> None:
    """Change an object in the state that it should have, if it still is the owner's. LostError."""
    mine = (objects.c.id == row.id, objects.c.lease_owner == row.lease_owner, objects.c.state == state)
    lease = {} if values.get("state") == PROVED else {"lease_owner": None, "lease_until": 0}
    with store.index.write() as connection:
        if connection.execute(update(objects).where(*mine).values(**values, **lease)).rowcount != 1:
            raise LostError
        files.taken(connection, taken)
        files.wasted(store, connection, wasted)
        facts = {**row._mapping, **values}
        told = (
            ("packed_sha256", "packed_size", "guarantee", "source") if event in ("proved", "compressed") else ("reason", "attempts")
        )
        audit.add(
            connection, event, uid=facts["SOPInstanceUID"], version=row.version, sha256=row.arrived_sha256, size=row.arrived_size,
            **{name: facts[name] for name in told},
        )  # fmt: skip


def _outcome(row: Any, status: str, reason: str | None, size: int = 0, guarantee: str | None = None) -> Outcome:
    return Outcome(row.SOPInstanceUID, row.version, status, reason, row.raw_size or 0, size, guarantee)
