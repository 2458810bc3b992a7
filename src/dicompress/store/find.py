"""Queries at the four levels, as C-FIND and QIDO-RS ask them (PS3.4 C.2.2.2): values, lists, ranges, wildcards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, exists, func, or_, select

from ..errors import DicompressError
from .attributes import FOLDED, LEVELS, NAMES, NUMBERS, TIMES, fold
from .index import Index
from .tables import objects, series, studies

Filters = Mapping[str, str | int | Sequence[str | int] | None]
MODALITIES = "ModalitiesInStudy"
OWN = (
    "TransferSyntaxUID", "version", "state", "sender", "received", "guarantee", "damaged", "arrived_sha256", "arrived_size", "raw_size",
    "packed_size",
)  # fmt: skip
LAST = "\U0010ffff"  # behind whatever begins like a bound


def find(index: Index, level: str, filters: Filters, limit: int | None, offset: int) -> list[dict[str, Any]]:
    """What `Store.find` gives."""
    names = list(LEVELS)
    if level not in LEVELS:
        raise DicompressError(f"there is no level {level}; there are {', '.join(names)}")
    above = names[: names.index(level) + 1]
    known = [name for one in above for name in LEVELS[one]]
    query = _from(level, known)
    for name, wanted in filters.items():
        if name not in known and not (name == MODALITIES and level != "PATIENT"):
            raise DicompressError(f"{name} is no key at the level {level}; keys are {', '.join(known)}")
        condition = _modalities(index, wanted) if name == MODALITIES else _condition(index, _column(name, level), name, wanted)
        if condition is not None:
            query = query.where(condition)
    order = [_column(one, level) for one in _identity(level)]
    with index.read() as connection:
        found = [dict(row._mapping) for row in connection.execute(query.order_by(*order).limit(limit).offset(offset))]
        return _counted(connection, level, found)


def _identity(level: str) -> tuple[str, ...]:
    return {
        "PATIENT": ("PatientID", "IssuerOfPatientID"), "STUDY": ("StudyInstanceUID",),
        "SERIES": ("StudyInstanceUID", "SeriesInstanceUID"), "INSTANCE": ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"),
    }[level]  # fmt: skip


def _column(name: str, level: str) -> Column[Any]:
    """Of the table in which the index has it: the nearest to the level, so that no other one is asked."""
    if level == "INSTANCE" and name in objects.c:
        return objects.c[name]
    return series.c[name] if level in ("SERIES", "INSTANCE") and name in series.c else studies.c[name]


def _from(level: str, known: list[str]) -> Select[Any]:
    columns: list[Any] = [_column(name, level) for name in known]
    if level == "PATIENT":  # as the newest of a patient's studies says
        identity = [studies.c[name] for name in _identity(level)]
        return select(*identity, *(func.max(c).label(c.name) for c in columns if c.name not in _identity(level))).group_by(*identity)
    if level == "STUDY":
        return select(*columns)
    with_study = series.join(studies)
    if level == "SERIES":
        return select(*columns).select_from(with_study)
    columns += [objects.c[name] for name in OWN]
    return select(*columns).select_from(objects.join(with_study)).where(objects.c.newest)


def _condition(index: Index, column: Column[Any], name: str, wanted: Any) -> ColumnElement[bool] | None:
    """None: everything matches."""
    if wanted is None or wanted in ("", "*"):
        return None
    if isinstance(wanted, str) and name.endswith("UID") and "\\" in wanted:
        wanted = wanted.split("\\")
    if not isinstance(wanted, str) and isinstance(wanted, Iterable):
        found = [_condition(index, column, name, one) for one in wanted]
        asked = [one for one in found if one is not None]
        return or_(*asked) if asked and len(asked) == len(found) else None
    if name in NUMBERS:
        return column == _number(name, wanted)
    text = str(wanted)
    if name in TIMES:
        return _range(column, text)
    if name in NAMES:
        column, text = column.table.c[name + FOLDED], str(fold(text))
    if name.endswith("UID") or not set(text) & set("*?"):
        return column == text
    return like(index, column, text)


def like(index: Index, column: Column[Any], pattern: str) -> ColumnElement[bool]:
    """DICOM's wildcards. SQLite's LIKE takes no notice of case."""
    if index.is_sqlite:
        return column.op("GLOB", is_comparison=True)(pattern.replace("[", "[[]"))
    for special in "\\%_":
        pattern = pattern.replace(special, f"\\{special}")
    return column.like(pattern.replace("*", "%").replace("?", "_"), escape="\\")


def _range(column: Column[Any], text: str) -> ColumnElement[bool]:
    """Dates and times: one, or from - to, each may be missing. A bound stands for all that begins like it."""
    text = text.replace(":", "").replace(" ", "")
    first, dash, last = text.partition("-")
    if not dash:
        last = first
    bounds = [column >= first] if first else []
    return and_(column.is_not(None), *bounds, *([column <= last + LAST] if last else []))


def _number(name: str, wanted: Any) -> int:
    try:
        return int(wanted)
    except ValueError:
        raise DicompressError(f"{name} is a number, not {wanted!r}") from None


def _modalities(index: Index, wanted: Any) -> ColumnElement[bool] | None:
    other = series.alias()  # the query may have a series of its own
    asked = _condition(index, other.c.Modality, "Modality", wanted)
    return None if asked is None else exists().where(other.c.StudyInstanceUID == studies.c.StudyInstanceUID, asked)


def _counted(connection: Connection, level: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With what PS3.4 C.3.4 calls additional attributes, of these rows only."""
    if level == "PATIENT":
        wanted = list({row["PatientID"] for row in found})
        counts = _counts(connection, studies, wanted, studies.c.PatientID, studies.c.IssuerOfPatientID)
        for row in found:
            row["NumberOfPatientRelatedStudies"] = counts[row["PatientID"], row["IssuerOfPatientID"]]  # None, too
    if level == "INSTANCE" or not found:
        return found
    if level == "STUDY":
        uids = [row["StudyInstanceUID"] for row in found]
        inside = _counts(connection, series, uids, series.c.StudyInstanceUID)
        kinds = _counts(connection, series, uids, series.c.StudyInstanceUID, series.c.Modality)
        instances = _counts(connection, objects, uids, objects.c.StudyInstanceUID)
        for row in found:
            uid = row["StudyInstanceUID"]
            row[MODALITIES] = sorted(kind for (study, kind) in kinds if study == uid and kind)
            row["NumberOfStudyRelatedSeries"] = inside.get((uid,), 0)
            row["NumberOfStudyRelatedInstances"] = instances.get((uid,), 0)
    if level == "SERIES":
        uids = list({row["StudyInstanceUID"] for row in found})
        instances = _counts(connection, objects, uids, objects.c.StudyInstanceUID, objects.c.SeriesInstanceUID)
        for row in found:
            row["NumberOfSeriesRelatedInstances"] = instances.get((row["StudyInstanceUID"], row["SeriesInstanceUID"]), 0)
    return found


def _counts(connection: Connection, table: Any, values: list[Any], column: Column[Any], *more: Column[Any]) -> dict[Any, int]:
    """{values of the columns: how many rows}, where the first is one of `values`."""
    counts: dict[Any, int] = {}
    for start in range(0, len(values), 500):
        some = [value for value in values[start : start + 500] if value is not None]
        wanted = column.in_(some) if None not in values else column.in_(some) | column.is_(None)
        query = select(column, *more, func.count()).where(wanted).group_by(column, *more)
        if table is objects:
            query = query.where(objects.c.newest)
        counts |= {tuple(row[:-1]): row[-1] for row in connection.execute(query)}
    return counts
