"""How stored values become grey: Modality LUT, VOI LUT or window, and polarity (PS3.3 C.11.1, C.11.2, C.7.6.16)."""

from __future__ import annotations

import warnings
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi, apply_windowing
from pydicom.sequence import Sequence

Names = tuple[str, str, str, str]
MODALITY: Names = ("ModalityLUTSequence", "RescaleSlope", "RescaleIntercept", "RescaleType")
VOI = ("VOILUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction")
GROUPS = {MODALITY: "PixelValueTransformationSequence", VOI: "FrameVOILUTSequence"}
LUT_DEPTH = 16  # of table entries as they are handed to pydicom, which indexes a table by a type of its depth
FAR = 1e30


@dataclass(frozen=True)
class Grey:
    """table: the grey, 0 to 255, of each stored value from `low` on. text: the window in words."""

    low: int
    table: np.ndarray
    text: str

    def __call__(self, frame: np.ndarray) -> np.ndarray:
        return self.table[frame.astype(np.int32) - self.low]


def grey(dataset: Dataset, number: int, low: int, high: int, shown: tuple[int, int], view: Dataset | None = None) -> Grey:
    """For stored values from `low` to `high` of frame `number` (from 0): the first view of the VOI LUT Module.

    shown: the smallest and the largest stored value of the frame, which become black and white where there is no view. view: elements of
    that module that take the place of the file's.
    """
    stored = np.arange(low, high + 1, dtype=np.int64)
    fault, values, unit = "", stored, None
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            facts = _attributes(dataset, number)
            if view is not None:
                facts.pop("VOILUTSequence", None)
                facts.update(view)
            _depth(facts.get("ModalityLUTSequence"))
            values = apply_modality_lut(stored, facts)
            unit, text = _view(values, facts)
        except Exception:  # pydicom raises many kinds for values that make no sense
            fault = " (the file's window is not valid)"
    if unit is None or not np.isfinite(unit).all():
        black, white = sorted(float(values[end - low]) for end in shown)
        unit = (values - black) / ((white - black) or 1)
        text = f"whole value range, {black:.6g} to {white:.6g}{fault}"
    table = np.rint(255 * np.clip(unit, 0, 1)).astype(np.uint8)
    return Grey(low, 255 - table if dataset.get("PhotometricInterpretation") == "MONOCHROME1" else table, text)


def rescale(dataset: Dataset, number: int) -> tuple[float, float] | None:
    """Rescale Slope and Intercept of a frame; None where the file has none."""
    place = _place(dataset, number, MODALITY)
    slope, intercept = (place.get(name) for name in ("RescaleSlope", "RescaleIntercept"))
    return None if slope is None or intercept is None else (float(slope), float(intercept))


def in_hu(dataset: Dataset, number: int) -> bool:
    """Whether the Modality LUT of a frame gives Hounsfield units."""
    return dataset.get("Modality") == "CT" and (_place(dataset, number, MODALITY).get("RescaleType") or "HU") == "HU"


def _place(dataset: Dataset, number: int, names: Names) -> Dataset:
    """Where these elements of a frame are: its functional groups, else the shared ones, else the data set itself."""
    frames, shared = dataset.get("PerFrameFunctionalGroupsSequence"), dataset.get("SharedFunctionalGroupsSequence")
    groups = [frames[number]] if frames and number < len(frames) else []
    groups += [shared[0]] if shared else []
    places = [place for group in groups for place in group.get(GROUPS[names]) or []]
    return next((place for place in places if any(name in place for name in names)), dataset)


def _attributes(dataset: Dataset, number: int) -> Dataset:
    """The elements that decide a frame's grey, as pydicom's functions expect them."""
    facts = Dataset()
    facts.set_original_encoding(*dataset.original_encoding)
    facts.PhotometricInterpretation = dataset.PhotometricInterpretation
    facts.BitsStored = dataset.get("BitsStored") or dataset.BitsAllocated
    facts.PixelRepresentation = dataset.get("PixelRepresentation") or 0
    for names in GROUPS:
        place = _place(dataset, number, names)
        for name in names:
            if place.get(name) not in (None, ""):
                facts[name] = deepcopy(place[name])
    return facts


def _view(values: np.ndarray, facts: Dataset) -> tuple[np.ndarray | None, str]:
    """Grey from 0 to 1, and the window in words; None where the file has no view."""
    if facts.get("VOILUTSequence"):
        name = facts.VOILUTSequence[0].get("LUTExplanation")
        depth = _depth(facts.VOILUTSequence)
        found = apply_voi(np.rint(values).astype(np.int64), facts)
        return found / (2**depth - 1), f"VOI LUT{f' {name}' if name else ''} (from the file)"
    if "WindowCenter" not in facts or "WindowWidth" not in facts:
        return None, ""
    width, level = (np.atleast_1d(facts[name].value)[0] for name in ("WindowWidth", "WindowCenter"))
    black, white = apply_windowing(np.array([-FAR, FAR]), facts)
    text = f"window {float(width):g}, level {float(level):g} (from the file)"
    return (apply_windowing(values, facts) - black) / (white - black), text


def _depth(tables: Sequence | None) -> int:
    """The depth of the first table's entries, which LUT_DEPTH takes the place of."""
    if not tables:
        return 0
    entries, first, depth = tables[0].LUTDescriptor
    tables[0].LUTDescriptor = [entries, first, LUT_DEPTH]
    return int(depth)
