"""Workers: they take what is due until nothing is; or for as long as they are let, and verify now and then, too."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from . import checking, compression, files, leases, planning, queries, workers
from .outcome import Outcome
from .tables import RAW

if TYPE_CHECKING:
    from .store import Store

IDLE = 5.0  # seconds between two looks at the index
FACT = "verified"
Tell = Callable[[Outcome], None]


def compress_due(store: Store, jobs: int, tell: Tell) -> int:
    """Compress what is due, `jobs` objects at a time. How many there were."""
    planning.renew(store)
    files.sweep(store)
    owner, count = leases.new_owner(), 0
    with leases.renewed(store, owner):
        waiting = deque(leases.claim(store, owner, 2 * jobs))
        for _, outcome in workers.each(jobs, store, partial(compression.compress, owner=owner), waiting, partial(_died, owner=owner)):
            if len(waiting) < jobs:
                waiting.extend(leases.claim(store, owner, jobs))
            if outcome:
                count += 1
                tell(outcome)
    store.flush()
    return count


def watch(store: Store, jobs: int, tell: Tell) -> None:
    """`compress_due` for ever, and verification of a share of the objects as often as store.toml says."""
    while True:
        count = compress_due(store, jobs, tell)
        if time.time() - float(store.index.fact(FACT) or 0) >= store.config.verify_every:
            with store.index.write() as connection:
                store.index.set_fact(connection, FACT, str(time.time()))
            checking.verify(store, store.config.verify_sample, tell, partial(workers.each, jobs))
        if not count:
            time.sleep(IDLE)


def _died(store: Store, number: int, reason: str, owner: str) -> Outcome | None:
    row = queries.by_id(store.index, number)
    if row is None or row.lease_owner != owner or row.state != RAW:  # proved: it is gone on with
        return None
    try:
        return compression.failed(store, row, reason)
    except compression.LostError:
        return None
