"""How many requests are worked at."""

from __future__ import annotations

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
