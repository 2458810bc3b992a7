"""Doses and parametric maps, as arrays and in DICOM files."""

from __future__ import annotations

import io

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from .files import make, pydicom_file, read
from .images import phantom

FLOATS = {np.dtype("float32"): "FloatPixelData", np.dtype("float64"): "DoubleFloatPixelData"}
PARAMETRIC_MAP, RT_DOSE = UID("1.2.840.10008.5.1.4.1.1.30"), UID("1.2.840.10008.5.1.4.1.1.481.2")
BODY = np.stack([phantom(60, 52, seed) for seed in range(3)]).astype(np.int32)


def ratio(dtype=np.float32) -> np.ndarray:
    """With NaNs of two payloads, infinities and minus zeros."""
    found = (BODY / np.roll(BODY, 1, 2)).astype(dtype)
    found[:, :3] = np.nan
    found[:, 3, :4] = np.inf, -np.inf, -0.0, 0.0
    words = found.view(f"u{found.itemsize}")
    words[0, 0, :9] |= 5
    words[0, 1, :2] = int(words[2, 0, 0]) ^ 1 << 8 * found.itemsize - 12 + 3 * (found.itemsize == 4)
    return found


def map_file(values: np.ndarray, syntax: UID = ExplicitVRLittleEndian, behind: bytes = b"", **attributes) -> bytes:
    """A Part 10 file of floats, (frames, rows, columns) or (rows, columns)."""
    dataset = read(make(np.zeros(values.shape, np.uint8)))
    for keyword in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(dataset, keyword)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = PARAMETRIC_MAP
    dataset.BitsAllocated = 8 * values.itemsize
    order = ">" if syntax == ExplicitVRBigEndian else "<"
    setattr(dataset, FLOATS[values.dtype], values.astype(values.dtype.newbyteorder(order)).tobytes() + behind)
    return _written(dataset, syntax, attributes)


def dose_file(values: np.ndarray, syntax: UID = ExplicitVRLittleEndian, **attributes) -> bytes:
    """A Part 10 file of 32-bit integers."""
    dataset = read(make(values, syntax))
    dataset["PixelData"].VR = "OW"
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = RT_DOSE
    dataset.Modality, dataset.DoseGridScaling = "RTDOSE", "1.4e-5"
    return _written(dataset, syntax, attributes)


def _written(dataset: Dataset, syntax: UID, attributes: dict) -> bytes:
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=syntax != ExplicitVRBigEndian)
    return buffer.getvalue()


def parametric_map(values: np.ndarray) -> bytes:
    """What highdicom makes of (frames, rows, columns)."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    slices = []
    for k in range(len(values)):
        slice_ = read(pydicom_file("CT_small.dcm"))
        slice_.Rows, slice_.Columns = values.shape[1:]
        slice_.PixelData = np.zeros(values.shape[1:], np.int16).tobytes()
        slice_.SOPInstanceUID = slice_.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{k + 1}"
        slice_.ImagePositionPatient, slice_.ImageOrientationPatient = [0, 0, float(k)], [1, 0, 0, 0, 1, 0]
        slices.append(slice_)
    mapping = hd.pm.RealWorldValueMapping(
        lut_label="1", lut_explanation="ratio", unit=codes.UCUM.NoUnits, value_range=[-1e9, 1e9], slope=1, intercept=0,
    )  # fmt: skip
    made = hd.pm.ParametricMap(
        slices, values, "1.2.3.100", 1, "1.2.3.101", 1, "dicompress", "test", "1", "1",
        contains_recognizable_visual_features=False, real_world_value_mappings=[mapping],
        window_center=1.0, window_width=2.0,
    )  # fmt: skip
    buffer = io.BytesIO()
    made.save_as(buffer)
    return buffer.getvalue()
