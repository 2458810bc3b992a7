"""How a store is: counts, bytes, and what is wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, desc, func, select

from .tables import COMPRESSED, PROVED, RAW, objects, series, studies, waste

if TYPE_CHECKING:
    from .store import Store

MOST = 100  # damaged objects, and reasons, that are told
MANIFEST = (
    "SOPInstanceUID", "version", "state", "guarantee", "source", "sender", "received", "verified", "damaged", "result", "reason",
    *(f"{form}_{what}" for form in ("arrived", "raw", "packed", "restored") for what in ("sha256", "size")), "raw_key", "packed_key",
)  # fmt: skip


def status(store: Store) -> dict[str, Any]:
    """For people and JSON. due: raw, to be compressed now; waiting: later. arrived, stored: bytes. damaged, failed: how many."""
    c, now = objects.c, time.time()
    stored = func.coalesce(c.raw_size, 0) + func.coalesce(c.packed_size, 0)
    due, failed = and_(c.state == RAW, c.due <= now), c.result == "failed"
    with store.index.read() as connection:
        states = dict(store.index.counts(connection, c.state))

        def count(*conditions: Any) -> int:
            return int(connection.execute(select(func.count()).select_from(objects).where(*conditions)).scalar_one())

        arrived, kept = connection.execute(select(func.sum(c.arrived_size), func.sum(stored))).one()
        reasons = connection.execute(
            select(c.result, c.reason, func.count().label("number"))
            .where(c.state == RAW, c.reason.is_not(None))
            .group_by(c.result, c.reason)
            .order_by(desc("number"))
            .limit(MOST)
        )
        return {
            "studies": connection.execute(select(func.count()).select_from(studies)).scalar_one(),
            "series": connection.execute(select(func.count()).select_from(series)).scalar_one(),
            "objects": sum(states.values()),
            **{state: states.get(state, 0) for state in (RAW, PROVED, COMPRESSED)},
            "due": count(due), "waiting": count(c.state == RAW, c.due > now), "leased": count(c.lease_until > now),
            "failed": count(failed), "damaged": count(c.damaged.is_not(None)), "older_versions": count(~c.newest),
            "arrived_bytes": int(arrived or 0), "stored_bytes": int(kept or 0),
            "files_to_be_removed": connection.execute(select(func.count()).select_from(waste)).scalar_one(),
            "longest_unverified": connection.execute(select(func.min(c.verified))).scalar_one(),
            "reasons": [[f"{result}: {reason}", number] for result, reason, number in reasons],
            "damaged_objects": [
                dict(row._mapping)
                for row in connection.execute(select(c.SOPInstanceUID, c.version, c.damaged).where(c.damaged.is_not(None)).limit(MOST))
            ],
        }  # fmt: skip


def manifest(store: Store) -> Iterator[dict[str, Any]]:
    """Of every version of every object: SHA-256 and size as it arrived and as it is stored, and what is guaranteed."""
    last = 0
    while True:
        query = select(objects.c.id, *(objects.c[name] for name in MANIFEST)).where(objects.c.id > last).order_by(objects.c.id)
        with store.index.read() as connection:
            rows = list(connection.execute(query.limit(1000)))
        if not rows:
            return
        last = rows[-1].id
        yield from ({name: getattr(row, name) for name in MANIFEST} for row in rows)
