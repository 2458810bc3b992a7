"""QIDO-RS: levels, keys, what comes back, and what is told where something is not done."""

import pytest

pytest.importorskip("fastapi")

from helpers.archive import instance
from helpers.web import serving

from dicompress.server.web import qido
from dicompress.store import Store

PATIENTS = {"P1": ("Doe^John", "CT"), "P2": ("Müller^Jörg=繆勒=", "MR"), "P3": ("Doe^Jane", "CT")}


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    """Three studies of two series of two instances each."""
    with Store.create(tmp_path_factory.mktemp("search") / "store") as store:
        for patient, (name, modality) in PATIENTS.items():
            for number in range(4):
                store.put(instance(
                    number, PatientID=patient, PatientName=name, Modality=modality, SpecificCharacterSet="ISO_IR 192",
                    SOPInstanceUID=f"1.3.{patient[1]}.{number}", StudyInstanceUID=f"1.1.{patient[1]}", StudyDate=f"2024010{patient[1]}",
                    SeriesInstanceUID=f"1.2.{patient[1]}.{number // 2}", SeriesNumber=number // 2, AccessionNumber="", StudyDescription="Head",
                ))  # fmt: skip
        with serving(store) as client:
            yield client


def values(answer, tag: str) -> list:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/dicom+json"
    return [(one.get(tag, {}).get("Value") or [None])[0] for one in answer.json()]


@pytest.mark.parametrize(
    "place, count",
    {
        "/studies": 3, "/series": 6, "/instances": 12, "/studies/1.1.1/series": 2, "/studies/1.1.1/instances": 4,
        "/studies/1.1.1/series/1.2.1.1/instances": 2, "/studies/1.1.1/series/1.2.2.1/instances": 0, "/studies/9.9/series": 0,
    }.items(),
)  # fmt: skip
def test_there_are_three_levels_in_all_nestings(door, place, count):
    answer = door.get(place)
    assert (answer.status_code, len(answer.json())) == (200, count)  # an empty list if there is nothing (PS3.18 10.6.3)


@pytest.mark.parametrize(
    "query, patients",
    {
        "PatientName=doe*": ["P1", "P3"], "00100010=doe^jane": ["P3"], "PatientID=P2": ["P2"], "StudyDate=20240102-": ["P2", "P3"],
        "00080061=MR": ["P2"], "ModalitiesInStudy=MR,PT": ["P2"], "StudyInstanceUID=1.1.1,1.1.3": ["P1", "P3"],
        "StudyInstanceUID=1.1.1%5C1.1.3": ["P1", "P3"], "PatientName=Müller*": ["P2"], "StudyDate=": ["P1", "P2", "P3"],
        "limit=1": ["P1"], "limit=1&offset=1": ["P2"], "offset=9": [], "limit=0": [], "PatientName=doe*&StudyDate=20240103": ["P3"],
    }.items(),
)  # fmt: skip
def test_keys_are_keywords_or_tags(door, query, patients):
    assert values(door.get(f"/studies?{query}"), "00100020") == patients


def test_values_have_their_representation(door):
    (study,) = door.get("/studies?PatientID=P2").json()
    assert study["00100010"] == {"vr": "PN", "Value": [{"Alphabetic": "Müller^Jörg", "Ideographic": "繆勒"}]}
    assert study["00080061"] == {"vr": "CS", "Value": ["MR"]}
    assert study["00201206"] == {"vr": "IS", "Value": [2]}
    assert study["00201208"] == {"vr": "IS", "Value": [4]}
    assert study["00080050"] == {"vr": "SH"}
    assert study["00081190"]["Value"] == [f"{str(door.base_url).rstrip('/')}/studies/1.1.2"]
    assert list(study) == sorted(study)


def test_where_it_is_retrieved_from(door):
    for one in door.get("/instances").json():
        assert door.get(one["00081190"]["Value"][0], headers={"Accept": "application/dicom"}).status_code == 200


def test_what_the_path_says_is_left_out_and_fields_bring_it_back(door):
    assert "00100020" in door.get("/series").json()[0]
    assert "00100020" not in door.get("/studies/1.1.1/series").json()[0]
    for fields in (
        "includefield=PatientID",
        "includefield=00080020,00100020",
        "includefield=all",
        "includefield=PatientID&includefield=Rows",
    ):
        assert door.get(f"/studies/1.1.1/series?{fields}").json()[0]["00100020"]["Value"] == ["P1"]


@pytest.mark.parametrize(
    "query, told",
    {
        "fuzzymatching=true": "Only literal matching has been performed",
        "SeriesDescription=x": "SeriesDescription",
        "00400275.00400009=x": "00400275",
        "00091001=x": "00091001",
        "includefield=PixelSpacing": "PixelSpacing",
        "emptyvaluematching=true": "emptyvaluematching",
    }.items(),
)
def test_what_is_not_done_is_told_in_a_warning_and_ignored(door, query, told):
    answer = door.get(f"/studies?{query}")
    assert len(answer.json()) == 3
    assert answer.headers["warning"].startswith('299 dicompress "')
    assert told in answer.headers["warning"]


@pytest.mark.parametrize(
    "query", ["nonsense=1", "limit=x", "limit=-1", "offset=1.5", "PatientID=1&00100020=2", "includefield=nonsense", "0010=1"]
)
def test_nonsense_is_a_bad_request(door, query):
    assert door.get(f"/studies?{query}").status_code == 400
    assert door.get("/instances?Rows=many").status_code == 400


def test_more_results_than_the_server_gives_are_told_of(door, monkeypatch):
    monkeypatch.setattr(qido, "MOST", 2)
    monkeypatch.setattr(
        qido.Query.__init__, "__defaults__", (*qido.Query.__init__.__defaults__[:2], 2, *qido.Query.__init__.__defaults__[3:])
    )
    answer = door.get("/studies")
    assert len(answer.json()) == 2
    assert "Additional results can be requested" in answer.headers["warning"]
    assert "warning" not in door.get("/studies?offset=1").headers
