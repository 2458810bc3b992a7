"""C-GET and C-MOVE at the four levels of both models (PS3.4 C.4.2, C.4.3)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import StoragePresentationContexts, build_context, evt
from pynetdicom.presentation import PresentationContext

from ...dicom.syntax import DICOMPRESS, JPEG_XL_JPEG
from ...errors import DicompressError
from .finding import UNIQUE, QueryError, level_of
from .sending import Sender
from .statuses import CANCEL, MISMATCH, NOT_AUTHORIZED, OUT_OF_RESOURCES, PENDING, status
from .wire import caller

if TYPE_CHECKING:
    from ..settings import Peer
    from .door import Door

LOG = logging.getLogger(__name__)
MOST_CONTEXTS = 128  # of an association
MOST = 65535  # sub-operations that can be counted
NATIVE: list[str | UID] = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
Row = dict[str, Any]


def get(event: evt.Event, door: Door) -> Iterator[Any]:
    """How many there are, then (status, reference) of each, as pynetdicom has it."""
    with door.running():
        try:
            rows = _wanted(event, door)
        except _Refused as refused:
            yield 1
            yield refused.answer, None
            return
        yield len(rows)
        with TemporaryDirectory(prefix="dicompress-") as folder:
            Sender(door, event.assoc, folder, rows)
            yield from _each(event, rows)


def move(event: evt.Event, door: Door) -> Iterator[Any]:
    """Where to, how many there are, then (status, reference) of each."""
    title = str(event.move_destination or "").strip()
    peer = door.settings.peers.get(title)
    if peer is None:
        LOG.warning("C-MOVE of %s to %s, which is no [[peer]] of serve.toml", caller(event.assoc), title)
        yield None, None
        return
    with door.running(), TemporaryDirectory(prefix="dicompress-") as folder:
        try:
            rows = _wanted(event, door)
        except _Refused as refused:
            yield peer.host, peer.port, {"contexts": StoragePresentationContexts, "ae_title": title, "tls_args": door.tls(peer)}
            yield 1
            yield refused.answer, None
            return

        def accepted(inner: evt.Event) -> None:
            Sender(door, inner.assoc, folder, rows, originator=caller(event.assoc))

        LOG.info("C-MOVE of %s: %d objects to %s", caller(event.assoc), len(rows), title)
        yield peer.host, peer.port, {
            "contexts": proposals(rows, peer), "evt_handlers": [(evt.EVT_ACCEPTED, accepted)], "tls_args": door.tls(peer),
            "ae_title": title,
        }  # fmt: skip
        yield len(rows)
        yield from _each(event, rows)


def proposals(rows: list[Row], peer: Peer) -> list[PresentationContext]:
    """For each SOP class native, and by itself each syntax in which there are objects; ours if the peer is said to know it."""
    found = Counter((row["SOPClassUID"], row["TransferSyntaxUID"]) for row in rows if row["SOPClassUID"])
    classes = Counter(row["SOPClassUID"] for row in rows if row["SOPClassUID"])  # what has none fails by itself
    contexts = [build_context(sop_class, NATIVE) for sop_class, _ in classes.most_common(MOST_CONTEXTS)]
    own = [(sop_class, syntax) for sop_class, _ in classes.most_common() for syntax in (DICOMPRESS, JPEG_XL_JPEG)]
    stored = [one for one, _ in found.most_common() if one[1] != DICOMPRESS]
    more = [*(own if peer.private else []), *stored]
    contexts += [build_context(sop_class, UID(syntax)) for sop_class, syntax in dict.fromkeys(more) if syntax not in NATIVE[:1]]
    return contexts[:MOST_CONTEXTS]


class _Refused(Exception):
    def __init__(self, answer: Dataset):
        self.answer = answer


def _wanted(event: evt.Event, door: Door) -> list[Row]:
    """Of the store, in the order of series and images. _Refused."""
    if not door.knows(event.assoc):
        raise _Refused(status(NOT_AUTHORIZED, door.unknown(event.assoc)))
    try:
        identifier = event.identifier
        level = level_of(identifier, event.request.AffectedSOPClassUID)
        unique = _unique(identifier, level)
        rows = door.store.find("INSTANCE", unique)
    except QueryError as error:
        raise _Refused(status(MISMATCH, error)) from None
    except DicompressError as error:
        LOG.error("a retrieval of %s failed: %s", caller(event.assoc), error)
        raise _Refused(status(OUT_OF_RESOURCES, error)) from None
    if level == "PATIENT":  # the store knows wildcards there
        rows = [row for row in rows if row["PatientID"] in unique["PatientID"]]
    if len(rows) > MOST:
        raise _Refused(status(OUT_OF_RESOURCES, f"{len(rows)} objects; at most {MOST} at a time"))
    return sorted(rows, key=lambda row: (row["SeriesInstanceUID"], row["InstanceNumber"] or 0))


def _unique(identifier: Dataset, level: str) -> dict[str, Any]:
    """The unique keys down to a level. QueryError without that of the level: it would mean everything."""
    levels = list(UNIQUE)
    filters: dict[str, Any] = {}
    for one in levels[: levels.index(level) + 1]:
        value = identifier.get(UNIQUE[one])
        texts = [str(text).strip() for text in ([value] if isinstance(value, str) or value is None else value) if text]
        if texts and all(texts) and (one != "PATIENT" or level == "PATIENT"):
            filters[UNIQUE[one]] = texts
        elif one == level:
            raise QueryError(f"a retrieval at level {level} takes its {UNIQUE[one]}")
    return filters


def _each(event: evt.Event, rows: list[Row]) -> Iterator[Any]:
    for row in rows:
        if event.is_cancelled:
            yield CANCEL, None
            return
        reference = Dataset()
        reference.SOPClassUID, reference.SOPInstanceUID = row["SOPClassUID"], row["SOPInstanceUID"]
        yield PENDING, reference
