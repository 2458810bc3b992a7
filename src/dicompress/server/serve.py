"""Both doors of one store: started together, stopped when what runs is done."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from contextlib import ExitStack
from types import TracebackType

import uvicorn

from ..errors import DicompressError, FileError
from ..store import Store
from .settings import Settings

LOG = logging.getLogger(__name__)
START = 60  # seconds that the web door may take to start


class Gateway:
    """A context manager: while it is open, both doors are. dicom_port, web_port: where they are, also if the settings say 0.

    FileError if a port cannot be had, or certificate or key not read. The store stays open after it.
    """

    def __init__(self, store: Store, settings: Settings):
        from .dimse import Door
        from .web import create_app

        self.store, self.settings = store, settings
        self._web = _listening(settings.host, settings.web_port)
        self.web_port = self._web.getsockname()[1]
        tls = {} if settings.certificate is None else {"ssl_certfile": settings.certificate, "ssl_keyfile": settings.key}
        self._uvicorn = uvicorn.Server(uvicorn.Config(
            create_app(store, settings), log_config=None, access_log=False, timeout_graceful_shutdown=int(settings.timeout),
            server_header=False, **tls,  # type: ignore[arg-type]
        ))  # fmt: skip
        self._thread = threading.Thread(target=self._uvicorn.run, kwargs={"sockets": [self._web]}, name="web")

        self._dimse = Door(store, settings, tls_context(settings))

    def __enter__(self) -> Gateway:
        with ExitStack() as stack:
            stack.callback(self._web.close)
            self.dicom_port = stack.enter_context(self._dimse).port
            self._thread.start()
            stack.callback(self._stop_web)
            self._wait()
            self._closing = stack.pop_all()
        if not self.settings.is_local and self.settings.certificate is None:
            LOG.warning(
                "others than this machine reach both doors without TLS: set certificate and key, unless the network is encrypted"
            )
        LOG.info(
            "%s listens on %s, DIMSE on port %d, DICOMweb on port %d",
            self.settings.aet,
            self.settings.host,
            self.dicom_port,
            self.web_port,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """What runs is finished, for as long as a timeout; then it is broken off. The audit is written."""
        self._closing.close()
        self.store.flush()

    def _wait(self) -> None:
        end = time.monotonic() + START
        while not self._uvicorn.started:
            if not self._thread.is_alive() or time.monotonic() > end:
                raise DicompressError("the web door does not start: see the log")
            time.sleep(0.01)

    def _stop_web(self) -> None:
        self._uvicorn.should_exit = True
        self._thread.join()


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """For peers that connect to us. FileError."""
    if settings.certificate is None:
        return None
    try:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings.certificate, settings.key)
        if settings.authorities:
            context.load_verify_locations(settings.authorities)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        raise FileError(f"certificate, key or authorities cannot be read: {error}") from None
    return context


def _listening(host: str, port: int) -> socket.socket:
    try:
        found = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=128)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as asyncio does with sockets of its own: else 40 ms an answer
        return found
    except OSError as error:
        raise FileError(f"port {port} of {host} cannot be had: {error.strerror or error}") from None
