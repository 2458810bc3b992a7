"""Answers: bodies with an ETag and ranges, messages of several parts, errors in words."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse

SERVICE = "dicompress"  # as Warning headers name it
RANGE = re.compile(r"bytes=(\d*)-(\d*)")
REVALIDATE = "private, no-cache"  # patients' data: in the browser's cache only, and asked for again each time
VARY = "Accept, Authorization, Cookie"
WORTH_PACKING, PACKING = 1400, 5  # bytes, and the level of gzip


@dataclass(frozen=True)
class Part:
    """Of a multipart message."""

    data: bytes
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


def etag(*facts: object) -> str:
    """Of whatever decides a body."""
    return f'"{hashlib.sha256(repr(facts).encode()).hexdigest()[:32]}"'


def is_known(request: Request, tag: str) -> bool:
    """Whether the client has it already."""
    known = request.headers.get("if-none-match", "")
    return known.strip() == "*" or tag.removeprefix("W/") in [one.strip().removeprefix("W/") for one in known.split(",")]


def not_modified(tag: str) -> Response:
    return Response(status_code=304, headers=_headers(tag))


def whole(request: Request, body: bytes, content_type: str, tag: str, headers: Mapping[str, str] | None = None) -> Response:
    """A body, or the one range of it that is asked for."""
    headers = {**_headers(tag), "Accept-Ranges": "bytes", **(headers or {})}
    asked = RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if not asked or not any(asked.groups()) or request.headers.get("if-range", tag) != tag:
        return Response(body, headers=headers, media_type=content_type)
    first, last = asked.groups()
    start = int(first) if first else max(0, len(body) - int(last))
    stop = min(int(last) + 1, len(body)) if first and last else len(body)
    if start >= stop:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{len(body)}"})
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(body)}"
    return Response(body[start:stop], 206, headers, content_type)


async def told(request: Request, body: bytes, content_type: str, headers: Mapping[str, str]) -> Response:
    """JSON and the like: a tenth of it, where the client unpacks gzip."""
    headers = {"Vary": f"{VARY}, Accept-Encoding", **headers}
    if len(body) >= WORTH_PACKING and "gzip" in request.headers.get("accept-encoding", ""):
        body = await run_in_threadpool(gzip.compress, body, PACKING)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, media_type=content_type)


def multipart(media: str, boundary: str, parts: Sequence[Part]) -> tuple[bytes, str]:
    """The body, and its content type. media: of the parts."""
    body = b"".join(_encoded(part, boundary) for part in parts) + _end(boundary)
    return body, _content_type(media, boundary)


def streamed(media: str, boundary: str, parts: AsyncIterator[Part], headers: Mapping[str, str] | None = None) -> Response:
    """Parts as they come. If one fails the connection breaks, so that nobody takes what came for all."""

    async def body() -> AsyncIterator[bytes]:
        async for part in parts:
            yield _encoded(part, boundary)
        yield _end(boundary)

    return StreamingResponse(
        body(), headers={"Cache-Control": REVALIDATE, **(headers or {})}, media_type=_content_type(media, boundary)
    )


def boundary_of(tag: str) -> str:
    return f"dicompress-{tag.strip(chr(34))}"


def warning(text: str) -> str:
    """The value of a Warning header (PS3.18 8.3.4.4)."""
    plain = text.replace("\\", "/").replace('"', "'").encode("latin-1", "replace").decode("latin-1")
    return f'299 {SERVICE} "{" ".join(plain.split())}"'


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": REVALIDATE, "Vary": VARY}


def _content_type(media: str, boundary: str) -> str:
    return f'multipart/related; type="{media}"; boundary={boundary}'


def _encoded(part: Part, boundary: str) -> bytes:
    lines = [f"--{boundary}", f"Content-Type: {part.content_type}", f"Content-Length: {len(part.data)}"]
    lines += [f"{name}: {value}" for name, value in part.headers.items()]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + part.data + b"\r\n"


def _end(boundary: str) -> bytes:
    return f"--{boundary}--\r\n".encode("latin-1")
