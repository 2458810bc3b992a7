"""Finding: four levels, with the wildcards, ranges and lists of C-FIND; alike in both indexes."""

import pytest
from helpers.archive import instance

from dicompress.errors import DicompressError
from dicompress.store import Store

PATIENTS = {
    "P1": ("DOE^JOHN", "20240110", "080000", "CT"),
    "P2": ("Doe^Jane", "20240131", "120000.5", "MR"),
    "P3": ("Müller^Jörg", "20240201", "1200", "CT"),
    "P4": ("100%_[x]^A", "", "", "US"),
}


@pytest.fixture
def full(store):
    """A study of each patient, with a series of its modality and, in P1's, one of PT; two instances in each."""
    number = 0
    for patient, (name, date, time, modality) in PATIENTS.items():
        for kind in (modality, *(("PT",) if patient == "P1" else ())):
            for _ in range(2):
                number += 1
                store.put(instance(
                    number, PatientID=patient, PatientName=name, StudyDate=date, StudyTime=time, Modality=kind,
                    AccessionNumber=f"A{patient}", StudyInstanceUID=f"1.1.{patient[1]}", SeriesInstanceUID=f"1.2.{patient[1]}.{ord(kind[0])}",
                    SpecificCharacterSet="ISO_IR 192", SeriesDescription=f"{kind} series", StudyDescription="Head",
                ))  # fmt: skip
    return store


def patients(store: Store, level: str = "STUDY", **filters) -> str:
    return " ".join(dict.fromkeys(found["PatientID"] for found in store.find(level, filters)))


@pytest.mark.parametrize(
    "filters, found",
    {
        "PatientID=": "P1 P2 P3 P4",
        "PatientID=P2": "P2",
        "PatientID=p2": "",
        "PatientID=P?": "P1 P2 P3 P4",
        "PatientID=?": "",
        "PatientName=*": "P1 P2 P3 P4",
        "PatientName=doe*": "P1 P2",
        "PatientName=DOE^J???": "P1 P2",
        "PatientName=MÜLLER^jörg": "P3",
        "PatientName=100%_[x]*": "P4",
        "PatientName=1_0*": "",
        "PatientName=[1]*": "",
        "StudyDate=20240131": "P2",
        "StudyDate=20240110-20240131": "P1 P2",
        "StudyDate=20240131-": "P2 P3",
        "StudyDate=-20240131": "P1 P2",
        "StudyDate=202401": "P1 P2",
        "StudyTime=12:00": "P2 P3",
        "StudyTime=-1100": "P1",
        "StudyTime=1200-1200": "P2 P3",
        "ModalitiesInStudy=CT": "P1 P3",
        "ModalitiesInStudy=PT": "P1",
        "ModalitiesInStudy=?T": "P1 P3",
        r"StudyInstanceUID=1.1.1\1.1.4\9": "P1 P4",
        "StudyInstanceUID=1.1.*": "",
        "AccessionNumber=AP3": "P3",
        "AccessionNumber=ap3": "",
    }.items(),
)
def test_studies(full, filters, found):
    name, _, value = filters.partition("=")
    assert patients(full, **{name: value}) == found


def test_filters_go_together_and_lists_are_any_of_their_values(full):
    assert patients(full, PatientName="doe*", ModalitiesInStudy="CT") == "P1"
    assert patients(full, PatientID=["P1", "P4", "P9"]) == "P1 P4"
    assert patients(full, ModalitiesInStudy=["US", "MR"]) == "P2 P4"
    assert patients(full, PatientID=[]) == patients(full, PatientID=["P1", "*"]) == "P1 P2 P3 P4"


def test_each_level_has_its_attributes_and_those_above_and_counts(full):
    (patient,) = full.find("PATIENT", {"PatientID": "P1"})
    assert (patient["PatientName"], patient["NumberOfPatientRelatedStudies"]) == ("DOE^JOHN", 1)
    (study,) = full.find("STUDY", {"PatientID": "P1"})
    assert study["ModalitiesInStudy"] == ["CT", "PT"]
    assert (study["NumberOfStudyRelatedSeries"], study["NumberOfStudyRelatedInstances"], study["StudyDescription"]) == (2, 4, "Head")
    series = full.find("SERIES", {"PatientID": "P1", "Modality": "PT"})
    assert [(one["PatientID"], one["SeriesDescription"], one["NumberOfSeriesRelatedInstances"]) for one in series] == [
        ("P1", "PT series", 2)
    ]
    (found,) = full.find("INSTANCE", {"SOPInstanceUID": "1.2.3.1"})
    expected = {
        "PatientName": "DOE^JOHN", "StudyTime": "080000", "Modality": "CT", "InstanceNumber": 1, "Rows": 128, "Columns": 128,
        "NumberOfFrames": None, "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "TransferSyntaxUID": "1.2.840.10008.1.2.1", "state": "raw",
    }  # fmt: skip
    assert {name: found[name] for name in expected} == expected


def test_instances_by_what_is_above_them_and_by_number(full):
    def instances(**filters):
        return [found["InstanceNumber"] for found in full.find("INSTANCE", filters)]

    assert instances(StudyInstanceUID="1.1.1") == [1, 2, 3, 4]
    assert instances(StudyInstanceUID="1.1.1", Modality="PT") == [3, 4]
    assert instances(InstanceNumber="7") == instances(InstanceNumber=7) == [7]
    assert instances(SOPInstanceUID=r"1.2.3.1\1.2.3.9", ModalitiesInStudy="PT") == [1]


def test_pages_cover_everything_once(full):
    whole = [found["SOPInstanceUID"] for found in full.find("INSTANCE")]
    pages = [found["SOPInstanceUID"] for start in range(0, 12, 3) for found in full.find("INSTANCE", limit=3, offset=start)]
    assert pages == whole and len(set(whole)) == 10
    assert full.find("INSTANCE", limit=3, offset=10) == []


def test_patients_without_an_id_are_counted_too(full):
    full.put(instance(50, PatientID="", StudyInstanceUID="1.1.50"))
    full.put(instance(51, PatientID="", StudyInstanceUID="1.1.51"))
    assert [found["NumberOfPatientRelatedStudies"] for found in full.find("PATIENT") if not found["PatientID"]] == [2]


def test_the_newest_object_says_what_its_study_is(store):
    store.put(instance(1, StudyDescription="first"))
    store.put(instance(2, StudyDescription="corrected"))
    assert [found["StudyDescription"] for found in store.find()] == ["corrected"]


def test_damaged_elements_are_left_out_and_are_no_reason_to_refuse(store):
    data = instance(StudyDate="2024.01.31").replace(b"IS\x02\x001 ", b"IS\x02\x00?!")
    store.put(data)
    (found,) = store.find("INSTANCE")
    assert (found["InstanceNumber"], found["StudyDate"]) == (None, "20240131")
    assert store.get(found["SOPInstanceUID"]) == data


@pytest.mark.parametrize(
    "level, filters, told",
    [
        ("IMAGE", {}, "there is no level IMAGE; there are PATIENT, STUDY, SERIES, INSTANCE"),
        ("STUDY", {"Modality": "CT"}, "Modality is no key at the level STUDY; keys are PatientID"),
        ("INSTANCE", {"Rows": "many"}, "Rows is a number, not 'many'"),
    ],
)
def test_what_cannot_be_asked_is_an_error(store, level, filters, told):
    with pytest.raises(DicompressError, match=told):
        store.find(level, filters)
