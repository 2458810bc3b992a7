"""Images whose values bear no error: they are labels or measurements, or have lost something already."""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset

STORAGE = "1.2.840.10008.5.1.4.1.1."
BREAST = tuple(STORAGE + c for c in ("1.2", "1.2.1", "13.1.3", "13.1.4", "13.1.5"))  # mammography, tomosynthesis, projections
# SOP classes whose values are no intensities, whatever the user wants (PS3.4 B.5).
NO_INTENSITIES = {
    STORAGE + "66.4": "a Segmentation",
    STORAGE + "66.7": "a Label Map Segmentation",
    STORAGE + "66.8": "a Height Map Segmentation",
    STORAGE + "30": "a Parametric Map",
    STORAGE + "77.1.5.6": "Wide Field Ophthalmic Photography 3D Coordinates",
    STORAGE + "81.1": "an Ophthalmic Thickness Map",
    STORAGE + "82.1": "a Corneal Topography Map",
}
# And those whose values are measurements.
MEASUREMENTS = {
    STORAGE + "481.2": "RT Dose",
    STORAGE + "128": "a PET image",
    STORAGE + "128.1": "a PET image",
    STORAGE + "130": "a PET image",
}
LABEL_MODALITIES = {"SEG": "a segmentation"}
MEASURING_MODALITIES = {"RTDOSE": "RT Dose", "PT": "a PET image"}
LABEL_TYPES = {"LABEL", "LABELMAP", "LABEL_MAP", "SEGMENTATION"}
# Of Image Type (0008,0008) or Frame Type (0008,9007), value 3 and on: maps of a quantity (PS3.3 C.8.13.3.1.1, C.8.16.1.1).
MEASURING_TYPES = {
    "ADC", "EADC", "FA", "MD", "CBF", "CBV", "MTT", "TTP", "TMAX", "RCBF", "RCBV", "VELOCITY", "VELOCITY_MAP", "PHASE_MAP",
    "T1_MAP", "T2_MAP", "T2_STAR_MAP", "RHO_MAP", "FIELD_MAP", "MAP", "T1 MAP", "T2 MAP", "T2_STAR MAP", "PHASE MAP",
    "VELOCITY MAP", "DIFFUSION_ANISO", "PERFUSION_MAP", "MATERIAL_QUANTITY", "MATERIAL_MASS", "FAT_FRACTION",
}  # fmt: skip
FUNCTIONAL_GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
INTENSITY_UNITS = {"", "HU", "US"}  # Rescale Type (0028,1054): Hounsfield units, or unspecified


def no_intensities(dataset: Dataset) -> str | None:
    """What an image is, if its values are labels, coordinates or a map: another value is another thing, not a small error."""
    sop_class = _text(dataset, "SOPClassUID")
    if sop_class in NO_INTENSITIES:
        return NO_INTENSITIES[sop_class]
    if any(keyword in dataset for keyword in ("SegmentationType", "SegmentSequence")):
        return "a segmentation, by its Segmentation Type or Segment Sequence (0062,0001), (0062,0002)"
    if any(LABEL_TYPES & set(types) for types in _types(dataset)):
        return "a map of labels, by its Image Type (0008,0008)"
    return LABEL_MODALITIES.get(_text(dataset, "Modality"))


def measurement(dataset: Dataset) -> str | None:
    """What an image measures, if its values are quantities that others compute with."""
    sop_class, modality = _text(dataset, "SOPClassUID"), _text(dataset, "Modality")
    if sop_class in MEASUREMENTS:
        return MEASUREMENTS[sop_class]
    if modality in MEASURING_MODALITIES:
        return MEASURING_MODALITIES[modality]
    for keyword, tag in (("DoseGridScaling", "(3004,000E)"), ("Units", "(0054,1001)")):
        if keyword in dataset:
            return f"an image of measurements, by {tag}"
    found = next((t for types in _types(dataset) for t in types if t in MEASURING_TYPES), None)
    if found:
        return f"a map of measurements, by its Image Type (0008,0008) {found}"
    for item in transformations(dataset):
        unit = _text(item, "RescaleType")
        if unit not in INTENSITY_UNITS:
            return f"an image of measurements, by its Rescale Type (0028,1054) {unit}"
    return None


def is_mammogram(dataset: Dataset) -> bool:
    return _text(dataset, "Modality") == "MG" or _text(dataset, "SOPClassUID") in BREAST


def transformations(dataset: Dataset) -> Iterator[Dataset]:
    """Whatever may hold a rescale: the data set itself, and functional groups."""
    yield dataset
    for keyword in FUNCTIONAL_GROUPS:
        for group in dataset.get(keyword) or ():
            yield from group.get("PixelValueTransformationSequence") or ()


def frame_descriptions(dataset: Dataset) -> Iterator[Dataset]:
    """The items of the functional groups, which describe the frames."""
    for keyword in FUNCTIONAL_GROUPS:
        for group in dataset.get(keyword) or ():
            for element in group:
                yield from element.value if element.VR == "SQ" else ()


def _types(dataset: Dataset) -> Iterator[list[str]]:
    """Image Type, and Frame Type of functional groups, from value 3 on."""
    yield _values(dataset, "ImageType")[2:]
    for item in frame_descriptions(dataset):
        yield _values(item, "FrameType")[2:]


def _values(dataset: Dataset, keyword: str) -> list[str]:
    value = dataset.get(keyword) or ()
    return [str(v).strip().upper() for v in ([value] if isinstance(value, str) else value)]


def _text(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip()
