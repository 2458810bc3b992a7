"""Pictures to look at: rendered resources and thumbnails (PS3.18 8.3.5, 10.4.1.1.3, 10.4.1.1.7)."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from fastapi import APIRouter, Request, Response

from ..pictures import JPEG, LARGEST, PNG, QUALITY, Look, Viewport, Window
from ..tasks import NoFrameError, Picture
from . import answers
from .accept import ANY, BadRequestError, NotAcceptableError
from .answers import Part
from .door import Object, asked, base, door, middle
from .frames import frame_numbers
from .wado import INSTANCE, SERIES, STUDY

router = APIRouter()
THUMBNAIL = 128  # columns and rows, unless a viewport says otherwise
FUNCTIONS = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}
NOT_DONE = ("annotation", "iccprofile")
T = TypeVar("T")
Places = list[tuple[Object, int]]


@router.get(STUDY + "/rendered", name="rendered")
async def study(request: Request, study: str) -> Response:
    return await _rendered(request, _all_frames(await door(request).objects(study)), False)


@router.get(SERIES + "/rendered", name="rendered")
async def series(request: Request, study: str, series: str) -> Response:
    return await _rendered(request, _all_frames(await door(request).objects(study, series)), False)


@router.get(INSTANCE + "/rendered", name="rendered")
async def instance(request: Request, study: str, series: str, instance: str) -> Response:
    """Of several frames all as parts, or the first one if the client takes a single picture only."""
    one = await door(request).object(study, series, instance)
    multipart = any(wanted.is_multipart for wanted in asked(request))
    if not one.is_image:
        raise NoFrameError(f"{one.uid} is no image")
    return await _rendered(request, _all_frames([one]) if multipart else [(one, 0)], not multipart)


@router.get(INSTANCE + "/frames/{numbers}/rendered", name="rendered")
async def frames(request: Request, study: str, series: str, instance: str, numbers: str) -> Response:
    one = await door(request).object(study, series, instance)
    return await _rendered(request, [(one, number) for number in frame_numbers(numbers, one)], True)


@router.get(STUDY + "/thumbnail", name="thumbnail")
async def study_thumbnail(request: Request, study: str) -> Response:
    return await _thumbnail(request, await door(request).objects(study))


@router.get(SERIES + "/thumbnail", name="thumbnail")
async def series_thumbnail(request: Request, study: str, series: str) -> Response:
    return await _thumbnail(request, await door(request).objects(study, series))


@router.get(INSTANCE + "/thumbnail", name="thumbnail")
async def instance_thumbnail(request: Request, study: str, series: str, instance: str) -> Response:
    return await _thumbnail(request, await door(request).objects(study, series, instance))


@router.get(INSTANCE + "/frames/{numbers}/thumbnail", name="thumbnail")
async def frame_thumbnail(request: Request, study: str, series: str, instance: str, numbers: str) -> Response:
    one = await door(request).object(study, series, instance)
    return await _picture(request, one, frame_numbers(numbers, one)[0], _look(request, JPEG, THUMBNAIL))


async def _thumbnail(request: Request, objects: list[Object]) -> Response:
    one = middle(objects)
    if one is None:
        raise NoFrameError("there is no image in it")
    return await _picture(request, one, one.frames // 2, _look(request, JPEG, THUMBNAIL))


async def _rendered(request: Request, places: Places, may_be_single: bool) -> Response:
    """may_be_single: one picture is a body of its own, unless the client asks for multipart."""
    media, is_single = _agreed(request, len(places) == 1 and may_be_single)
    if is_single:
        return await _picture(request, *places[0], _look(request, media))
    look = _look(request, media)
    if not places:
        raise NoFrameError("there is no image in it")
    tag = answers.etag("rendered", base(request), [(one.uid, one.form, number) for one, number in places], look)
    if answers.is_known(request, tag):
        return answers.not_modified(tag)
    results = door(request).ask_all(one.task(Picture, number, look) for one, number in places)
    first = await anext(results)
    if isinstance(first, Exception):
        raise first

    async def parts() -> AsyncIterator[Part]:
        for place, (one, number) in enumerate(places):
            result = first if place == 0 else await anext(results)
            if isinstance(result, Exception):
                raise result
            location = f"{base(request)}{one.path}/frames/{number + 1}/rendered"
            yield Part(result.data, media, {"Content-Location": location})

    return answers.streamed(media, answers.boundary_of(tag), parts(), {"ETag": tag, **_warned(request)})


def _agreed(request: Request, may_be_single: bool) -> tuple[str, bool]:
    """The media type, and whether it is the whole body. NotAcceptableError."""
    for one in asked(request):
        for media in (JPEG, PNG):
            if one.quality and one.takes(media) and (one.is_multipart or one.media == ANY or may_be_single):
                return media, may_be_single and not one.is_multipart
    single = f"{JPEG} or {PNG}, or " if may_be_single else ""
    raise NotAcceptableError(f"pictures come as {single}multipart/related; type={JPEG} or {PNG}")


async def _picture(request: Request, one: Object, number: int, look: Look) -> Response:
    tag = answers.etag("picture", one.uid, one.form, number, look)
    if answers.is_known(request, tag):
        return answers.not_modified(tag)
    found = await door(request).ask(one.task(Picture, number, look))
    return answers.whole(request, found.data, look.media, tag, _warned(request))


def _all_frames(objects: list[Object]) -> Places:
    return [(one, number) for one in objects if one.is_image for number in range(one.frames)]


def _warned(request: Request) -> dict[str, str]:
    ignored = [name for name in NOT_DONE if name in request.query_params]
    return {"Warning": answers.warning(f"Not supported here, and ignored: {', '.join(ignored)}.")} if ignored else {}


def _look(request: Request, media: str, size: int | None = None) -> Look:
    """size: of the viewport, where the request has none. BadRequestError."""
    query = request.query_params
    viewport = _parsed(_viewport, query["viewport"], "viewport=columns,rows[,left,top,width,height]") if "viewport" in query else None
    window = _parsed(_window, query["window"], "window=center,width[,linear|linear-exact|sigmoid]") if "window" in query else None
    quality = _parsed(_quality, query["quality"], "quality=1 to 100") if "quality" in query else QUALITY
    return Look(media, window, quality, viewport or (Viewport(size, size) if size else None))


def _parsed(parse: Callable[[list[str]], T], text: str, form: str) -> T:
    try:
        return parse([part.strip() for part in text.split(",")])
    except (ValueError, KeyError, IndexError):
        raise BadRequestError(f"{text[:60]!r} is not {form}") from None


def _window(parts: list[str]) -> Window:
    center, width = (float(part) for part in parts[:2])
    function = FUNCTIONS[parts[2].lower()] if parts[2:] else "LINEAR"
    if len(parts) > 3 or not math.isfinite(center) or not math.isfinite(width) or width < (1 if function == "LINEAR" else 1e-9):
        raise ValueError
    return Window(center, width, function)


def _quality(parts: list[str]) -> int:
    (quality,) = map(int, parts)
    if not 1 <= quality <= 100:
        raise ValueError
    return quality


def _viewport(parts: list[str]) -> Viewport:
    columns, rows = (int(part) for part in parts[:2])
    source = [float(part) if part else None for part in parts[2:]]
    if (
        not 1 <= columns <= LARGEST
        or not 1 <= rows <= LARGEST
        or len(source) > 4
        or not all(math.isfinite(one or 0) for one in source)
    ):
        raise ValueError
    left, top, width, height = source + [None] * (4 - len(source))
    return Viewport(columns, rows, (left, top, width, height))
