"""C-FIND at the four levels of both models: matched as PS3.4 says, answered in the character set it was asked in."""

import pytest
from helpers.gateway import CALLER, HOST, TITLE, find, made, opened, query, run
from helpers.store import dcmtk
from pynetdicom import AE
from pynetdicom.sop_class import PatientRootQueryRetrieveInformationModelFind as PatientRoot
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as StudyRoot

from dicompress.server.dimse import finding

NAMES = ("Müller^Jürgen", "Yamada^Tarou=山田^太郎", "Jones^Ann")


def study(number: int, **attributes) -> dict:
    names = {
        "StudyInstanceUID": f"1.2.{number}", "PatientID": f"P{number}", "PatientName": NAMES[number], "SpecificCharacterSet": "ISO_IR 192",
        "StudyDate": f"2024010{number + 1}", "AccessionNumber": f"A{number}",
    }  # fmt: skip
    return names | attributes


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    with opened(tmp_path_factory.mktemp("find") / "store") as door:
        number = 0
        for place in range(3):
            for series, modality in [(1, "CT"), (2, "SR")][: 1 + (place > 0)]:
                for _ in range(2 + 2 * (place == 0)):
                    number += 1
                    door.store.put(made(number, **study(place, SeriesInstanceUID=f"1.2.{place}.{series}", Modality=modality)))
        yield door


def names(found) -> list[str]:
    return [str(one.PatientName) for one in found]


@pytest.mark.parametrize("model, level, count", [
    (PatientRoot, "PATIENT", 3), (PatientRoot, "STUDY", 3), (PatientRoot, "SERIES", 5), (PatientRoot, "IMAGE", 12),
    (StudyRoot, "STUDY", 3), (StudyRoot, "SERIES", 5), (StudyRoot, "IMAGE", 12),
])  # fmt: skip
def test_universal_matching_gives_everything_at_each_level_with_its_unique_key(door, model, level, count):
    found, statuses = find(door.port, model, query(level, PatientID="", StudyDate=""))
    pending = 0xFF01 if level == "PATIENT" else 0xFF00  # it has no dates of studies
    assert len(found) == count and statuses == [pending] * count + [0]
    for one in found:
        assert one.QueryRetrieveLevel == level and one.RetrieveAETitle == TITLE and finding.UNIQUE[level] in one
        assert level == "PATIENT" or one.StudyDate.startswith("202401")


@pytest.mark.parametrize("keys, expected", [
    ({"PatientName": "JONES*"}, {2}), ({"PatientName": "m?ller*"}, {0}), ({"PatientName": "*太郎"}, {1}), ({"PatientName": "Nobody"}, set()),
    ({"StudyDate": "20240102-"}, {1, 2}), ({"StudyDate": "-20240102"}, {0, 1}), ({"StudyDate": "20240102"}, {1}),
    ({"StudyInstanceUID": ["1.2.0", "1.2.2", "1.2.9"]}, {0, 2}), ({"ModalitiesInStudy": "SR"}, {1, 2}), ({"ModalitiesInStudy": ["SR", "MR"]}, {1, 2}),
    ({"AccessionNumber": "A1", "PatientID": "P1"}, {1}), ({"AccessionNumber": "A1", "PatientID": "P2"}, set()),
])  # fmt: skip
def test_keys_are_matched_by_lists_ranges_and_wildcards(door, keys, expected):
    identifier = query("STUDY", **{"StudyInstanceUID": "", "SpecificCharacterSet": "ISO_IR 192"} | keys)
    found, _ = find(door.port, StudyRoot, identifier)
    assert {int(one.StudyInstanceUID[4:]) for one in found} == expected


def test_counts_and_modalities_come_with_a_study(door):
    identifier = query(
        "STUDY", StudyInstanceUID="1.2.1", ModalitiesInStudy="", NumberOfStudyRelatedInstances=None, NumberOfStudyRelatedSeries=None
    )
    ((found,), _) = find(door.port, StudyRoot, identifier)
    assert found.ModalitiesInStudy == ["CT", "SR"]
    assert (found.NumberOfStudyRelatedSeries, found.NumberOfStudyRelatedInstances) == (2, 4)


def test_unsupported_keys_are_neither_matched_nor_answered_and_the_status_tells(door):
    identifier = query("STUDY", StudyInstanceUID="1.2.0", PatientWeight="99", Modality="US")
    ((found,), statuses) = find(door.port, StudyRoot, identifier)
    assert "PatientWeight" not in found and statuses == [0xFF01, 0]


@pytest.mark.parametrize("asked, number, told", [
    ("ISO_IR 100", 0, "ISO_IR 100"), ("ISO_IR 100", 1, "ISO_IR 192"), (None, 2, None), (None, 0, "ISO_IR 192"), ("ISO_IR 192", 1, "ISO_IR 192"),
])  # fmt: skip
def test_answers_are_in_the_character_set_of_the_question_if_that_holds_them(door, asked, number, told):
    identifier = query(
        "STUDY", StudyInstanceUID=f"1.2.{number}", PatientName="", **({"SpecificCharacterSet": asked} if asked else {})
    )
    ((found,), _) = find(door.port, StudyRoot, identifier)
    assert found.get("SpecificCharacterSet") == told and names([found]) == [NAMES[number]]


@pytest.mark.parametrize("model, identifier", [
    (StudyRoot, query("PATIENT", PatientID="P1")), (StudyRoot, query("FRAME")), (PatientRoot, query("")),
    (StudyRoot, query("IMAGE", InstanceNumber=None, Rows=None, StudyInstanceUID="1.2.1", SeriesNumber=None)),
])  # fmt: skip
def test_what_is_no_query_of_the_model_is_refused(door, model, identifier):
    _, statuses = find(door.port, model, identifier)
    assert statuses[-1] == (0 if identifier.QueryRetrieveLevel == "IMAGE" else 0xA900)


def test_a_query_can_be_cancelled(door, monkeypatch):
    monkeypatch.setattr(finding, "PAGE", 1)
    ae = AE(CALLER)
    ae.add_requested_context(StudyRoot)
    association = ae.associate(HOST, door.port, ae_title=TITLE)
    statuses = []
    for status, _ in association.send_c_find(query("IMAGE", SOPInstanceUID=""), StudyRoot, msg_id=7):
        if not statuses:
            association.send_c_cancel(7, query_model=StudyRoot)
        statuses.append(status.Status)
    association.release()
    assert statuses[-1] in (0xFE00, 0) and statuses.count(0xFF00) <= 12


def test_more_matches_than_are_told_end_with_a_failure(door, monkeypatch):
    monkeypatch.setattr(finding, "PAGE", 4)
    monkeypatch.setattr(finding, "MOST", 8)
    found, statuses = find(door.port, StudyRoot, query("IMAGE", SOPInstanceUID=""))
    assert len(found) == 12 and statuses[-1] == 0xA700


def test_dcmtk_finds_names_in_japanese(door):
    text = run(
        dcmtk("findscu"),
        "-v",
        "-S",
        "-aec",
        TITLE,
        HOST,
        door.port,
        "-k",
        "0008,0052=STUDY",
        "-k",
        "PatientName=YAMADA*",
        "-k",
        "StudyInstanceUID",
    )
    assert "[1.2.1" in text and "Yamada^Tarou=山田^太郎".encode().decode("latin-1") in text


def test_others_than_this_machine_must_be_peers_to_ask(tmp_path):
    with opened(tmp_path / "store", host="0.0.0.0", token="secret", peers={"VIEWER": ("localhost", 104)}) as door:
        assert find(door.port, StudyRoot, query("STUDY", StudyInstanceUID=""))[1] == [0x0124]
        assert find(door.port, StudyRoot, query("STUDY", StudyInstanceUID=""), title="VIEWER")[1] == [0]
