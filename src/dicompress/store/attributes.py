"""What the index knows of an object: the elements that C-FIND and QIDO-RS ask for, by level (PS3.4 C.6, PS3.18 10.6)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from ..dicom.part10 import Part10
from ..errors import FileError

PATIENT = ("PatientID", "PatientName", "IssuerOfPatientID", "PatientBirthDate", "PatientSex")
STUDY = (
    "StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "StudyID", "StudyDescription", "ReferringPhysicianName",
)  # fmt: skip
SERIES = (
    "SeriesInstanceUID", "Modality", "SeriesNumber", "SeriesDescription", "SeriesDate", "SeriesTime", "BodyPartExamined",
    "PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime",
)  # fmt: skip
INSTANCE = (
    "SOPInstanceUID", "SOPClassUID", "InstanceNumber", "ContentDate", "ContentTime", "Rows", "Columns", "BitsAllocated",
    "NumberOfFrames",
)  # fmt: skip
LEVELS = {"PATIENT": PATIENT, "STUDY": STUDY, "SERIES": SERIES, "INSTANCE": INSTANCE}
NUMBERS = {"SeriesNumber", "InstanceNumber", "Rows", "Columns", "BitsAllocated", "NumberOfFrames"}
NAMES = ("PatientName", "ReferringPhysicianName")  # of persons: matched whatever their case
TIMES = {name for names in LEVELS.values() for name in names if name.endswith(("Date", "Time"))}
OLD = {"Date": {ord("."): None}, "Time": {ord(":"): None}}  # of dates and times as ACR-NEMA wrote them
FOLDED = "Folded"  # ends the name of a column that has a name of NAMES in lower case

Values = dict[str, str | int | None]


@dataclass(frozen=True)
class Attributes:
    """By keyword. study: with those of the patient. instance: with the transfer syntax."""

    study: Values
    series: Values
    instance: Values

    @property
    def uid(self) -> str:
        return str(self.instance["SOPInstanceUID"])


def attributes(part10: Part10) -> Attributes:
    """FileError without a SOP Instance UID. What an element has that is no value of its kind is left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, of values that are none: those are kept or left out
        return _attributes(part10)


def _attributes(part10: Part10) -> Attributes:
    dataset = part10.raw
    study = _values(dataset, PATIENT + STUDY)
    study |= {name + FOLDED: fold(study[name]) for name in NAMES}
    instance = _values(dataset, INSTANCE) | {"TransferSyntaxUID": str(part10.syntax)}
    if not instance["SOPInstanceUID"]:
        raise FileError("no SOP Instance UID (0008,0018), by which it would be found")
    series = _values(dataset, SERIES) | {"StudyInstanceUID": study["StudyInstanceUID"]}
    uids = {"StudyInstanceUID": study["StudyInstanceUID"], "SeriesInstanceUID": series["SeriesInstanceUID"]}
    return Attributes(study, series, instance | uids)


def fold(name: object) -> str | None:
    return None if name is None else str(name).casefold()


def _values(dataset: Dataset, names: tuple[str, ...]) -> Values:
    return {name: _value(dataset, name) for name in names}


def _value(dataset: Dataset, name: str) -> str | int | None:
    empty = "" if name.endswith("UID") else None
    try:
        value = dataset.get(name)
        if value is None or value == "":
            return empty
        if name in NUMBERS:
            number = int(value)
            return number if -(2**31) <= number < 2**31 else None
        text = "\\".join(map(str, value)) if isinstance(value, MultiValue) else str(value)
        text = text.encode("utf-8", "replace").decode().replace("\0", "").strip()
        return text.translate(OLD[name[-4:]]) if name in TIMES else text
    except Exception:  # pydicom raises several kinds for damaged elements, and they are no reason to refuse an object
        return empty
