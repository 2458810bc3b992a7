"""What the rules want of objects that are stored: again for all that are raw, when the rules changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, select, true, update

from . import queries
from .tables import RAW, objects, series

if TYPE_CHECKING:
    from .store import Store

MOST = 1000  # objects in a transaction
FACT = "rules"


def renew(store: Store, again: bool = False) -> None:
    """If the rules are not those that the plans are of. again: in any case, and of what failed or was rolled back, too."""
    if not again and store.index.fact(FACT) == store.rules.digest:
        return
    last: int | None = 0
    while last is not None:
        last = _renew_some(store, last, again)
    with store.index.write() as connection:
        store.index.set_fact(connection, FACT, store.rules.digest)


def _renew_some(store: Store, after: int, again: bool) -> int | None:
    """The last id of those that were done; None if there are no more."""
    kept = objects.c.result.is_(None) | (objects.c.result == "left")
    place = and_(series.c.StudyInstanceUID == objects.c.StudyInstanceUID, series.c.SeriesInstanceUID == objects.c.SeriesInstanceUID)
    query = select(objects.c.id, objects.c.sender, objects.c.raw_size, objects.c.received, series.c.Modality).join(series, place)
    query = query.where(objects.c.id > after, objects.c.state == RAW, true() if again else kept).order_by(objects.c.id).limit(MOST)
    with store.index.write() as connection:
        rows = list(connection.execute(query))
        for row in rows:
            plan = store.rules.plan(row.Modality, row.sender, row.raw_size)
            values = queries.planned(plan, row.received)
            connection.execute(update(objects).where(objects.c.id == row.id, objects.c.state == RAW).values(values))
    return rows[-1].id if rows else None
