"""How many requests are worked at, and how many bytes of objects are received at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

MOST = 200
ALWAYS = ("/health", "/metrics")  # when it is busy they are wanted most


class Limited:
    """A layer of the app: 503 for requests beyond `MOST` at a time."""

    def __init__(self, app: ASGIApp):
        self.app, self.running = app, 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in ALWAYS:
            await self.app(scope, receive, send)
            return
        if self.running >= MOST:
            await PlainTextResponse("too many requests at a time: try again\n", 503, {"Retry-After": "1"})(scope, receive, send)
            return
        self.running += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.running -= 1


class Room:
    """For what all requests together hold in memory of objects that come in. most: bytes. From the event loop."""

    def __init__(self, most: int):
        self.most, self.used = most, 0

    @contextmanager
    def share(self) -> Iterator[Share]:
        """That of a request; what it still holds in the end is free then."""
        share = Share(self)
        try:
            yield share
        finally:
            share.give(share.used)


class Share:
    def __init__(self, room: Room):
        self.room, self.used = room, 0

    def take(self, size: int) -> bool:
        """Whether there is room for so many bytes more."""
        if self.room.used + size > self.room.most:
            return False
        self.used, self.room.used = self.used + size, self.room.used + size
        return True

    def give(self, size: int) -> None:
        self.used, self.room.used = self.used - size, self.room.used - size
