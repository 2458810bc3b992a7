"""Statements that several parts of the store need."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, and_, delete, exists, func, select, update

from ..errors import NotStoredError
from .attributes import Values
from .index import Index
from .rules import LEAVE, Plan
from .tables import objects, series, studies

BY_RULE = "left by its rule"


def row(index: Index, uid: str, version: int | None) -> Any:
    """Of an object; the newest version unless one is named. NotStoredError."""
    wanted = objects.c.newest if version is None else objects.c.version == version
    with index.read() as connection:
        found = connection.execute(select(objects).where(objects.c.SOPInstanceUID == uid, wanted)).first()
        if found is None:
            raise NotStoredError(missing(connection, uid, version))
    return found


def by_id(index: Index, number: int) -> Any:
    """None if it is gone."""
    with index.read() as connection:
        return connection.execute(select(objects).where(objects.c.id == number)).first()


def missing(connection: Connection, uid: str, version: int | None) -> str:
    other = connection.execute(select(objects.c.SOPInstanceUID, objects.c.guarantee).where(objects.c.source == uid)).first()
    if other:
        return f"{uid} was replaced by the derived image {other[0]} ({other[1]}), as its rule allows"
    return f"{uid} is not stored" if version is None else f"{uid} has no version {version}"


def planned(plan: Plan, received: float) -> dict[str, Any]:
    """The columns that say what is to be done with a raw object."""
    leave = plan.do == LEAVE
    return {
        "plan": plan.text, "due": None if leave else received + plan.age, "attempts": 0, "result": "left" if leave else None,
        "reason": BY_RULE if leave else None,
    }  # fmt: skip


def keep(index: Index, connection: Connection, table: Table, values: Values) -> None:
    """A study or a series, as the newest of its objects says."""
    identity = and_(*(column == values[column.name] for column in table.primary_key))
    found = connection.execute(select(table).where(identity)).first()
    if found is None:
        index.put_if_absent(connection, table, values)
    elif dict(found._mapping) != values:
        connection.execute(update(table).where(identity).values(values))


def renew_newest(connection: Connection, uid: str) -> None:
    """After a version went."""
    mine = objects.c.SOPInstanceUID == uid
    newest = select(func.max(objects.c.version)).where(mine).correlate(None).scalar_subquery()
    connection.execute(update(objects).where(mine, objects.c.version == newest).values(newest=True))


def prune(connection: Connection, gone: list[Any]) -> None:
    """The series and studies of what is gone, if nothing is left in them."""
    for study, one in {(row.StudyInstanceUID, row.SeriesInstanceUID) for row in gone}:
        rest = exists().where(objects.c.StudyInstanceUID == study, objects.c.SeriesInstanceUID == one)
        mine = and_(series.c.StudyInstanceUID == study, series.c.SeriesInstanceUID == one)
        connection.execute(delete(series).where(mine, ~rest))
    for study in {row.StudyInstanceUID for row in gone}:
        rest = exists().where(series.c.StudyInstanceUID == study)
        connection.execute(delete(studies).where(studies.c.StudyInstanceUID == study, ~rest))
