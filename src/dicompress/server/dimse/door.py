"""The DIMSE door: an application entity that answers for a store."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from pynetdicom import AE, _config, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made by the module
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from ...errors import FileError
from ...store import Store
from ..settings import NAME, Peer, Settings
from .commitment import commit
from .finding import find
from .retrieving import get, move
from .statuses import OUT_OF_RESOURCES, status
from .storing import IMPLEMENTATION, store
from .wire import MAX_PDU, POLL, Handler, Limits, Server, caller

LOG = logging.getLogger(__name__)
SERVICES = (
    Verification, StorageCommitmentPushModel,
    PatientRootQueryRetrieveInformationModelFind, StudyRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelMove, StudyRootQueryRetrieveInformationModelMove,
    PatientRootQueryRetrieveInformationModelGet, StudyRootQueryRetrieveInformationModelGet,
)  # fmt: skip
# Of pynetdicom, for the whole process: every SOP class and transfer syntax is stored; files are sent as they are; no patients in logs.
PROCESS = {
    "UNRESTRICTED_STORAGE_SERVICE": True, "STORE_SEND_CHUNKED_DATASET": True, "LOG_REQUEST_IDENTIFIERS": False,
    "LOG_RESPONSE_IDENTIFIERS": False,
}  # fmt: skip
GREETING = 10.0  # seconds that connections and negotiations may take
LAST_WORDS = 0.5  # seconds for answers that are on their way when the door closes


class Door:
    """Open while it is a context. port: where. context: TLS of those who connect. FileError if the port cannot be had."""

    def __init__(self, store: Store, settings: Settings, context: ssl.SSLContext | None):
        self.store, self.settings, self.context = store, settings, context
        self.limits = Limits(settings.max_object)
        self.is_closing = threading.Event()
        self.workers, self.reports = ThreadPoolExecutor(4, "dimse"), ThreadPoolExecutor(4, "commitment")
        self._running, self._lock = 0, threading.Lock()
        self._counts: dict[Association, Counter[str]] = {}
        self.ae = AE(settings.aet)
        self.ae.implementation_class_uid, self.ae.implementation_version_name = IMPLEMENTATION, "DICOMPRESS"
        self.ae.maximum_associations, self.ae.maximum_pdu_size = settings.max_associations, MAX_PDU
        self.ae.require_called_aet = True
        self.ae.network_timeout = self.ae.dimse_timeout = settings.timeout
        self.ae.acse_timeout = self.ae.connection_timeout = min(GREETING, settings.timeout)
        for service in SERVICES:
            self.ae.add_supported_context(service, scu_role=True, scp_role=True)

    def __enter__(self) -> Door:
        handlers: list[Any] = [
            (evt.EVT_PDU_RECV, self.limits.received), (evt.EVT_CONN_CLOSE, self._closed),
            (evt.EVT_C_STORE, self._stored), (evt.EVT_C_FIND, find, [self]), (evt.EVT_C_MOVE, move, [self]), (evt.EVT_C_GET, get, [self]),
            (evt.EVT_N_ACTION, commit, [self]), (evt.EVT_REJECTED, _rejected),
        ]  # fmt: skip
        address = self.settings.host, self.settings.dicom_port
        try:
            server = self.ae.make_server(
                address, evt_handlers=handlers, server_class=Server, request_handler=Handler, tls=self.context
            )
        except OSError as error:
            raise FileError(f"port {address[1]} of {address[0]} cannot be had: {error.strerror or error}") from None
        self._before = {name: getattr(_config, name) for name in PROCESS}
        for name, value in PROCESS.items():
            setattr(_config, name, value)
        self.server = server
        self.ae._servers.append(server)  # its own `shutdown` expects it there
        self.port = int(server.server_address[1])
        threading.Thread(target=server.serve_forever, args=(POLL,), name="dimse", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Requests that run are finished, for as long as a timeout."""
        self.is_closing.set()
        self.server.shutdown()
        end = time.monotonic() + self.settings.timeout
        while self._running and time.monotonic() < end:
            time.sleep(0.05)
        for pool in (self.reports, self.workers):
            pool.shutdown(cancel_futures=True)
        time.sleep(LAST_WORDS if self.ae.active_associations else 0)
        for association in self.ae.active_associations:
            association.abort()
        for name, value in self._before.items():
            setattr(_config, name, value)

    @contextmanager
    def running(self) -> Iterator[None]:
        """A request that is being answered."""
        with self._lock:
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1

    def knows(self, association: Association) -> bool:
        """Whether it may ask, and not only store: everybody on this machine, those in serve.toml from elsewhere."""
        return self.settings.is_local or caller(association) in self.settings.peers

    def unknown(self, association: Association) -> str:
        LOG.warning("%s asks, and is no [[peer]] of %s", caller(association), NAME)
        return f"{caller(association)} is no [[peer]] of {NAME}"

    def tls(self, peer: Peer) -> tuple[ssl.SSLContext, str] | None:
        """For connections to a peer."""
        if not peer.tls:
            return None
        context = ssl.create_default_context(cafile=self.settings.authorities)
        if self.settings.certificate:
            context.load_cert_chain(self.settings.certificate, self.settings.key)
        return context, peer.host

    def _stored(self, event: evt.Event) -> Any:
        if self.is_closing.is_set():
            return status(OUT_OF_RESOURCES, "the gateway is being stopped")
        answer = store(event, self)
        self._counts.setdefault(event.assoc, Counter())["refused" if answer.Status else "stored"] += 1
        return answer

    def _closed(self, event: evt.Event) -> None:
        self.limits.done(event.assoc)
        for what, count in self._counts.pop(event.assoc, Counter()).items():
            LOG.info("%s: %d objects %s", caller(event.assoc), count, what)


def _rejected(event: evt.Event) -> None:
    asked: Any = event.assoc.requestor.primitive
    LOG.warning("an association of %s to %s is rejected", caller(event.assoc), str(asked.called_ae_title).strip())
