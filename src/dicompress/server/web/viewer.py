"""What browsers open: the first page, and a built OHIF as it is with our configuration and our sign.

OHIF's own files and ours name no patient, but they are behind the token as all is, but for what the page to log in needs.
"""

from __future__ import annotations

import gzip
import mimetypes
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response

from ...errors import FileError
from ...store import Store
from ...store.overview import overview
from ..settings import Settings

OURS = Path(__file__).parent.parent / "viewer"
INDEX = "index.html"
CONFIGURATION = "app-config.js"  # OHIF's index.html loads it
START = "viewer"  # OHIF's route of its basic mode
COOKIE = "dicompress"  # as `auth` sets it
LOGIN = "login.html"
OPEN = ("/dicompress/page.css", "/dicompress/icon.svg")  # for everybody: what the page to log in shows
WRONG = b"<!-- wrong -->"
PAGES = 50  # studies that are listed at once
PACKED = (".js", ".css", ".wasm", ".json", ".svg", ".html")  # are sent with gzip
PACKED_KEPT = 256  # files
FOREVER = "public, max-age=31536000, immutable"
# Nothing is fetched from elsewhere, and nothing may frame it. OHIF's code makes code, styles and workers of its own.
STRICT = (
    "default-src 'self'; script-src 'self'{scripts}; style-src 'self'{styles}; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
OWN_POLICY = STRICT.format(scripts="", styles="")
OHIF_POLICY = STRICT.format(scripts=" 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:", styles=" 'unsafe-inline'")
GUARDS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


def check_folder(folder: Path) -> None:
    """FileError if that is no built OHIF."""
    if not (folder / INDEX).is_file() or not (folder / CONFIGURATION).is_file():
        raise FileError(f"{folder} holds no built OHIF, {INDEX} and {CONFIGURATION}: docs/service.md tells how to install one")


def log_in_again() -> Response:
    """The page to log in, after a token that was none."""
    said = (OURS / LOGIN).read_bytes().replace(WRONG, b"That is not the token.")
    return Response(
        said, 401, {"Content-Security-Policy": OWN_POLICY, "Cache-Control": "no-store", **GUARDS}, "text/html; charset=utf-8"
    )


def lists(store: Store, settings: Settings) -> APIRouter:
    """What the first page shows; identifies patients."""
    router = APIRouter()

    @router.get("/dicompress/list")
    def listed(search: str = Query("", max_length=200), offset: int = Query(0, ge=0, le=2**31)) -> JSONResponse:
        found: list[dict[str, Any]] = overview(store, search, PAGES + 1, offset)
        more = len(found) > PAGES
        told = {"studies": found[:PAGES], "more": more, "viewer": settings.viewer is not None, "token": settings.token is not None}
        return JSONResponse(told, headers={"Cache-Control": "no-store", **GUARDS})

    return router


def pages(settings: Settings) -> APIRouter:
    """Files. To be included last: it has a route for every path that is left. FileError."""
    router, folder = APIRouter(), settings.viewer
    if folder is not None:
        check_folder(folder)

    @router.get("/")
    def first() -> Response:
        return _own("first.html")

    @router.get("/login")
    def login() -> Response:
        return _own(LOGIN)

    @router.get("/logout")
    def logout() -> Response:
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    @router.get("/dicompress/{name}")
    def own(name: str) -> Response:
        return _own(name)

    @router.get("/app-config.js")
    def configuration() -> Response:
        return _own(CONFIGURATION)

    @router.get("/{path:path}")
    def built(path: str, request: Request) -> Response:
        if folder is None:
            if path == START:
                return _own("missing.html", 404)
            raise HTTPException(404, "there is nothing here")
        wanted = path
        if "StudyInstanceUIDs" in request.query_params or path == START:  # all modes are one page
            wanted = INDEX
        return _built(folder, wanted, "gzip" in request.headers.get("accept-encoding", ""))

    return router


def _own(name: str, status: int = 200) -> Response:
    path = OURS / name
    if Path(name).name != name or path.suffix not in (".html", ".js", ".css", ".svg") or not path.is_file():
        raise HTTPException(404, "there is nothing here")
    headers = {"Content-Security-Policy": OWN_POLICY, "Cache-Control": "no-cache", **GUARDS}
    return FileResponse(path, status, headers=headers)


def _built(folder: Path, name: str, packs: bool) -> Response:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise HTTPException(404, "there is nothing here")
    hashed = any(len(part) == 16 and not set(part) - set("0123456789abcdef") for part in path.name.split("."))
    headers = {"Content-Security-Policy": OHIF_POLICY, "Cache-Control": FOREVER if hashed else "no-cache", **GUARDS}
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if not packs or path.suffix not in PACKED:
        return FileResponse(path, headers=headers, media_type=kind)
    stat = path.stat()
    packed = _packed(path, stat.st_mtime_ns, stat.st_size)
    return Response(packed, headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding", **headers}, media_type=kind)


@lru_cache(PACKED_KEPT)
def _packed(path: Path, changed: int, size: int) -> bytes:
    """A file, packed once as long as it stays what it is."""
    return gzip.compress(path.read_bytes(), mtime=0)
