"""Storage commitment, push model (PS3.4 J): committed is what is stored and, read now, is what it was.

The report goes out on the association that asked, while that is there, else on a new one to the [[peer]] of its AE title.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import StorageCommitmentPushModel  # type: ignore[attr-defined]  # made by the module

from ...errors import DicompressError, NotStoredError
from .statuses import (
    CLASS_CONFLICT,
    INVALID_ARGUMENT,
    NO_SUCH_ACTION,
    NO_SUCH_INSTANCE,
    NOT_AUTHORIZED,
    PROCESSING_FAILURE,
    SUCCESS,
    status,
)
from .wire import caller

if TYPE_CHECKING:
    from .door import Door

LOG = logging.getLogger(__name__)
INSTANCE = UID("1.2.840.10008.1.20.1.1")  # the only one of its class
REQUEST, ALL, SOME_FAILED = 1, 1, 2  # action type, event types
WAITS = (0.5, 10, 60, 300)  # seconds before each try


def commit(event: evt.Event, door: Door) -> tuple[Dataset, None]:
    """The status; the report comes later."""
    if not door.knows(event.assoc):
        return status(NOT_AUTHORIZED, door.unknown(event.assoc)), None
    if event.action_type != REQUEST:
        return status(NO_SUCH_ACTION), None
    try:
        asked = event.action_information
        transaction = UID(asked.TransactionUID)
        references = [(str(one.ReferencedSOPClassUID), str(one.ReferencedSOPInstanceUID)) for one in asked.ReferencedSOPSequence]
    except Exception:  # pydicom raises several kinds
        return status(INVALID_ARGUMENT, "no Transaction UID, or no references"), None
    door.reports.submit(_report, door, event.assoc, transaction, references)
    return status(SUCCESS), None


def checked(door: Door, transaction: UID, references: list[tuple[str, str]]) -> Dataset:
    """The event information: every object that is asked for, in one of two lists."""
    good, bad = [], []
    for sop_class, uid in references:
        reference, failure = Dataset(), _failure(door, sop_class, uid)
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = sop_class, uid
        if failure is None:
            good.append(reference)
        else:
            reference.FailureReason = failure
            bad.append(reference)
    report = Dataset()
    report.TransactionUID, report.RetrieveAETitle = transaction, door.settings.aet
    if good:
        report.ReferencedSOPSequence = good
    if bad:
        report.FailedSOPSequence = bad
    return report


def _failure(door: Door, sop_class: str, uid: str) -> int | None:
    """None if the object is committed."""
    try:
        rows = door.store.find("INSTANCE", {"SOPInstanceUID": [uid]}) if uid else []
        door.store.get(uid)
    except NotStoredError:
        return NO_SUCH_INSTANCE
    except DicompressError as error:
        LOG.error("%s is not committed: %s", uid, error)
        return PROCESSING_FAILURE
    return None if any(row["SOPClassUID"] == sop_class for row in rows) else CLASS_CONFLICT


def _report(door: Door, association: Association, transaction: UID, references: list[tuple[str, str]]) -> None:
    """In a thread of its own."""
    title = caller(association)
    try:
        report = checked(door, transaction, references)
        failed = len(report.get("FailedSOPSequence", []))
        LOG.info("storage commitment for %s: %d of %d objects", title, len(references) - failed, len(references))
        for wait in WAITS:
            if door.is_closing.wait(wait):
                break
            if _sent_here(association, report) or _sent_there(door, title, report):
                return
        LOG.error("the storage commitment report %s does not reach %s", transaction, title)
    except Exception:
        LOG.exception("the storage commitment report %s for %s", transaction, title)


def _sent_here(association: Association, report: Dataset) -> bool:
    """By the association that asked."""
    return association.is_established and _sent(association, report)


def _sent_there(door: Door, title: str, report: Dataset) -> bool:
    """By a new one, in which we keep the role of the service's provider."""
    peer = door.settings.peers.get(title)
    if peer is None:
        return False
    association = door.ae.associate(
        peer.host, peer.port, [build_context(StorageCommitmentPushModel)], title,
        ext_neg=[build_role(StorageCommitmentPushModel, scp_role=True)], tls_args=door.tls(peer),
    )  # fmt: skip
    if not association.is_established:
        return False
    try:
        return _sent(association, report)
    finally:
        association.release()


def _sent(association: Association, report: Dataset) -> bool:
    kind = SOME_FAILED if "FailedSOPSequence" in report else ALL
    try:
        answer: Any = association.send_n_event_report(report, kind, StorageCommitmentPushModel, INSTANCE)[0]
    except (RuntimeError, ValueError) as error:
        LOG.info("a storage commitment report: %s", error)
        return False
    return bool(answer.get("Status") == SUCCESS)
