"""Who works at what: an object is one worker's until its lease ends, which a living worker renews and a dead one does not."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select, update

from ..errors import DicompressError
from .tables import PROVED, RAW, objects

if TYPE_CHECKING:
    from .store import Store


def new_owner() -> str:
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def claim(store: Store, owner: str, count: int) -> list[int]:
    """So many objects that are due, the longest waiting first: raw ones, and proved ones whose worker died just then."""
    now = time.time()
    due = or_(and_(objects.c.state == RAW, objects.c.due <= now), objects.c.state == PROVED)
    free = and_(due, objects.c.lease_until < now, objects.c.damaged.is_(None))
    first = select(objects.c.id).where(free).order_by(objects.c.due, objects.c.id).limit(count)
    with store.index.write() as connection:  # which in SQLite is the only one; PostgreSQL locks rows
        ids = list(connection.execute(first.with_for_update(skip_locked=True)).scalars())
        values = {"lease_owner": owner, "lease_until": now + store.config.lease}
        connection.execute(update(objects).where(objects.c.id.in_(ids)).values(values))
    return ids


def release(store: Store, owner: str) -> None:
    with store.index.write() as connection:
        connection.execute(update(objects).where(objects.c.lease_owner == owner).values(lease_owner=None, lease_until=0))


@contextmanager
def renewed(store: Store, owner: str) -> Iterator[None]:
    """The leases of `owner` do not end meanwhile, and are given back at the end."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(store.config.lease / 3):
            with suppress(DicompressError), store.index.write() as connection:  # a moment later it may be there again
                mine = update(objects).where(objects.c.lease_owner == owner)
                connection.execute(mine.values(lease_until=time.time() + store.config.lease))

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        release(store, owner)
