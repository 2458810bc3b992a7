"""Who may come in: those who send the token, as Bearer or, browsers, in a cookie that they were given for it (RFC 6750)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from . import viewer

COOKIE = "dicompress"
LONGEST_FORM = 4096  # bytes
OWN_NAMES = ("localhost", "127.0.0.1", "::1")
OPEN = ("/health", "/login", *viewer.OPEN)  # for everybody: they tell nothing


def session(token: str) -> str:
    """What the cookie holds: known to who knows the token, and not the token."""
    return hmac.new(token.encode(), b"dicompress session", hashlib.sha256).hexdigest()


def is_let_in(token: str, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    for name, value in headers:
        if name == b"authorization":
            kind, _, sent = value.partition(b" ")
            if kind.lower() == b"bearer" and hmac.compare_digest(sent.strip(), token.encode()):
                return True
        if name == b"cookie":
            try:
                cookie = SimpleCookie(value.decode("latin-1")).get(COOKIE)
            except CookieError:
                continue
            if cookie and hmac.compare_digest(cookie.value.encode(), session(token).encode()):
                return True
    return False


class Guarded:
    """A layer of the app: 401 without the token. A browser's navigation is sent to /login instead, if there is such a page."""

    def __init__(self, app: ASGIApp, token: str):
        self.app, self.token = app, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN or is_let_in(self.token, scope["headers"]):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        if request.method == "GET" and request.headers.get("sec-fetch-mode") == "navigate":
            await RedirectResponse("/login", 303)(scope, receive, send)
            return
        answer = PlainTextResponse(
            "send the token: Authorization: Bearer ...", 401, {"WWW-Authenticate": 'Bearer realm="dicompress"'}
        )
        await answer(scope, receive, send)


class Own:
    """A layer of the app where nobody needs a token: 421 for names that are not this machine's, as web pages elsewhere could have one of
    theirs point here, and read patients' images by a browser on this machine.
    """

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or urlsplit(f"//{Request(scope).headers.get('host', '')}").hostname in OWN_NAMES:
            await self.app(scope, receive, send)
            return
        answer = PlainTextResponse("this name is not one of this machine's: ask for localhost, or set a token in the gateway\n", 421)
        await answer(scope, receive, send)


async def log_in(request: Request, token: str | None) -> Response:
    """A form with the token -> the cookie, for as long as the browser is open, and on to the first page."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_FORM:
            return PlainTextResponse("too long", 413)
    sent = parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0]
    if token is None or not hmac.compare_digest(sent.strip().encode(), token.encode()):
        return viewer.log_in_again()
    answer = RedirectResponse("/", 303)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, session(token), httponly=True, samesite="strict", secure=secure)
    return answer
