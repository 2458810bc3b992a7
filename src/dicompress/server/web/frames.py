"""WADO-RS: frames and bulk data (PS3.18 10.4.1.1.4, 10.4.1.1.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

from fastapi import APIRouter, Request, Response
from pydicom.uid import ExplicitVRLittleEndian

from ...dicom.syntax import NATIVE
from ..asis import LAID_OUT
from ..elements import PIXELS
from ..tasks import Bulk, Frame, NoFrameError, Result, Task
from . import answers
from .accept import OCTETS, BadRequestError, Choice, NotAcceptableError, Wanted, chosen, frame_choices, syntaxes
from .answers import Part
from .door import Object, asked, base, door
from .wado import INSTANCE
from .warming import warmer

router = APIRouter()


@router.get(INSTANCE + "/frames/{numbers}", name="frames")
async def frames(request: Request, study: str, series: str, instance: str, numbers: str) -> Response:
    one = await door(request).object(study, series, instance)
    return await _frames(request, one, frame_numbers(numbers, one))


@router.get(INSTANCE + "/bulkdata/{path:path}", name="bulk data")
async def bulk_data(request: Request, study: str, series: str, instance: str, path: str) -> Response:
    one = await door(request).object(study, series, instance)
    if path.upper() == PIXELS and one.is_image and not (one.syntax in NATIVE and (one.row["BitsAllocated"] or 16) not in LAID_OUT):
        return await _frames(request, one, list(range(one.frames)), is_bulk=True)
    choice = frame_choices(asked(request), ExplicitVRLittleEndian, False)[0]
    if choice.media != OCTETS:
        raise NotAcceptableError(f"bulk data comes as {OCTETS}, or multipart/related of it")
    tag = answers.etag("bulk", one.uid, one.form, path, choice)
    if answers.is_known(request, tag):
        return answers.not_modified(tag)
    found = await door(request).ask(one.task(Bulk, path))
    return _single(request, Part(found.data, choice.content_type), choice, tag)


def frame_numbers(text: str, one: Object) -> list[int]:
    """From 0. BadRequestError, NoFrameError."""
    if not one.is_image:
        raise NoFrameError(f"{one.uid} is no image")
    try:
        numbers = [int(number) for number in text.split(",")]
    except ValueError:
        numbers = [0]
    if min(numbers) < 1:
        raise BadRequestError(f"{text[:100]!r} is no list of frames: numbers from 1, with commas between them")
    if max(numbers) > one.frames:
        raise NoFrameError(f"{one.uid} has no frame {max(numbers)}: there are {one.frames}")
    return [number - 1 for number in numbers]


async def _frames(request: Request, one: Object, numbers: list[int], is_bulk: bool = False) -> Response:
    """is_bulk: native ones are one value."""
    accepted, several = asked(request), len(numbers) > 1
    choices = frame_choices(accepted, one.syntax, several and not is_bulk)
    tag = answers.etag("frames", base(request), one.uid, one.form, numbers, choices, is_bulk)
    if answers.is_known(request, tag):
        return answers.not_modified(tag)
    results = door(request).ask_all(one.task(Frame, number, syntaxes(choices)) for number in numbers)
    first = _checked(await anext(results))
    choice = chosen(choices, first.syntax)
    if is_bulk and first.syntax == ExplicitVRLittleEndian:
        data = [first.data, *[_checked(result).data async for result in results]]
        return _single(request, Part(b"".join(data), choice.content_type), choice, tag)
    if not is_bulk:
        warmer(request).hear(one, numbers[-1], syntaxes(choices), partial(_task, accepted))

    async def parts() -> AsyncIterator[Part]:
        yield part(first, numbers[0])
        for number in numbers[1:]:
            yield part(_checked(await anext(results)), number)

    def part(result: Result, number: int) -> Part:
        place = {"Content-Location": f"{base(request)}{one.path}/frames/{number + 1}"}
        return Part(result.data, chosen(choices, result.syntax).content_type, place)

    if not several:
        return _single(request, part(first, numbers[0]), choice, tag)
    if not choice.is_multipart:
        raise NotAcceptableError("several frames come as multipart/related")
    return answers.streamed(choice.media, answers.boundary_of(tag), parts(), {"ETag": tag})


def _single(request: Request, part: Part, choice: Choice, tag: str) -> Response:
    if not choice.is_multipart:
        return answers.whole(request, part.data, part.content_type, tag)
    body, content_type = answers.multipart(choice.media, answers.boundary_of(tag), [part])
    return answers.whole(request, body, content_type, tag)


def _checked(result: Result | Exception) -> Result:
    if isinstance(result, Exception):
        raise result
    return result


def _task(accepted: list[Wanted], one: Object, number: int) -> Task | None:
    """To warm it, if it can be had as another of its series was asked for."""
    try:
        return one.task(Frame, number, syntaxes(frame_choices(accepted, one.syntax, False)))
    except NotAcceptableError:
        return None
