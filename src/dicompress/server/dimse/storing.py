"""C-STORE: what arrives is stored as it came, without decoding, and is on the disk when it is acknowledged."""

from __future__ import annotations

import logging
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID
from pynetdicom import evt

from ...dicom.part10 import parse
from ...dicom.tags import MAGIC, PREAMBLE
from ...errors import DicompressError
from ...store.attributes import attributes
from ...store.outcome import VERSION
from .statuses import MISMATCH, NOT_UNDERSTOOD, OUT_OF_RESOURCES, SUCCESS, status
from .wire import TooLarge, caller, plain

if TYPE_CHECKING:
    from .door import Door

LOG = logging.getLogger(__name__)
IMPLEMENTATION = UID(
    "2.25.178820661905422627307390742991419924359"
)  # one for all versions, so that an object sent again has the same bytes


def store(event: evt.Event, door: Door) -> Dataset:
    """The status, with a reason."""
    request: Any = event.request
    sender = caller(event.assoc)
    uid = plain(request.AffectedSOPInstanceUID)
    try:
        with door.running():
            answer = _store(
                door, plain(request.AffectedSOPClassUID), uid, plain(event.context.transfer_syntax), request.DataSet, sender
            )
    except MemoryError:
        answer = status(OUT_OF_RESOURCES, "out of memory")
    finally:
        request.DataSet = None
        door.limits.done(event.assoc)
    if answer.Status != SUCCESS:
        LOG.warning("%s from %s is refused with %04X: %s", uid, sender, answer.Status, answer.get("ErrorComment", ""))
    return answer


def _store(door: Door, sop_class: UID, uid: UID, syntax: UID, received: BytesIO, sender: str) -> Dataset:
    if isinstance(received, TooLarge):
        return status(OUT_OF_RESOURCES, f"larger than {door.settings.max_object} bytes, or too many at a time")
    data = b"".join((_head(sop_class, uid, syntax), received.getbuffer()))
    try:
        found = attributes(parse(data))
    except DicompressError as error:
        return status(NOT_UNDERSTOOD, error)
    if found.uid != uid:
        return status(MISMATCH, f"its data set has SOP Instance UID {found.uid}")
    try:
        outcome = door.store.keep(found, data, sender)
    except DicompressError as error:
        LOG.error("%s cannot be kept: %s", uid, error)
        return status(OUT_OF_RESOURCES, error)
    if outcome.status == VERSION:
        LOG.warning("%s from %s: %s", uid, sender, outcome.reason)
    LOG.debug("%s from %s: %s", uid, sender, outcome.status)
    return status(SUCCESS)


def _head(sop_class: UID, uid: UID, syntax: UID) -> bytes:
    """Preamble and file meta information, which do not travel, and say nothing here that would not be the same another time."""
    meta, buffer = FileMetaDataset(), DicomBytesIO()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, uid
    meta.TransferSyntaxUID, meta.ImplementationClassUID = syntax, IMPLEMENTATION
    write_file_meta_info(buffer, meta)
    return bytes(PREAMBLE) + MAGIC + buffer.getvalue()
