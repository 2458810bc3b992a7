"""C-STORE to a peer that asked: the bytes that are stored, or what `outgoing` makes of them; the next object is made ready meanwhile."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID
from pynetdicom.association import Association

from ...dicom.part10 import named_syntax
from ...dicom.syntax import DICOMPRESS, JPEG_XL_JPEG, JPEG_XL_LOSSLESS
from ...dicom.tags import MAGIC, PREAMBLE
from ...errors import DicompressError
from ..outgoing import outgoing

if TYPE_CHECKING:
    from .door import Door

LOG = logging.getLogger(__name__)
PACKED = {DICOMPRESS, JPEG_XL_JPEG, JPEG_XL_LOSSLESS}  # what the store's compressed forms may be in
AHEAD = 64 << 20  # bytes of an object at most that is made ready before its turn


class Sender:
    """Takes the place of an association's `send_c_store`: what it is given refers to an object of the store.

    folder: for the object that is being sent. rows: of all that will be sent, in their order. originator: the AE title that asked.
    """

    def __init__(self, door: Door, association: Association, folder: str, rows: list[dict[str, Any]], originator: str | None = None):
        self.door, self.association, self.originator = door, association, originator
        self.path = Path(folder, "object.dcm")
        self.next = {row["SOPInstanceUID"]: after for row, after in pairwise(rows)}
        self.ready: dict[str, Future[tuple[bytes, UID]]] = {}
        self.accepted: dict[str, set[UID]] = {}
        for context in association.accepted_contexts:
            if context.as_scu:
                self.accepted.setdefault(str(context.abstract_syntax), set()).add(context.transfer_syntax[0])
        association.send_c_store = self.send  # type: ignore[method-assign, assignment]

    def send(self, reference: Dataset, **options: Any) -> Dataset:
        """The peer's status. DicompressError if the object cannot be sent."""
        if self.originator is not None:
            options["originator_aet"] = self.originator
        uid = str(reference.SOPInstanceUID)
        ready, after = self.ready.pop(uid, None), self.next.get(uid)
        try:
            data, syntax = ready.result() if ready else self._made(uid, str(reference.SOPClassUID))
            if after and after["arrived_size"] <= AHEAD:
                self.ready[after["SOPInstanceUID"]] = self.door.workers.submit(
                    self._made, after["SOPInstanceUID"], after["SOPClassUID"]
                )
            self.path.write_bytes(_for_wire(data, reference, syntax))
        except (DicompressError, OSError) as error:
            LOG.warning("%s is not sent to %s: %s", uid, self._peer(), error)
            raise
        answer = Association.send_c_store(self.association, self.path, **options)
        if answer.get("Status") != 0:
            LOG.warning("%s: %s answers %s %s", uid, self._peer(), answer.get("Status"), answer.get("ErrorComment", ""))
        return answer

    def _peer(self) -> str:
        user = self.association.requestor if self.association.is_acceptor else self.association.acceptor
        return str(user.ae_title).strip()

    def _made(self, uid: str, sop_class: str) -> tuple[bytes, UID]:
        accepted = self.accepted.get(sop_class, set())
        packed = self.door.store.packed(uid) if accepted & PACKED else None
        if packed is not None and named_syntax(packed)[0] in accepted:
            return outgoing(packed, accepted)
        return outgoing(self.door.store.get(uid), accepted)


def _for_wire(data: bytes, reference: Dataset, syntax: UID) -> bytes:
    """With file meta information that pynetdicom reads: that of some files is missing."""
    meta, buffer = FileMetaDataset(), DicomBytesIO()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = reference.SOPClassUID, reference.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    write_file_meta_info(buffer, meta, enforce_standard=False)
    return b"".join((bytes(PREAMBLE), MAGIC, buffer.getvalue(), memoryview(data)[named_syntax(data)[1] :]))
