"""STOW-RS: objects as they come, each kept as soon as its part is whole (PS3.18 10.5)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydicom.dataset import Dataset
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from ...dicom.part10 import parse
from ...errors import DicompressError, FileError, LimitError, NotDicomError
from ...store import Store
from ...store.attributes import Attributes, attributes
from ...store.outcome import VERSION
from . import answers
from .accept import DICOM, JSON, MULTIPART, BadRequestError, best
from .door import Door, asked, base, check_uid, door

LOG = logging.getLogger(__name__)
router = APIRouter()
OUT_OF_RESOURCES, OTHER_STUDY, NOT_UNDERSTOOD, FAILED = 0xA700, 0xA900, 0xC000, 0x0110  # failure reasons (PS3.18 I.2)
HEADERS = 16384  # bytes of a part's headers
SENDER = "web"  # as rules name who sent it


class StalledError(DicompressError):
    """Nothing came for too long."""


@dataclass
class Stored:
    """What became of the parts."""

    outcomes: list[tuple[Attributes, str | None]] = field(default_factory=list)
    failures: list[tuple[Attributes | None, int, str]] = field(default_factory=list)
    too_large: int = 0

    def fail(self, reason: int, text: str, found: Attributes | None = None) -> None:
        self.failures.append((found, reason, text))

    def refuse(self, text: str) -> None:
        """What is too large."""
        self.too_large += 1
        self.fail(OUT_OF_RESOURCES, text)

    @property
    def status(self) -> int:
        if not self.failures:
            return 200
        if self.outcomes:
            return 202
        if any(reason != OUT_OF_RESOURCES for _, reason, _ in self.failures):
            return 409
        return 413 if self.too_large == len(self.failures) else 503


@router.post("/studies", name="store")
async def store_any(request: Request) -> Response:
    return await _store(request, None)


@router.post("/studies/{study}", name="store")
async def store_into(request: Request, study: str) -> Response:
    return await _store(request, check_uid(study))


async def _store(request: Request, study: str | None) -> Response:
    best(asked(request), [JSON, "application/json"], "the answer")
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    inner = options.get(b"type", b"").decode("latin-1").lower()
    media = kind.decode("latin-1").lower()
    if media not in (DICOM, MULTIPART) or (media == MULTIPART and inner not in (DICOM, "")):
        return Response(f'send application/dicom, or multipart/related; type="{DICOM}"\n', 415, media_type="text/plain")
    here, stored = door(request), Stored()
    if media == DICOM:
        parts = _one_part(request, here, stored)
    else:
        if not options.get(b"boundary"):
            raise BadRequestError("multipart/related without a boundary")
        parts = _parts(request, options[b"boundary"], here, stored)
    async for data in parts:
        await run_in_threadpool(_keep, here.store, data, study, stored)
    if not stored.outcomes and not stored.failures:
        raise BadRequestError("the message has no parts")
    return _answer(request, here, stored)


def _keep(store: Store, data: bytes, study: str | None, stored: Stored) -> None:
    found = None
    try:
        found = attributes(parse(data))
        if study is not None and found.study["StudyInstanceUID"] != study:
            stored.fail(OTHER_STUDY, "it is of another study than the URL says", found)
            return
        outcome = store.keep(found, data, SENDER)
        stored.outcomes.append((found, outcome.reason if outcome.status == VERSION else None))
    except (NotDicomError, LimitError) as error:
        stored.fail(NOT_UNDERSTOOD, str(error), found)
    except FileError as error:
        stored.fail(OUT_OF_RESOURCES if found else NOT_UNDERSTOOD, str(error), found)
    except DicompressError as error:
        stored.fail(FAILED, str(error), found)


async def _chunks(request: Request, seconds: float) -> AsyncIterator[bytes]:
    """StalledError, ClientDisconnect."""
    stream = request.stream()
    while True:
        try:
            yield await asyncio.wait_for(anext(stream), seconds)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise StalledError(f"nothing came for {seconds:g} s") from None


async def _one_part(request: Request, here: Door, stored: Stored) -> AsyncIterator[bytes]:
    data = bytearray()
    async for chunk in _chunks(request, here.settings.timeout):
        data += chunk
        if len(data) > here.settings.max_object:
            stored.refuse(_too_large(here))
            return
    yield bytes(data)


async def _parts(request: Request, boundary: bytes, here: Door, stored: Stored) -> AsyncIterator[bytes]:
    """The parts of a message, each when it is whole. Those that are not to be kept are told in `stored`."""
    message = _Message(boundary, here.settings.max_object, _too_large(here), stored)
    try:
        async for chunk in _chunks(request, here.settings.timeout):
            message.feed(chunk)
            while message.whole:
                yield message.whole.pop(0)
    except ClientDisconnect:
        stored.fail(FAILED, "the client went away")
    if not message.ended:
        stored.fail(FAILED, "the message is cut short: its last boundary is missing")


class _Message:
    """A multipart message that comes in pieces. whole: its parts that came since they were last taken away."""

    def __init__(self, boundary: bytes, most: int, too_large: str, stored: Stored):
        self.most, self.too_large, self.stored = most, too_large, stored
        self.whole: list[bytes] = []
        self.ended = False
        self._name, self._headers, self._kind = b"", 0, b""
        self._data: bytearray | None = None
        names = ("part_begin", "header_field", "header_value", "header_end", "headers_finished", "part_data", "part_end", "end")
        self._parser = MultipartParser(boundary, {f"on_{name}": getattr(self, f"_{name}") for name in names})  # type: ignore[arg-type]

    def feed(self, chunk: bytes) -> None:
        """BadRequestError for what is no such message."""
        try:
            self._parser.write(chunk)
        except MultipartParseError as error:
            raise BadRequestError(f"the multipart message is damaged: {error}") from None

    def _part_begin(self) -> None:
        self._data, self._kind, self._headers = bytearray(), b"", 0

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end].lower()
        self._count(end - start)

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        if self._name == b"content-type":
            self._kind += data[start:end]

    def _header_end(self) -> None:
        self._name = b""

    def _headers_finished(self) -> None:
        kind = parse_options_header(self._kind or DICOM.encode())[0].decode("latin-1").lower()
        if kind != DICOM:
            self._data = None
            self.stored.fail(NOT_UNDERSTOOD, f"a part is {kind[:60]}, not {DICOM}")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._data is None:
            return
        if len(self._data) + end - start > self.most:
            self._data = None
            self.stored.refuse(self.too_large)
        else:
            self._data += memoryview(data)[start:end]

    def _part_end(self) -> None:
        if self._data is not None:
            self.whole.append(bytes(self._data))
        self._data = None

    def _end(self) -> None:
        self.ended = True

    def _count(self, size: int) -> None:
        self._headers += size
        if self._headers > HEADERS:
            raise BadRequestError("the headers of a part are too long")


def _too_large(here: Door) -> str:
    return f"larger than {here.settings.max_object} bytes, which max_object in serve.toml allows"


def _answer(request: Request, here: Door, stored: Stored) -> Response:
    found, failed, other = list[Dataset](), list[Dataset](), list[Dataset]()
    for one, _ in stored.outcomes:
        item = _item(one)
        item.RetrieveURL = (
            f"{base(request)}/studies/{one.study['StudyInstanceUID']}/series/{one.series['SeriesInstanceUID']}/instances/{one.uid}"
        )
        found.append(item)
    for which, reason, _ in stored.failures:
        item = _item(which) if which else Dataset()
        item.FailureReason = reason
        (failed if which else other).append(item)
    answer = Dataset()
    studies = {str(one.study["StudyInstanceUID"]) for one, _ in stored.outcomes}
    if len(studies) == 1:
        answer.RetrieveURL = f"{base(request)}/studies/{studies.pop()}"
    for name, items in (("ReferencedSOPSequence", found), ("FailedSOPSequence", failed), ("OtherFailuresSequence", other)):
        if items:
            setattr(answer, name, items)
    for outcome, number in (("stored", len(found)), ("failed", len(failed) + len(other))):
        here.metrics.objects.labels(outcome).inc(number)
    told = [reason for *_, reason in stored.failures] + [f"{one.uid}: {reason}" for one, reason in stored.outcomes if reason]
    for text in dict.fromkeys(told):
        LOG.warning("store: %s", text)
    headers: dict[str, Any] = {"Warning": answers.warning("; ".join(list(dict.fromkeys(told))[:5]))} if told else {}
    return Response(json.dumps(answer.to_json_dict()), stored.status, headers, JSON)


def _item(found: Attributes) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = str(found.instance["SOPClassUID"] or "")
    item.ReferencedSOPInstanceUID = found.uid
    return item
