"""What compression would do: it is done, and the result thrown away. Of a sample of each series, or of every object.

Compression is deterministic, so that what is tried is told exactly. What is not tried is told from its neighbour in the series of the same
kind of image: its outcome, and its ratio.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, select

from ..errors import DamagedObjectError, DicompressError
from ..sampling import PREDICTED, blocks
from . import content, queries
from .compression import another, attempt
from .outcome import COMPRESSED, DAMAGED, FAILED, LEFT, Outcome
from .rules import BYTES, LEAVE
from .tables import RAW, objects, series

if TYPE_CHECKING:
    from .store import Store

KIND = (
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPClassUID",
    "TransferSyntaxUID",
    "Rows",
    "Columns",
    "BitsAllocated",
    "NumberOfFrames",
)


def dry_run(store: Store, share: float, tell: Callable[[Outcome], None], each: Callable[..., Any]) -> None:
    """Of what is due now by the rules as they are now. share: of the objects of a series that are tried. each: `workers.each`."""
    kinds = _due(store)
    tried = {row.id for rows in kinds.values() for row, _ in blocks(rows, share)}
    found: dict[int, Outcome] = {}
    for number, outcome in each(store, trial, sorted(tried)):
        if outcome is not None:
            found[number] = outcome
            tell(outcome)
    for rows in kinds.values():
        neighbour = None
        for row, others in blocks(rows, share):
            neighbour = found.get(row.id, neighbour)
            if neighbour is not None:
                for other in others:
                    tell(_like(other, neighbour))


def trial(store: Store, number: int, threads: int) -> Outcome | None:
    """Of one object. None if it is gone or raw no more."""
    start, row = time.perf_counter(), queries.by_id(store.index, number)
    if row is None or row.state != RAW:
        return None
    told = Outcome(row.SOPInstanceUID, row.version, LEFT, bytes_in=row.raw_size, bytes_out=row.raw_size)
    with store.index.read() as connection:
        place = (series.c.StudyInstanceUID == row.StudyInstanceUID, series.c.SeriesInstanceUID == row.SeriesInstanceUID)
        modality = connection.execute(select(series.c.Modality).where(*place)).scalar()
    plan = store.rules.plan(modality, row.sender, row.raw_size)
    try:
        found = attempt(content.raw(store, row), plan, threads)
    except DamagedObjectError as error:
        return replace(told, status=DAMAGED, reason=str(error))
    except DicompressError as error:
        return replace(told, status=FAILED, reason=str(error))
    except MemoryError:
        return replace(told, status=FAILED, reason="not enough memory")
    seconds = time.perf_counter() - start
    if not isinstance(found, str) and found[0].uids:
        found = another(store, row, found[0].uids[1]) or found
    if isinstance(found, str):
        return replace(told, reason=found, seconds=seconds)
    result, guarantee, _ = found
    guarantee = (row.guarantee or guarantee) if guarantee == BYTES else guarantee
    return replace(told, status=COMPRESSED, reason=result.remark, bytes_out=len(result.data), guarantee=guarantee, seconds=seconds)


def _due(store: Store) -> dict[Any, list[Any]]:
    """Raw objects that are due, by series, kind of image and plan, in the order of the series."""
    columns = [
        objects.c[name] for name in ("id", "SOPInstanceUID", "version", "sender", "received", "raw_size", "result", "due", *KIND)
    ]
    place = and_(series.c.StudyInstanceUID == objects.c.StudyInstanceUID, series.c.SeriesInstanceUID == objects.c.SeriesInstanceUID)
    query = select(*columns, series.c.Modality).join_from(objects, series, place)
    query = query.where(objects.c.state == RAW, objects.c.damaged.is_(None))
    query = query.order_by(objects.c.InstanceNumber, objects.c.id)
    now, found = time.time(), defaultdict(list)
    changed = store.index.fact("rules") != store.rules.digest  # then `compress` plans anew what waits or was left
    with store.index.read() as connection:
        for row in connection.execute(query):
            plan = store.rules.plan(row.Modality, row.sender, row.raw_size)
            renewed = changed and row.result in (None, LEFT)
            due = row.received + plan.age if renewed else row.due
            if due is not None and due <= now and plan.do != LEAVE:
                found[(plan, *(getattr(row, name) for name in KIND))].append(row)
    return found


def _like(row: Any, neighbour: Outcome) -> Outcome:
    ratio = neighbour.bytes_out / neighbour.bytes_in if neighbour.bytes_in else 1.0
    reason = "; ".join(filter(None, (neighbour.reason, PREDICTED)))
    return Outcome(
        row.SOPInstanceUID, row.version, neighbour.status, reason, row.raw_size, round(row.raw_size * ratio), neighbour.guarantee
    )
