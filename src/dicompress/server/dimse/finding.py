"""C-FIND at the four levels of both models (PS3.4 C.4.1)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydicom import config
from pydicom.charset import python_encoding
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.uid import UID
from pynetdicom import evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made by the module
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
)

from ...errors import DicompressError
from ...store.attributes import LEVELS
from ...store.find import MODALITIES
from .statuses import CANCEL, MISMATCH, NOT_AUTHORIZED, NOT_UNDERSTOOD, OUT_OF_RESOURCES, PENDING, PENDING_WARNING, status
from .wire import caller

if TYPE_CHECKING:
    from .door import Door

LOG = logging.getLogger(__name__)
NAMES = {"PATIENT": "PATIENT", "STUDY": "STUDY", "SERIES": "SERIES", "IMAGE": "INSTANCE"}  # of levels: DICOM's, the store's
UNIQUE = {"PATIENT": "PatientID", "STUDY": "StudyInstanceUID", "SERIES": "SeriesInstanceUID", "IMAGE": "SOPInstanceUID"}
PATIENT_ROOT = {
    PatientRootQueryRetrieveInformationModelFind, PatientRootQueryRetrieveInformationModelMove,
    PatientRootQueryRetrieveInformationModelGet,
}  # fmt: skip
NO_KEYS = {"QueryRetrieveLevel", "SpecificCharacterSet", "TimezoneOffsetFromUTC", "RetrieveAETitle", "InstanceAvailability"}
UNICODE = "ISO_IR 192"
PAGE = 500
MOST = 100_000  # matches of a query

Answer = tuple[Dataset, Dataset | None]


class QueryError(DicompressError):
    """The identifier of a request is none of its model."""


def find(event: evt.Event, door: Door) -> Iterator[Answer]:
    """(status, identifier) of each match."""
    if not door.knows(event.assoc):
        yield status(NOT_AUTHORIZED, door.unknown(event.assoc)), None
        return
    with door.running():
        try:
            identifier = event.identifier
            level = level_of(identifier, event.request.AffectedSOPClassUID)
            filters, wanted, unknown = keys(identifier, level)
        except DicompressError as error:
            yield status(MISMATCH, error), None
            return
        except Exception:  # pydicom raises several kinds
            yield status(NOT_UNDERSTOOD, "the identifier cannot be read"), None
            return
        pending = PENDING_WARNING if unknown else PENDING
        LOG.debug("%s asks at level %s for %s; unknown: %s", caller(event.assoc), level, filters, unknown)
        try:
            for start in range(0, MOST + 1, PAGE):
                rows = door.store.find(NAMES[level], filters, PAGE, start)
                for row in rows:
                    if event.is_cancelled:
                        yield status(CANCEL), None
                        return
                    yield status(pending), _identifier(row, wanted, level, identifier, door.settings.aet)
                if len(rows) < PAGE:
                    return
            yield status(OUT_OF_RESOURCES, f"more than {MOST} matches: ask for less"), None
        except DicompressError as error:
            LOG.error("a query of %s failed: %s", caller(event.assoc), error)
            yield status(NOT_UNDERSTOOD, error), None


def level_of(identifier: Dataset, model: UID | None) -> str:
    """One of `NAMES`. QueryError if the model does not have it."""
    level = str(identifier.get("QueryRetrieveLevel") or "").strip()
    if level not in NAMES or (level == "PATIENT" and model not in PATIENT_ROOT):
        raise QueryError(f"Query/Retrieve Level (0008,0052) {level or 'is missing'}")
    return level


def keys(identifier: Dataset, level: str) -> tuple[dict[str, Any], list[DataElement], bool]:
    """(filters of the store, elements to answer with, whether there are others, which are neither matched nor answered)."""
    levels = list(LEVELS)
    above = levels[: levels.index(NAMES[level]) + 1]
    known = {name for one in above for name in LEVELS[one]}
    counted = {f"NumberOf{one.title()}Related{what}" for one in above[-1:] for what in ("Studies", "Series", "Instances")}
    filters: dict[str, Any] = {}
    wanted, unknown = [], False
    for element in identifier:
        name = element.keyword
        if name in NO_KEYS or element.tag.element == 0:
            continue
        if name in known or (name == MODALITIES and level != "PATIENT"):
            filters[name] = _value(element)
        elif name not in counted:
            unknown = True
            continue
        wanted.append(element)
    return {name: value for name, value in filters.items() if value not in (None, "", [])}, wanted, unknown


def _value(element: DataElement) -> Any:
    """Text, or a list of texts."""
    if element.is_empty:
        return ""
    value = element.value
    if isinstance(value, (MultiValue, list)):
        return [str(one).strip() for one in value]
    return str(getattr(value, "original_string", value) if element.VR in ("IS", "DS") else value).strip()


def _identifier(row: dict[str, Any], wanted: list[DataElement], level: str, asked: Dataset, title: str) -> Dataset:
    answer = Dataset()
    unique = DataElement(UNIQUE[level], "LO" if level == "PATIENT" else "UI", "")
    values = {element.tag: _text(row.get(element.keyword)) for element in (*wanted, unique)}
    for element in (*wanted, unique):
        value = values[element.tag]
        answer[element.tag] = DataElement(element.tag, element.VR, value, validation_mode=config.IGNORE)
    answer.QueryRetrieveLevel, answer.RetrieveAETitle, answer.InstanceAvailability = level, title, "ONLINE"
    charset = _charset(asked.get("SpecificCharacterSet"), "".join(map(str, values.values())))
    if charset:
        answer.SpecificCharacterSet = charset
    return answer


def _text(value: Any) -> Any:
    return "" if value is None else value


def _charset(asked: object, text: str) -> str | None:
    """For what is to be told: what it was asked in, if that holds it."""
    if text.isascii():
        return None
    if isinstance(asked, str) and asked in python_encoding and not asked.startswith("ISO 2022"):
        try:
            text.encode(python_encoding[asked])
            return asked
        except UnicodeError:
            pass
    return UNICODE
