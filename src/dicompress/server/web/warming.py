"""Whoever asks for a frame of a series will ask for the others: they are made ready meanwhile, those that follow first."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

from fastapi import Request

from ...errors import DicompressError
from ..tasks import Task
from .door import Door, Object

AGAIN = 600  # seconds after which a series is warmed anew
KNOWN = 1000  # series
SHARE = 2  # a series is warmed up to this part of the cache

Make = Callable[[Object, int], Task | None]


class Warmer:
    def __init__(self, door: Door):
        self.door = door
        self._since: OrderedDict[Hashable, float] = OrderedDict()
        self._running: set[asyncio.Task[None]] = set()

    def hear(self, one: Object, number: int, what: Hashable, make: Make) -> None:
        """That frame `number` of an object was asked for. From the event loop.

        what: in which form. make: the task of another frame in this form, or None.
        """
        key, now = (one.row["SeriesInstanceUID"], what), time.monotonic()
        if now - self._since.get(key, -AGAIN) < AGAIN:
            return
        self._since[key] = now
        self._since.move_to_end(key)
        if len(self._since) > KNOWN:
            self._since.popitem(last=False)
        running = asyncio.create_task(self._warm(one, number, make))
        self._running.add(running)  # the loop itself does not keep it
        running.add_done_callback(self._running.discard)

    async def _warm(self, one: Object, number: int, make: Make) -> None:
        try:
            found = await self.door.objects(one.row["StudyInstanceUID"], one.row["SeriesInstanceUID"])
        except DicompressError:
            return  # it is gone
        at = next((place for place, other in enumerate(found) if other.uid == one.uid), 0)
        order = [(one, frame) for frame in (*range(number + 1, one.frames), *range(number))]
        order += [(other, frame) for other in (*found[at + 1 :], *reversed(found[:at])) for frame in range(other.frames)]
        room, tasks = self.door.settings.cache // SHARE, list[Task]()
        for other, frame in order:
            room -= other.nbytes
            if room < 0:
                break
            task = make(other, frame) if other.is_image else None
            if task is not None:
                tasks.append(task)
        self.door.frames.warm(tasks)


def warmer(request: Request) -> Warmer:
    found = request.app.state.warmer
    assert isinstance(found, Warmer)
    return found
