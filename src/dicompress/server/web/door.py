"""What all services of the web door need: the store, the workers, and the objects that a path names."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydicom.uid import UID, ImplicitVRLittleEndian

from ...errors import NotStoredError
from ...store import Store
from ..frames import Frames
from ..settings import Settings
from ..tasks import Result, Task
from .accept import BadRequestError, Wanted, wanted
from .metrics import Metrics

Row = dict[str, Any]
T = TypeVar("T")
PROXIED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
IS_UID = re.compile(r"[0-9A-Za-z._-]{1,64}")  # what some writers take for one, too


@dataclass(frozen=True)
class Object:
    """An instance as the index has it. row: as `Store.find` gives it."""

    row: Row

    @property
    def uid(self) -> str:
        return str(self.row["SOPInstanceUID"])

    @property
    def syntax(self) -> UID:
        """In which it came."""
        return UID(self.row["TransferSyntaxUID"] or ImplicitVRLittleEndian)

    @property
    def path(self) -> str:
        return f"/studies/{self.row['StudyInstanceUID']}/series/{self.row['SeriesInstanceUID']}/instances/{self.uid}"

    @property
    def frames(self) -> int:
        return max(1, self.row["NumberOfFrames"] or 1)

    @property
    def is_image(self) -> bool:
        return bool(self.row["Rows"] and self.row["Columns"])

    @property
    def nbytes(self) -> int:
        """Of a native frame, about."""
        return (self.row["Rows"] or 1) * (self.row["Columns"] or 1) * (self.row["BitsAllocated"] or 16) // 8

    @property
    def form(self) -> str:
        """Changes when other bytes are stored of it."""
        return f"{self.row['arrived_sha256']} {self.row['state']} {self.row['guarantee']}"

    def task(self, kind: Callable[..., Task], *facts: Any) -> Task:
        return kind(self.uid, self.row["version"], self.form, *facts)


@dataclass(frozen=True)
class Door:
    store: Store
    settings: Settings
    frames: Frames
    metrics: Metrics

    async def ask(self, task: Task) -> Result:
        """By a worker, or what it gave before. DicompressError."""
        return await asyncio.wrap_future(self.frames.ask(task))

    async def ask_all(self, tasks: Iterable[Task]) -> AsyncIterator[Result | Exception]:
        """In their order; some are worked at ahead of who reads."""
        ahead: list[Future[Result]] = []
        waiting = iter(tasks)
        while True:
            while len(ahead) < 2 * self.settings.jobs + 1 and (task := next(waiting, None)) is not None:
                ahead.append(self.frames.ask(task))
            if not ahead:
                return
            try:
                found: Result | Exception = await self._ended(ahead.pop(0))
            except Exception as error:
                found = error
            yield found

    @staticmethod
    async def _ended(future: Future[Result]) -> Result:
        return await asyncio.wrap_future(future)

    async def find(self, level: str, filters: dict[str, Any], limit: int | None = None, offset: int = 0) -> list[Row]:
        return await run_in_threadpool(partial(self.store.find, level, filters, limit, offset))

    async def objects(self, study: str, series: str | None = None, instance: str | None = None) -> list[Object]:
        """Those that a path names, by series and Instance Number. NotStoredError if there are none."""
        named = {"StudyInstanceUID": study, "SeriesInstanceUID": series, "SOPInstanceUID": instance}
        filters = {name: check_uid(uid) for name, uid in named.items() if uid is not None}
        found = [Object(row) for row in await self.find("INSTANCE", filters)]
        if not found:
            if instance:
                await run_in_threadpool(partial(self._say_where, instance))
            raise NotStoredError(f"{instance or series or study} is not stored")
        return sorted(found, key=_order)

    async def object(self, study: str, series: str, instance: str) -> Object:
        (found,) = await self.objects(study, series, instance)
        return found

    def _say_where(self, uid: str) -> None:
        """NotStoredError that tells more, if there is more to tell: of what was replaced by a derived image."""
        if not self.store.find("INSTANCE", {"SOPInstanceUID": uid}):
            self.store.packed(uid)


def door(request: Request) -> Door:
    found = request.app.state.door
    assert isinstance(found, Door)
    return found


def asked(request: Request) -> list[Wanted]:
    return wanted(request.headers.getlist("accept"), request.query_params.getlist("accept"))


def base(request: Request) -> str:
    """The URL under which clients see the services. Some leave the port out of Host, as proxies do, which say more in other headers."""
    url = request.base_url
    port = (request.scope.get("server") or ("", None))[1]
    if url.port is None and port not in (None, 80, 443) and not any(name in request.headers for name in PROXIED):
        url = url.replace(port=port)
    return str(url).rstrip("/")


def check_uid(uid: str) -> str:
    """BadRequestError."""
    if not IS_UID.fullmatch(uid):
        raise BadRequestError(f"{uid[:64]!r} is no UID")
    return uid


def middle(objects: Sequence[Object]) -> Object | None:
    """The image that stands for them: that in the middle of the first series that has any."""
    images = [one for one in objects if one.is_image]
    first = [one for one in images if one.row["SeriesInstanceUID"] == images[0].row["SeriesInstanceUID"]]
    return first[len(first) // 2] if first else None


def _order(one: Object) -> tuple[Any, ...]:
    row = one.row
    numbers = [(row[name] is None, row[name] or 0) for name in ("SeriesNumber", "InstanceNumber")]
    return numbers[0], row["SeriesInstanceUID"], numbers[1], one.uid
