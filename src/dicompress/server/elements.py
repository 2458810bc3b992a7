"""The elements of an object as DICOM JSON (PS3.18 F), and the values that it refers to instead of having them."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from copy import deepcopy

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian

from ..dicom.part10 import Part10
from ..dicom.reading import readable
from ..dicom.syntax import DICOMPRESS, NATIVE
from ..dicom.tags import CREATOR, OFFSET_TABLES, PIXEL_DATA, RECORD
from ..errors import FileError

LARGEST = 1024  # characters of base64 of a value that is in the JSON itself
URI = b'"BulkDataURI": "'  # as json.dumps writes the key: inside a string its quotes would have backslashes
PIXELS = f"{PIXEL_DATA:08X}"
HIDDEN = {f"{tag:08X}" for tag in (CREATOR, RECORD, *OFFSET_TABLES)}  # of the form in which it is stored
WORDS = {"OW": 2, "OL": 4, "OF": 4, "OD": 8, "OV": 8}  # bytes


def metadata(part10: Part10) -> bytes:
    """A JSON object. URIs of bulk data are paths from the instance on: `located` makes them whole."""
    with warnings.catch_warnings(), readable("the elements cannot be told as JSON", FileError):
        warnings.simplefilter("ignore")  # pydicom's, of values that are none
        dataset = _little_endian(part10)
        paths = {id(element): path for path, element in _walk(dataset)}
        found = dataset.to_json_dict(LARGEST, lambda element: f"/bulkdata/{paths[id(element)]}", suppress_invalid_tags=True)
        if part10.pixels is not None:
            wide = int(dataset.get("BitsAllocated") or 16) > 8 and part10.syntax in NATIVE | {DICOMPRESS}
            found[PIXELS] = {"vr": "OW" if wide else "OB", "BulkDataURI": f"/bulkdata/{PIXELS}"}
    shown = {tag: found[tag] for tag in sorted(found) if tag not in HIDDEN and not tag.endswith("0000")}
    return json.dumps(shown).encode()


def located(metadata: bytes, instance: str) -> bytes:
    """With URIs that begin with that of the instance."""
    return metadata.replace(URI, URI + json.dumps(instance)[1:-1].encode())


def value(part10: Part10, path: str) -> bytes:
    """The bytes of a value, little-endian; of Pixel Data only native ones. path: tags and numbers of items from 0, as in its URI. KeyError if there is none."""
    if path.upper() == PIXELS:
        return _pixels(part10)
    with readable("the value cannot be read", FileError):
        dataset = _little_endian(part10)
        found = next((element for at, element in _walk(dataset) if at == path.upper()), None)
    if found is None or path.upper() in HIDDEN or not isinstance(found.value, bytes):
        raise KeyError(path)
    return found.value


def _pixels(part10: Part10) -> bytes:
    """Native ones. KeyError if there are none."""
    if part10.pixels is None or part10.pixels.encapsulated:
        raise KeyError(PIXELS)
    width = int(part10.dataset.get("BitsAllocated") or 8) // 8
    if part10.syntax == ExplicitVRBigEndian and width > 1:
        return np.frombuffer(part10.value, f"u{width}", len(part10.value) // width).byteswap().tobytes()
    return bytes(part10.value)


def _little_endian(part10: Part10) -> Dataset:
    """All elements; of big-endian files with binary values turned."""
    if part10.syntax != ExplicitVRBigEndian:
        return part10.dataset
    dataset = deepcopy(part10.dataset)
    for _, element in _walk(dataset):
        width = WORDS.get(element.VR)
        if width and isinstance(element.value, bytes) and len(element.value) % width == 0:
            element.value = np.frombuffer(element.value, f"u{width}").byteswap().tobytes()
    return dataset


def _walk(dataset: Dataset, start: str = "") -> Iterator[tuple[str, DataElement]]:
    """All elements that can be read, and where each is."""
    for tag in dataset.keys():  # noqa: SIM118  # a data set iterates over elements
        try:
            element = dataset[tag]
        except Exception:  # noqa: S112  # pydicom raises many kinds
            continue
        path = f"{start}{int(tag):08X}"
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from _walk(item, f"{path}/{number}/")
        else:
            yield path, element
