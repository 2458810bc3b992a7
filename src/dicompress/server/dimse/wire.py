"""What a peer may send: bounds on everything before it is in memory, and TLS that keeps nobody else waiting."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from io import BytesIO
from typing import Any

from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.pdu import P_DATA_TF
from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

LOG = logging.getLogger(__name__)
MAX_PDU = 1 << 17  # bytes that peers are told; no PDU may have much more
MAX_LENGTH = 1 << 20  # of any PDU: proposals of 128 presentation contexts take some
MAX_MESSAGE = 1 << 24  # of a message that is no object: queries, lists of references
MAX_COMMAND = 1 << 16
MAX_WAITING = 16  # messages that nobody has answered: peers send one at a time
AT_A_TIME = 1 << 16  # bytes read from a socket
POLL = 0.1  # seconds between looks whether the server is to stop
COLLECT = 600  # such looks between collections of what associations leave, which take a tenth of a second
C_STORE_RQ = 0x0001


class TooLarge(BytesIO):
    """Takes the place of the data set of an object that is larger than is taken: nothing more of it is kept."""

    def write(self, data: Any, /) -> int:
        return len(data)


class Limits:
    """Of what peers send. most: bytes of an object; twice that for all that are in memory at a time."""

    def __init__(self, most: int):
        self.most, self.lock = most, threading.Lock()
        self.sizes: dict[Association, int] = {}

    def received(self, event: evt.Event) -> None:
        """For EVT_PDU_RECV, in the thread that reads the association's socket: before what it brought joins the message."""
        if not isinstance(event.pdu, P_DATA_TF):
            return
        dimse = event.assoc.dimse
        message = dimse.message
        if dimse.msg_queue.qsize() > MAX_WAITING:
            return self._give_up(event.assoc, "it sends on without waiting for answers")
        if message is None or message.data_set is None:
            return
        if message.encoded_command_set.tell() > MAX_COMMAND:
            return self._give_up(event.assoc, f"a command of more than {MAX_COMMAND} bytes")
        size = message.data_set.tell()
        if size and message.command_set.get("CommandField") != C_STORE_RQ:
            if size > MAX_MESSAGE:
                self._give_up(event.assoc, f"a message of more than {MAX_MESSAGE} bytes that is no object")
            return
        if size and self._is_too_large(event.assoc, size):
            message.data_set = TooLarge()
            self.done(event.assoc)

    def done(self, association: Association) -> None:
        """What it sent is no more in memory."""
        with self.lock:
            self.sizes.pop(association, None)

    def _is_too_large(self, association: Association, size: int) -> bool:
        with self.lock:
            self.sizes[association] = size
            return size > self.most or sum(self.sizes.values()) > 2 * self.most

    def _give_up(self, association: Association, why: str) -> None:
        LOG.warning("%s is broken off: %s", caller(association), why)
        association.abort()


class Socket(AssociationSocket):
    """Reads in larger pieces than pynetdicom's, and no PDU that is longer than any may be."""

    def recv(self, nr_bytes: int) -> bytearray:
        if nr_bytes > MAX_LENGTH:
            raise OSError(f"a PDU of {nr_bytes} bytes; {MAX_PDU} were agreed")
        assert isinstance(self.socket, socket.socket)
        found, position = bytearray(nr_bytes), 0
        with memoryview(found) as view:
            while position < nr_bytes:
                count = self.socket.recv_into(view[position : position + AT_A_TIME])
                if not count:
                    break
                position += count
        return found[:position] if position < nr_bytes else found


class Handler(RequestHandler):
    def _create_association(self) -> Association:
        association = super()._create_association()
        association.dul.socket.__class__ = Socket  # another one would say twice that somebody is there
        return association


class Server(ThreadedAssociationServer):
    """TLS is agreed on in a connection's own thread, so that one that is silent keeps only itself waiting.

    Twice as many connections as associations are let in: those that are too many hear so, and the others are closed at once.
    """

    def __init__(self, *arguments: Any, tls: ssl.SSLContext | None = None, **options: Any):
        self.tls, self.greeted = tls, 0
        super().__init__(*arguments, **options)
        self._gc = [0, COLLECT]

    def verify_request(self, request: Any, client_address: Any) -> bool:
        if len(self.active_associations) + self.greeted < 2 * self.ae.maximum_associations:
            return True
        LOG.warning("a connection of %s is closed: there are too many", client_address[0])
        return False

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        if self.tls is not None:
            self.greeted += 1
            try:
                request.settimeout(self.ae.acse_timeout)
                request = self.tls.wrap_socket(request, server_side=True)
                request.settimeout(None)
            except OSError as error:
                LOG.warning("no TLS with %s: %s", client_address[0], error)
                self.shutdown_request(request)
                return
            finally:
                self.greeted -= 1
        super().process_request_thread(request, client_address)


def caller(association: Association) -> str:
    """The calling AE title."""
    return str(association.requestor.ae_title).strip()


def plain(uid: object) -> UID:
    return UID(str(uid).strip("\0 "))
