"""WADO-RS: files and elements of studies, series and instances (PS3.18 10.4)."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request, Response

from ...errors import DicompressError, NotStoredError
from ..elements import located
from ..tasks import Metadata, Result, Whole
from . import answers
from .accept import DICOM, JSON, Choice, best, chosen, file_choices, syntaxes
from .answers import Part
from .dicomjson import INSTANCE_LEVEL, dataset_of
from .door import Object, asked, base, door

LOG = logging.getLogger(__name__)
router = APIRouter()
STUDY, SERIES, INSTANCE = (
    "/studies/{study}",
    "/studies/{study}/series/{series}",
    "/studies/{study}/series/{series}/instances/{instance}",
)


@router.get(STUDY, name="retrieve study")
async def study(request: Request, study: str) -> Response:
    return await _files(request, await door(request).objects(study), False)


@router.get(SERIES, name="retrieve series")
async def series(request: Request, study: str, series: str) -> Response:
    return await _files(request, await door(request).objects(study, series), False)


@router.get(INSTANCE, name="retrieve instance")
async def instance(request: Request, study: str, series: str, instance: str) -> Response:
    return await _files(request, [await door(request).object(study, series, instance)], True)


@router.get(STUDY + "/metadata", name="study metadata")
async def study_metadata(request: Request, study: str) -> Response:
    return await _metadata(request, await door(request).objects(study))


@router.get(SERIES + "/metadata", name="series metadata")
async def series_metadata(request: Request, study: str, series: str) -> Response:
    return await _metadata(request, await door(request).objects(study, series))


@router.get(INSTANCE + "/metadata", name="instance metadata")
async def instance_metadata(request: Request, study: str, series: str, instance: str) -> Response:
    one = await door(request).object(study, series, instance)
    tag = _metadata_tag(request, [one])
    if answers.is_known(request, tag):
        return answers.not_modified(tag)
    found = await door(request).ask(one.task(Metadata))
    body = b"[" + located(found.data, base(request) + one.path) + b"]"
    return await answers.told(request, body, JSON, {"ETag": tag, "Cache-Control": answers.REVALIDATE})


async def _files(request: Request, objects: list[Object], is_instance: bool) -> Response:
    accepted = asked(request)
    choices = [file_choices(accepted, one.syntax, not is_instance) for one in objects]
    tag = answers.etag("files", base(request), *((one.uid, one.form, some) for one, some in zip(objects, choices)))
    if answers.is_known(request, tag):
        return answers.not_modified(tag)
    tasks = [one.task(Whole, syntaxes(some)) for one, some in zip(objects, choices)]
    results = door(request).ask_all(tasks)
    first = await anext(results)
    if isinstance(first, Exception):
        raise first
    if is_instance:
        choice = chosen(choices[0], first.syntax)
        if not choice.is_multipart:
            return answers.whole(request, first.data, choice.content_type, tag)
        body, content_type = answers.multipart(DICOM, answers.boundary_of(tag), [_part(request, objects[0], choice, first)])
        return answers.whole(request, body, content_type, tag)

    async def parts() -> AsyncIterator[Part]:
        yield _part(request, objects[0], chosen(choices[0], first.syntax), first)
        number = 1
        async for result in results:
            if isinstance(result, Exception):
                LOG.error("a retrieval is broken off at %s: %s", objects[number].uid, result)
                raise result
            yield _part(request, objects[number], chosen(choices[number], result.syntax), result)
            number += 1

    return answers.streamed(DICOM, answers.boundary_of(tag), parts(), {"ETag": tag})


def _part(request: Request, one: Object, choice: Choice, result: Result) -> Part:
    return Part(result.data, choice.content_type, {"Content-Location": base(request) + one.path})


def _metadata_tag(request: Request, objects: list[Object]) -> str:
    best(asked(request), [JSON, "application/json"], "metadata")
    return "W/" + answers.etag("metadata", base(request), *((one.uid, one.form) for one in objects))  # packed or not


async def _metadata(request: Request, objects: list[Object]) -> Response:
    """Of what cannot be read, what the index has: so nothing is missing from a series, and its frames tell what is wrong."""
    tag = _metadata_tag(request, objects)
    if answers.is_known(request, tag):
        return answers.not_modified(tag)
    found: list[bytes] = []
    bad: list[str] = []
    async for result in door(request).ask_all(one.task(Metadata) for one in objects):
        one = objects[len(found)]
        if isinstance(result, NotStoredError):  # deleted meanwhile
            found.append(b"")
        elif isinstance(result, DicompressError):
            LOG.error("no metadata of %s: %s", one.uid, result)
            bad.append(one.uid)
            found.append(json.dumps(dataset_of(one.row, INSTANCE_LEVEL, {})).encode())
        elif isinstance(result, Exception):
            raise result
        else:
            found.append(located(result.data, base(request) + one.path))
    body = b"[" + b",".join(filter(None, found)) + b"]"
    if not bad:
        return await answers.told(request, body, JSON, {"ETag": tag, "Cache-Control": answers.REVALIDATE})
    warning = answers.warning(f"{len(bad)} of {len(objects)} cannot be read, such as {bad[0]}: only what the index has")
    return await answers.told(request, body, JSON, {"Warning": warning, "Cache-Control": "no-store"})
