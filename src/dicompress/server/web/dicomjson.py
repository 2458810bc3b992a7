"""What the index knows, as DICOM JSON (PS3.18 F.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword

from ...store.attributes import INSTANCE, PATIENT, SERIES, STUDY
from ...store.find import MODALITIES

STUDY_LEVEL = (*PATIENT, *STUDY, MODALITIES, "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances")
SERIES_LEVEL = ("StudyInstanceUID", *SERIES, "NumberOfSeriesRelatedInstances")
INSTANCE_LEVEL = ("StudyInstanceUID", "SeriesInstanceUID", *INSTANCE)
GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
TEXTS = {"LT", "ST", "UT"}  # may have backslashes in them


def dataset_of(row: Mapping[str, Any], names: Iterable[str], more: Mapping[str, Any]) -> dict[str, Any]:
    """names: keywords, of what the row has. more: further ones, with values."""
    values = {name: row[name] for name in names if name in row} | dict(more)
    found = {f"{tag_for_keyword(name):08X}": _element(dictionary_VR(name), value) for name, value in values.items()}
    return dict(sorted(found.items()))


def _element(vr: str, value: Any) -> dict[str, Any]:
    if value is None or value in ("", []):
        return {"vr": vr}
    if isinstance(value, str) and vr not in TEXTS:
        value = value.split("\\")
    values = value if isinstance(value, list) else [value]
    return {"vr": vr, "Value": [_name(one) if vr == "PN" else one if one != "" else None for one in values]}


def _name(text: str) -> dict[str, str]:
    return {group: part for group, part in zip(GROUPS, text.split("=")) if part}
