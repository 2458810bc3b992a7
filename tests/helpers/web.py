"""A web door on a port of its own, and parts of what it answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from email.parser import BytesParser

import httpx
import uvicorn

from dicompress.server.settings import Settings
from dicompress.server.web import create_app
from dicompress.store import Store

OCTETS, DICOM = "application/octet-stream", "application/dicom"
HTJ2K, EXPLICIT = "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.1"


def related(media: str, syntax: str = "") -> dict[str, str]:
    """An Accept header."""
    return {"Accept": f'multipart/related; type="{media}"' + (f"; transfer-syntax={syntax}" if syntax else "")}


@contextmanager
def serving(store: Store, **settings) -> Iterator[httpx.Client]:
    """A client of it; `client.app` is the app."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    app = create_app(store, Settings(**{"jobs": 1} | settings))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.01)
        with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=120) as client:
            client.app = app
            yield client
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def path(row: dict, more: str = "") -> str:
    """Of an instance, as `Store.find` gives it."""
    return f"/studies/{row['StudyInstanceUID']}/series/{row['SeriesInstanceUID']}/instances/{row['SOPInstanceUID']}{more}"


def parts(answer: httpx.Response) -> list[tuple[Message, bytes]]:
    """Headers and bodies of a multipart message, cut by the lengths and boundaries that it states."""
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    boundary = b"--" + BytesParser().parsebytes(head).get_boundary().encode()
    found, rest = [], answer.content
    while not rest.startswith(boundary + b"--"):
        assert rest.startswith(boundary + b"\r\n")
        fields, _, rest = rest[len(boundary) + 2 :].partition(b"\r\n\r\n")
        headers = BytesParser().parsebytes(fields)
        size = int(headers["Content-Length"])
        found.append((headers, rest[:size]))
        assert rest[size : size + 2] == b"\r\n"
        rest = rest[size + 2 :]
    assert rest == boundary + b"--\r\n"
    return found


def only_part(answer: httpx.Response) -> bytes:
    ((_, body),) = parts(answer)
    return body
