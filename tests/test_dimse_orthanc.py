"""Debian's Orthanc as sender, as receiver, and as one that asks and fetches."""

import json

import pytest
from helpers.archive import compress, rows
from helpers.files import pydicom_file, read
from helpers.gateway import HOST, TITLE, announced, associated, made, opened, query
from helpers.orthanc import PROGRAM, Orthanc
from pynetdicom import build_context
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelMove as StudyMove

from dicompress.server.settings import Peer

pytestmark = [pytest.mark.slow, pytest.mark.skipif(PROGRAM is None, reason="Debian's orthanc is not installed")]
FILES = ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_RLE.dcm", "JPEG2000.dcm", "SC_rgb_jpeg_dcmtk.dcm", "reportsi.dcm"]


@pytest.fixture
def both(tmp_path):
    with Orthanc(tmp_path / "orthanc", compress=False) as orthanc:
        peers = {"ORTHANC": Peer(HOST, orthanc.dicom)}
        with opened(tmp_path / "store", peers=peers) as door:
            orthanc.get("/modalities/gateway", "PUT", json.dumps({"AET": TITLE, "Host": HOST, "Port": door.port}).encode())
            yield orthanc, door


def ask(orthanc: Orthanc, path: str, **body):
    return json.loads(orthanc.get(path, "POST", json.dumps(body).encode()))


def test_what_orthanc_sends_is_stored_in_its_syntax(both):
    orthanc, door = both
    files = {str(read(file).SOPInstanceUID): file for file in map(pydicom_file, FILES)}
    names = [orthanc.post(file) for file in files.values()]
    assert ask(orthanc, "/modalities/gateway/store", Resources=names, Synchronous=True)["FailedInstancesCount"] == 0
    assert {row.SOPInstanceUID: row.TransferSyntaxUID for row in rows(door.store)} == {
        uid: read(file).file_meta.TransferSyntaxUID for uid, file in files.items()
    }
    assert all(read(door.store.get(uid)).get("PixelData") == read(file).get("PixelData") for uid, file in files.items())


def test_orthanc_takes_what_it_is_sent_from_a_compressed_store(both):
    orthanc, door = both
    files = [made(n, StudyInstanceUID="1.2.7") for n in range(1, 6)]
    for file in files:
        door.store.put(file)
    assert {outcome.status for outcome in compress(door.store).values()} == {"compressed"}
    with associated(door.port, build_context(StudyMove)) as association:
        last = list(association.send_c_move(query("STUDY", StudyInstanceUID="1.2.7"), "ORTHANC", StudyMove))[-1][0]
    assert last.Status == 0 and last.NumberOfCompletedSuboperations == 5
    found = [read(orthanc.file(name)) for name in orthanc.json("/instances")]
    assert {one.SOPInstanceUID: one.PixelData for one in found} == {read(file).SOPInstanceUID: read(file).PixelData for file in files}


def test_orthanc_finds_and_fetches_a_study(both):
    orthanc, door = both
    for file in (made(1, PatientID="P1", StudyInstanceUID="1.2.7"), announced(pydicom_file("SC_rgb_jpeg_dcmtk.dcm"))):
        door.store.put(file)
    found = ask(orthanc, "/modalities/gateway/query", Level="Study", Query={"PatientID": "P1", "StudyDate": ""})
    assert len(orthanc.json(f"/queries/{found['ID']}/answers")) == 1
    ask(orthanc, f"/queries/{found['ID']}/retrieve", TargetAet="ORTHANC", Synchronous=True)
    (name,) = orthanc.json("/instances")
    assert read(orthanc.file(name)).SOPInstanceUID == "1.2.3.1"
    orthanc.get("/modalities/gateway/echo", "POST", b"{}")
