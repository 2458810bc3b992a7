"""Studies as people look through them: the newest first, with what they take and what was done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select

from .attributes import FOLDED, fold
from .find import like
from .tables import objects, series, studies

if TYPE_CHECKING:
    from .store import Store

SEARCHED = ("PatientID", "StudyDescription", "AccessionNumber", "StudyDate")
SHOWN = ("StudyInstanceUID", "PatientName", "PatientID", "StudyDate", "StudyDescription", "AccessionNumber")
NEAR = "near"  # begins the guarantee of objects that a rule changed within a bound


def overview(store: Store, search: str = "", limit: int = 50, offset: int = 0) -> list[dict[str, Any]]:
    """By DICOM keyword, with objects, arrived_bytes and stored_bytes, states {state: objects} and near, how many hold their pixels
    within a bound only; modalities, and the number of series. All versions count.

    search: part of a patient's name or ID, a description, an accession number or a date, whatever its case in names.
    """
    c = studies.c
    query = select(*(c[name] for name in SHOWN)).order_by(
        c.StudyDate.desc().nulls_last(), c.StudyTime.desc().nulls_last(), c.StudyInstanceUID
    )
    if search.strip():
        pattern = f"*{search.strip()}*"
        found = [like(store.index, c[name], pattern) for name in SEARCHED]
        query = query.where(or_(like(store.index, c["PatientName" + FOLDED], str(fold(pattern))), *found))
    with store.index.read() as connection:
        rows = [dict(row._mapping) for row in connection.execute(query.limit(limit).offset(offset))]
        uids = [row["StudyInstanceUID"] for row in rows]
        kinds = list(connection.execute(
            select(series.c.StudyInstanceUID, series.c.Modality).where(series.c.StudyInstanceUID.in_(uids))
        ))  # fmt: skip
        o = objects.c
        stored = func.coalesce(o.raw_size, 0) + func.coalesce(o.packed_size, 0)
        sums = list(connection.execute(
            select(
                o.StudyInstanceUID, o.state, o.guarantee, func.count().label("number"), func.sum(o.arrived_size).label("arrived"),
                func.sum(stored).label("stored"),
            ).where(o.StudyInstanceUID.in_(uids)).group_by(o.StudyInstanceUID, o.state, o.guarantee)
        ))  # fmt: skip
    for row in rows:
        own = [one for one in sums if one.StudyInstanceUID == row["StudyInstanceUID"]]
        modalities = [kind for uid, kind in kinds if uid == row["StudyInstanceUID"]]
        states: dict[str, int] = {}
        for one in own:
            states[one.state] = states.get(one.state, 0) + one.number
        row |= {
            "modalities": sorted({kind for kind in modalities if kind}), "series": len(modalities),
            "objects": sum(states.values()), "states": states,
            "near": sum(one.number for one in own if (one.guarantee or "").startswith(NEAR)),
            "arrived_bytes": int(sum(one.arrived for one in own)), "stored_bytes": int(sum(one.stored for one in own)),
        }  # fmt: skip
    return rows
