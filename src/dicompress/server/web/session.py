"""How a browser that cannot send a token with each request logs in: for the token it gets a cookie that is good for reading, for a while."""

from __future__ import annotations

import hmac
import time

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from ..settings import Settings

COOKIE = "dicompress"
LASTS = 12 * 3600  # seconds
READS = ("GET", "HEAD")


def made(token: str, now: float) -> str:
    """A cookie: when it ends, and what only who has the token can make of that. Nothing needs to be kept of it."""
    ends = str(int(now) + LASTS)
    return f"{ends}.{_signature(token, ends)}"


def is_good(cookie: str, token: str, now: float | None = None) -> bool:
    ends, _, signature = cookie.partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(token, ends).encode()):
        return False
    return float(ends) > (time.time() if now is None else now)


def sessions(settings: Settings) -> APIRouter:
    """Both need no cookie; the first is behind the token, as all that is not public."""
    router = APIRouter()

    @router.post("/dicompress/login")
    def login() -> Response:
        answer = Response(status_code=204)
        if settings.token:
            answer.set_cookie(
                COOKIE,
                made(settings.token, time.time()),
                LASTS,
                httponly=True,
                samesite="strict",
                secure=settings.certificate is not None,
            )
        return answer

    @router.get("/dicompress/logout")
    def logout() -> Response:
        answer = RedirectResponse("/dicompress/login.html", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=settings.certificate is not None)
        return answer

    return router


def _signature(token: str, ends: str) -> str:
    return hmac.digest(token.encode(), f"dicompress session {ends}".encode(), "sha256").hex()
