"""Storage commitment promises what is stored and reads back right, nothing else, and says so where it is heard."""

import pytest
from helpers.archive import compress, rows
from helpers.gateway import CALLER, HOST, TITLE, associated, made, opened, until
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage
from pynetdicom import AE, build_context, evt
from pynetdicom.sop_class import StorageCommitmentPushModel

from dicompress.server.dimse import commitment
from dicompress.server.settings import Peer


def request(*references) -> Dataset:
    asked = Dataset()
    asked.TransactionUID, asked.ReferencedSOPSequence = "1.2.99", []
    for sop_class, uid in references:
        one = Dataset()
        one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = sop_class, uid
        asked.ReferencedSOPSequence.append(one)
    return asked


class Reports:
    """Of N-EVENT-REPORT. event: what is bound."""

    def __init__(self) -> None:
        self.found, self.event = [], (evt.EVT_N_EVENT_REPORT, self._keep)

    def _keep(self, event) -> tuple[int, None]:
        information = event.event_information
        self.found.append((event.event_type, information))
        return 0, None


def ask(association, asked: Dataset, action: int = 1) -> int:
    return association.send_n_action(asked, action, StorageCommitmentPushModel, commitment.INSTANCE)[0].Status


def uids(sequence) -> dict[str, int | None]:
    return {one.ReferencedSOPInstanceUID: one.get("FailureReason") for one in sequence}


@pytest.fixture
def door(tmp_path):
    with opened(tmp_path / "store") as door:
        for number in (1, 2, 3):
            door.store.put(made(number))
        compress(door.store)
        door.store.put(made(4))
        yield door


def test_what_reads_back_right_is_committed_and_what_does_not_is_listed(door):
    (bad,) = [row for row in rows(door.store) if row.SOPInstanceUID == "1.2.3.2"]
    (door.store.config.folder / "objects" / bad.packed_key).write_bytes(b"damaged")
    reports, context = Reports(), build_context(StorageCommitmentPushModel)
    with associated(door.port, context, evt_handlers=[reports.event]) as association:
        wanted = [(CTImageStorage, f"1.2.3.{n}") for n in (1, 2, 4, 9)] + [(MRImageStorage, "1.2.3.3")]
        assert ask(association, request(*wanted)) == 0
        until(lambda: reports.found)
    ((kind, report),) = reports.found
    assert kind == 2 and report.TransactionUID == "1.2.99" and report.RetrieveAETitle == TITLE
    assert uids(report.ReferencedSOPSequence) == {"1.2.3.1": None, "1.2.3.4": None}
    assert uids(report.FailedSOPSequence) == {"1.2.3.2": 0x0110, "1.2.3.9": 0x0112, "1.2.3.3": 0x0119}


def test_a_sender_that_has_left_gets_the_report_on_an_association_of_its_own(door):
    reports, ae = Reports(), AE(CALLER)
    ae.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
    server = ae.start_server((HOST, 0), block=False, evt_handlers=[reports.event])
    door.settings.peers[CALLER] = Peer(HOST, server.server_address[1])
    with associated(door.port, build_context(StorageCommitmentPushModel)) as association:
        assert ask(association, request((CTImageStorage, "1.2.3.1"))) == 0
    until(lambda: reports.found)
    server.shutdown()
    ((kind, report),) = reports.found
    assert kind == 1 and uids(report.ReferencedSOPSequence) == {"1.2.3.1": None} and "FailedSOPSequence" not in report


def test_what_is_no_request_is_refused(door):
    with associated(door.port, build_context(StorageCommitmentPushModel)) as association:
        assert ask(association, request((CTImageStorage, "1.2.3.1")), action=7) == 0x0123
        empty = request()
        del empty.ReferencedSOPSequence
        assert ask(association, empty) == 0x0115
