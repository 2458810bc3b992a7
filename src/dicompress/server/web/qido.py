"""QIDO-RS: what is stored, by what the index knows of it (PS3.18 10.6)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request, Response
from pydicom.datadict import keyword_for_tag, tag_for_keyword

from ...errors import DicompressError, FileError
from ...store.attributes import LEVELS
from ...store.find import MODALITIES
from . import answers
from .accept import JSON, BadRequestError, best
from .dicomjson import INSTANCE_LEVEL, SERIES_LEVEL, STUDY_LEVEL, dataset_of
from .door import Row, asked, base, check_uid, door

router = APIRouter()
MOST = 5000  # results of an answer
RESERVED = ("limit", "offset", "includefield", "fuzzymatching", "emptyvaluematching", "multiplevaluematching", "accept", "charset")
AT = {"STUDY": STUDY_LEVEL, "SERIES": SERIES_LEVEL, "INSTANCE": INSTANCE_LEVEL}
LISTED = (MODALITIES, "Modality")  # that may be lists, beside UIDs
TAG = re.compile(r"[0-9A-Fa-f]{8}")


@router.get("/studies", name="search studies")
async def studies(request: Request) -> Response:
    return await _search(request, "STUDY")


@router.get("/series", name="search series")
async def series(request: Request) -> Response:
    return await _search(request, "SERIES")


@router.get("/studies/{study}/series", name="search series")
async def series_of_study(request: Request, study: str) -> Response:
    return await _search(request, "SERIES", StudyInstanceUID=study)


@router.get("/instances", name="search instances")
async def instances(request: Request) -> Response:
    return await _search(request, "INSTANCE")


@router.get("/studies/{study}/instances", name="search instances")
async def instances_of_study(request: Request, study: str) -> Response:
    return await _search(request, "INSTANCE", StudyInstanceUID=study)


@router.get("/studies/{study}/series/{series}/instances", name="search instances")
async def instances_of_series(request: Request, study: str, series: str) -> Response:
    return await _search(request, "INSTANCE", StudyInstanceUID=study, SeriesInstanceUID=series)


@dataclass
class Query:
    """filters: as `Store.find` takes them. fields: keywords beside those that are given anyway. warnings: what is not done."""

    filters: dict[str, Any] = field(default_factory=dict)
    fields: set[str] = field(default_factory=set)
    limit: int = MOST
    offset: int = 0
    warnings: list[str] = field(default_factory=list)


async def _search(request: Request, level: str, **named: str) -> Response:
    best(asked(request), [JSON, "application/json"], "results")
    query = _query(request, level)
    query.filters |= {name: check_uid(uid) for name, uid in named.items()}
    limit = min(query.limit, MOST)
    try:
        rows = await door(request).find(level, query.filters, limit + 1, query.offset)
    except FileError:
        raise
    except DicompressError as error:  # a number that is none
        raise BadRequestError(str(error)) from None
    if len(rows) > limit and query.limit >= MOST:
        query.warnings.append(
            "The number of results exceeded the maximum supported by the server. Additional results can be requested."
        )
    levels = ["STUDY", "SERIES", "INSTANCE"][: list(AT).index(level) + 1]
    shown = [name for one in levels[len(named) :] for name in AT[one]] + sorted(query.fields)
    found = [dataset_of(row, shown, _more(request, row, level)) for row in rows[:limit]]
    headers = {"Warning": ", ".join(map(answers.warning, query.warnings))} if query.warnings else {}
    return await answers.told(request, json.dumps(found).encode(), JSON, headers | {"Cache-Control": "no-store"})


def _more(request: Request, row: Row, level: str) -> dict[str, Any]:
    parts = [("studies", "StudyInstanceUID"), ("series", "SeriesInstanceUID"), ("instances", "SOPInstanceUID")]
    place = "".join(f"/{kind}/{row[name]}" for kind, name in parts[: list(AT).index(level) + 1])
    return {"RetrieveURL": base(request) + place, "InstanceAvailability": "ONLINE"}


def _query(request: Request, level: str) -> Query:
    query, ignored = Query(), []
    known = {name for one in (*LEVELS,)[: [*LEVELS].index(level) + 1] for name in LEVELS[one]} | {MODALITIES}
    for key, value in request.query_params.multi_items():
        if key in RESERVED:
            ignored += _reserved(query, key, value, level)
            continue
        name = _keyword(key)
        if name not in known:
            ignored.append(key)
        elif name in query.filters:
            raise BadRequestError(f"{name} stands twice in the query")
        else:
            query.filters[name] = re.split(r"[,\\]", value) if name in LISTED or name.endswith("UID") else value
    if ignored:
        query.warnings.append(f"Not supported here, and ignored: {', '.join(ignored)}.")
    return query


def _reserved(query: Query, key: str, value: str, level: str) -> list[str]:
    """What is ignored."""
    if key in ("limit", "offset"):
        if not value.isdecimal() or len(value) > 9:
            raise BadRequestError(f"{key}={value[:20]} is no number")
        setattr(query, key, int(value))
    if key == "includefield":
        names = [_keyword(one) for one in value.split(",") if one and one.lower() != "all"]
        if "all" in value.lower().split(","):
            names += [name for one in AT.values() for name in one]
            query.fields |= set(names)
            return []
        query.fields |= {name for name in names if any(name in one for one in AT.values())}
        return [f"includefield={name}" for name in names if name not in query.fields]
    if key == "fuzzymatching" and value.lower() == "true":
        query.warnings.append("The fuzzymatching parameter is not supported. Only literal matching has been performed.")
    if key in ("emptyvaluematching", "multiplevaluematching") and value.lower() == "true":
        return [key]
    return []


def _keyword(key: str) -> str:
    """Of an attribute by its keyword or tag; the key itself of one that is in a sequence or private. BadRequestError."""
    steps = [keyword_for_tag(int(step, 16)) or step if TAG.fullmatch(step) else step for step in key.split(".")]
    if not all(TAG.fullmatch(step) or tag_for_keyword(step) is not None for step in steps):
        raise BadRequestError(f"{key[:64]!r} is no attribute: give a keyword, or a tag of 8 hexadecimal digits")
    return ".".join(steps)
