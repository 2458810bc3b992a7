"""C-GET and C-MOVE give what is stored, in a syntax that the peer accepted, and count what went wrong; ours goes to gateways only."""

import shutil
import subprocess
import time

import pytest
from helpers.archive import compress, rows, set_rules
from helpers.files import pydicom_file, read
from helpers.gateway import CALLER, HOST, TITLE, Receiver, announced, associated, body, certificate, made, opened, query, run, send
from helpers.store import _free_port, dcmtk
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    MRImageStorage,
    UltrasoundImageStorage,
)
from pynetdicom import build_context, build_role, evt
from pynetdicom.sop_class import PatientRootQueryRetrieveInformationModelMove as PatientMove
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelGet as StudyGet
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelMove as StudyMove

from dicompress.dicom.syntax import DICOMPRESS
from dicompress.server.dimse.retrieving import proposals
from dicompress.server.serve import tls_context
from dicompress.server.settings import Peer, Settings
from dicompress.store import Store

STUDY = "1.2.7"
IDS = {"StudyInstanceUID": STUDY, "PatientID": "P7"}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "store"
    with Store.create(folder) as store:
        files = [made(n, **IDS, SeriesInstanceUID="1.2.7.1") for n in (1, 2)]
        for file in files:
            store.put(file)
        assert {outcome.status for outcome in compress(store).values()} == {"compressed"}
        files += [announced(made(3, **IDS, SeriesInstanceUID="1.2.7.2")), made(4, StudyInstanceUID="1.2.8", PatientID="P8")]
        for file in files[2:]:
            store.put(file)
    return folder, {str(read(file).SOPInstanceUID): file for file in files}


@pytest.fixture
def filled(model, tmp_path):
    """A store of a study: two compressed objects, a raw one in another series, one of another study; and the files by UID."""
    return shutil.copytree(model[0], tmp_path / "store"), model[1]


def get(port: int, identifier, syntaxes=ExplicitVRLittleEndian, sop_classes=(CTImageStorage,), cancel=False, status=0):
    """Files by UID, and (status, counts, failed) of each answer."""
    found, contexts, roles = {}, [build_context(StudyGet)], []
    for sop_class in sop_classes:
        contexts.append(build_context(sop_class, syntaxes))
        roles.append(build_role(sop_class, scp_role=True))

    def keep(event):
        found[str(event.request.AffectedSOPInstanceUID)] = event.encoded_dataset()
        return status

    answers = []
    with associated(port, *contexts, ext_neg=roles, evt_handlers=[(evt.EVT_C_STORE, keep)]) as association:
        for answer, failed in association.send_c_get(identifier, StudyGet, msg_id=5):
            if cancel and not answers:
                association.send_c_cancel(5, query_model=StudyGet)
            answers.append((answer, failed))
    return found, answers


def move(port: int, identifier, destination="RECEIVER", model=StudyMove, title=CALLER):
    with associated(port, build_context(model), title=title) as association:
        return list(association.send_c_move(identifier, destination, model))


def counts(answer) -> list[int | None]:
    return [answer.get(f"NumberOf{name}Suboperations") for name in ("Completed", "Failed", "Warning")]


@pytest.mark.parametrize("level, keys, expected", [
    ("STUDY", {"StudyInstanceUID": STUDY}, {1, 2, 3}), ("STUDY", {"StudyInstanceUID": [STUDY, "1.2.8"]}, {1, 2, 3, 4}),
    ("SERIES", {"StudyInstanceUID": STUDY, "SeriesInstanceUID": "1.2.7.1"}, {1, 2}), ("SERIES", {"SeriesInstanceUID": "1.2.7.2"}, {3}),
    ("IMAGE", {"StudyInstanceUID": STUDY, "SeriesInstanceUID": "1.2.7.1", "SOPInstanceUID": ["1.2.3.1", "1.2.3.2"]}, {1, 2}),
    ("IMAGE", {"SOPInstanceUID": "1.2.3.99"}, set()),
])  # fmt: skip
def test_get_gives_the_data_sets_that_were_stored_at_each_level(filled, level, keys, expected):
    store, files = filled
    with opened(store) as door:
        found, answers = get(door.port, query(level, **keys))
    assert {int(uid[6:]) for uid in found} == expected
    assert all(body(found[uid]) == body(files[uid]) for uid in found)
    last = answers[-1][0]
    assert last.Status == 0 and counts(last) == [len(expected), 0, 0]
    assert [answer.NumberOfRemainingSuboperations for answer, _ in answers[:-1]] == list(range(len(expected)))[::-1]


@pytest.mark.parametrize(
    "level, keys",
    [("STUDY", {}), ("SERIES", {"StudyInstanceUID": STUDY}), ("PATIENT", {"PatientID": "P7"}), ("IMAGE", {"SOPInstanceUID": ""})],
)
def test_a_retrieval_without_its_unique_key_is_refused_as_it_would_mean_everything(filled, level, keys):
    with opened(filled[0]) as door:
        found, answers = get(door.port, query(level, **keys))
    assert not found and answers[-1][0].Status == 0xA900


def test_what_is_damaged_is_counted_and_listed_and_the_rest_is_sent(filled):
    store, _ = filled
    with opened(store) as door:
        (row,) = [row for row in rows(door.store) if row.SOPInstanceUID == "1.2.3.2"]
        (store / "objects" / row.packed_key).write_bytes(b"damaged")
        found, answers = get(door.port, query("STUDY", StudyInstanceUID=STUDY))
    last, failed = answers[-1]
    assert set(found) == {"1.2.3.1", "1.2.3.3"} and last.Status == 0xB000 and counts(last) == [2, 1, 0]
    assert failed.FailedSOPInstanceUIDList == "1.2.3.2"


def test_what_the_peer_refuses_is_counted_too(filled):
    with opened(filled[0]) as door:
        _, answers = get(door.port, query("STUDY", StudyInstanceUID=STUDY), status=0xA700)
    assert answers[-1][0].Status == 0xA702 and len(answers[-1][1].FailedSOPInstanceUIDList) == 3


def test_a_retrieval_can_be_cancelled(filled):
    store, _ = filled
    with opened(store) as door:
        for number in range(10, 40):
            door.store.put(made(number, **IDS))
        found, answers = get(door.port, query("STUDY", StudyInstanceUID=STUDY), cancel=True)
    last = answers[-1][0]
    assert last.Status == 0xFE00 and len(found) < 33
    assert last.NumberOfRemainingSuboperations == 33 - sum(counts(last)) > 0


@pytest.mark.parametrize("syntaxes, told", [
    ([ImplicitVRLittleEndian], ImplicitVRLittleEndian), ([JPEG2000Lossless, ExplicitVRLittleEndian], JPEG2000Lossless), ([DICOMPRESS], DICOMPRESS),
])  # fmt: skip
def test_objects_are_sent_in_what_the_peer_accepted_and_hold_the_same_pixels(filled, syntaxes, told):
    store, files = filled
    with opened(store) as door:
        found, _ = get(door.port, query("SERIES", SeriesInstanceUID="1.2.7.1"), syntaxes)
        assert len(found) == 2
        for uid, file in found.items():
            assert read(file).file_meta.TransferSyntaxUID == told
            if told == DICOMPRESS:
                assert body(file) == body(door.store.packed(uid))
            else:
                assert (read(file).pixel_array == read(files[uid]).pixel_array).all()


def test_lossy_objects_go_as_they_are_or_decoded(tmp_path):
    file = announced(pydicom_file("SC_rgb_jpeg_dcmtk.dcm"))
    sop_class = read(file).SOPClassUID
    with opened(tmp_path / "store") as door:
        door.store.put(file)
        asked = query("IMAGE", SOPInstanceUID=read(file).SOPInstanceUID)
        (kept,) = get(door.port, asked, JPEGBaseline8Bit, [sop_class])[0].values()
        (decoded,) = get(door.port, asked, ExplicitVRLittleEndian, [sop_class])[0].values()
        assert get(door.port, asked, JPEG2000Lossless, [sop_class])[1][-1][0].Status == 0xA702
    assert body(kept) == body(file)
    assert (read(decoded).pixel_array == read(file).pixel_array).all()


def test_dcmtk_gets_a_study(filled, tmp_path):
    store, files = filled
    (tmp_path / "out").mkdir()
    with opened(store) as door:
        run(
            dcmtk("getscu"),
            "-S",
            "-aec",
            TITLE,
            "-od",
            tmp_path / "out",
            "-k",
            "0008,0052=STUDY",
            "-k",
            f"StudyInstanceUID={STUDY}",
            HOST,
            door.port,
        )
    found = [read(path.read_bytes()) for path in (tmp_path / "out").iterdir()]
    assert {one.SOPInstanceUID: one.PixelData for one in found} == {
        uid: read(files[uid]).PixelData for uid in files if uid != "1.2.3.4"
    }


def test_dcmtk_moves_a_patient_to_a_storescp(filled, tmp_path):
    store, files = filled
    (tmp_path / "out").mkdir()
    port = _free_port()
    with subprocess.Popen([dcmtk("storescp"), "-aet", "RECEIVER", "-od", tmp_path / "out", str(port)]) as receiver:
        time.sleep(0.5)
        try:
            with opened(store, peers={"RECEIVER": Peer(HOST, port)}) as door:
                run(
                    dcmtk("movescu"), "-P", "-aec", TITLE, "-aem", "RECEIVER", "-k", "0008,0052=PATIENT", "-k", "PatientID=P7", HOST, door.port
                )  # fmt: skip
        finally:
            receiver.terminate()
    found = [read(path.read_bytes()) for path in (tmp_path / "out").iterdir()]
    assert {one.SOPInstanceUID: one.PixelData for one in found} == {
        uid: read(files[uid]).PixelData for uid in files if uid != "1.2.3.4"
    }


def test_move_goes_to_peers_only_and_says_who_asked(filled):
    store, _ = filled
    with (
        Receiver([ImplicitVRLittleEndian], [CTImageStorage]) as receiver,
        opened(store, peers={"RECEIVER": Peer(HOST, receiver.port)}) as door,
    ):
        answers = move(door.port, query("STUDY", StudyInstanceUID=STUDY), title="WARD7")
        assert answers[-1][0].Status == 0 and counts(answers[-1][0]) == [3, 0, 0]
        assert receiver.originators == ["WARD7"] * 3
        assert {read(file).SOPInstanceUID for file in receiver.found} == {"1.2.3.1", "1.2.3.2", "1.2.3.3"}
        assert move(door.port, query("STUDY", StudyInstanceUID=STUDY), "NOBODY")[-1][0].Status == 0xA801
        assert move(door.port, query("STUDY", StudyInstanceUID="1.2.99"))[-1][0].Status == 0
        assert move(door.port, query("STUDY"))[-1][0].Status == 0xA900
        assert move(door.port, query("PATIENT", PatientID="P*"), model=PatientMove)[-1][0].Status == 0
        assert len(receiver.found) == 3


def test_a_peer_that_is_not_there_is_told(filled):
    with opened(filled[0], peers={"RECEIVER": Peer(HOST, _free_port())}) as door:
        assert move(door.port, query("STUDY", StudyInstanceUID=STUDY))[-1][0].Status == 0xA801


def test_two_gateways_exchange_ours_and_both_restore_it(filled, tmp_path):
    store, files = filled
    with (
        opened(tmp_path / "other", aet="OTHER") as other,
        opened(store, peers={"OTHER": Peer(HOST, other.port, private=True)}) as door,
    ):
        assert move(door.port, query("STUDY", StudyInstanceUID=STUDY), "OTHER")[-1][0].Status == 0
        found = {row.SOPInstanceUID: row for row in rows(other.store)}
        assert {uid[6:]: row.TransferSyntaxUID for uid, row in found.items()} == {
            "1": DICOMPRESS,
            "2": DICOMPRESS,
            "3": ExplicitVRLittleEndian,
        }
        assert sum(row.raw_size for row in found.values()) < sum(len(files[uid]) for uid in found)
        assert {row.sender for row in found.values()} == {TITLE}
        with Receiver([ExplicitVRLittleEndian], [CTImageStorage]) as receiver:
            other.settings.peers["RECEIVER"] = Peer(HOST, receiver.port)
            with associated(other.port, build_context(StudyMove), called="OTHER") as association:
                assert [a.Status for a, _ in association.send_c_move(query("STUDY", StudyInstanceUID=STUDY), "RECEIVER", StudyMove)][
                    -1
                ] == 0
            assert {body(file) for file in receiver.found} == {body(files[uid]) for uid in found}


def test_gateways_speak_tls_to_each_other_and_check_whom_they_speak_to(filled, tmp_path):
    pem, key = certificate(tmp_path)
    tls = {"certificate": pem, "key": key, "authorities": pem}
    with opened(tmp_path / "other", context=tls_context(Settings(**tls)), aet="OTHER", **tls) as other:
        peers = {"OTHER": Peer("localhost", other.port, tls=True), "PLAIN": Peer(HOST, other.port)}
        with opened(filled[0], peers=peers, **tls) as door:
            asked = query("STUDY", StudyInstanceUID=STUDY)
            assert move(door.port, asked, "OTHER")[-1][0].Status == 0
            assert move(door.port, asked, "PLAIN")[-1][0].Status == 0xA801
        assert len(rows(other.store)) == 3


def test_what_is_proposed_is_native_and_what_is_stored_and_ours_only_to_gateways(filled):
    stored = [(CTImageStorage, ExplicitVRLittleEndian), (UltrasoundImageStorage, JPEGBaseline8Bit), (MRImageStorage, DICOMPRESS)]
    found = [{"SOPClassUID": sop_class, "TransferSyntaxUID": syntax} for sop_class, syntax in stored]

    def proposed(peer):
        return {(context.abstract_syntax, *context.transfer_syntax) for context in proposals(found, peer)}

    native = {(sop_class, ExplicitVRLittleEndian, ImplicitVRLittleEndian) for sop_class, _ in stored}
    assert proposed(Peer(HOST, 1)) == native | {stored[1]}
    assert proposed(Peer(HOST, 1, private=True)) >= native | {(sop_class, DICOMPRESS) for sop_class, _ in stored}
    many = [{"SOPClassUID": f"1.2.{n}", "TransferSyntaxUID": JPEGBaseline8Bit} for n in range(100)]
    assert len(proposals(many, Peer(HOST, 1))) == 128


def test_what_is_replaced_by_a_rule_is_found_and_sent_as_it_is_now(tmp_path):
    with opened(tmp_path / "store") as door:
        send(door.port, tmp_path, made(1, StudyInstanceUID=STUDY))
        with set_rules(door.store, '[[rule]]\ndo = "near"\nnear = 2\n') as store:
            compress(store)
        found, _ = get(door.port, query("STUDY", StudyInstanceUID=STUDY))
    (uid,) = found
    assert uid != "1.2.3.1" and abs(read(found[uid]).pixel_array.astype(int) - read(made(1)).pixel_array).max() <= 2
