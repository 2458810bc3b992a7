"""Made studies as viewers want them: with windows, spacings and positions."""

from __future__ import annotations

import numpy as np
from pydicom.uid import ComputedRadiographyImageStorage, CTImageStorage, MRImageStorage

from .files import change, make, read, written
from .images import phantom

CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage, "CR": ComputedRadiographyImageStorage}


def picture(rows: int, columns: int, high: int, noise: float, seed: int = 0) -> np.ndarray:
    """Rings and a body in 0..high, with noise of a part of it: uint16."""
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    radius = np.hypot(y / rows - 0.5, x / columns - 0.5)
    smooth = np.clip(1.2 - 2 * radius, 0, 1) * (0.6 + 0.3 * np.sin(40 * radius + seed / 8) + 0.1 * np.cos(x / 23))
    values = high * (smooth + np.random.default_rng(seed).normal(0, noise, smooth.shape).astype(np.float32) * (smooth > 0.02))
    return np.clip(np.rint(values), 0, high).astype(np.uint16)


def instance(modality: str, pixels: np.ndarray, study: str, number: int = 1, bits: int = 12, **attributes) -> bytes:
    """number: of the slice, 3 mm apart."""
    high = int(pixels.max())
    told = {
        "Modality": modality, "SOPClassUID": CLASSES[modality], "StudyInstanceUID": study, "SeriesInstanceUID": f"{study}.1",
        "SOPInstanceUID": f"{study}.1.{number}", "InstanceNumber": number, "SeriesNumber": 1, "StudyDate": "20240131", "StudyTime": "120000",
        "PatientName": "Doe^Jane", "PatientID": "4711", "StudyID": "1", "WindowCenter": high // 2, "WindowWidth": high,
        "PixelSpacing": [0.7, 0.7], "SeriesDescription": f"{modality} made",
    }  # fmt: skip
    if modality != "CR":
        told |= {
            "FrameOfReferenceUID": f"{study}.9", "ImagePositionPatient": [0, 0, 3.0 * number], "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "SliceThickness": 3.0,
        }  # fmt: skip
    if modality == "CT":
        told |= {"RescaleSlope": 1, "RescaleIntercept": -1024, "RescaleType": "HU", "WindowCenter": high // 2 - 1024}
    dataset = read(change(make(pixels, bits_stored=bits), **told | attributes))
    dataset.file_meta.MediaStorageSOPInstanceUID, dataset.file_meta.MediaStorageSOPClassUID = (
        dataset.SOPInstanceUID,
        dataset.SOPClassUID,
    )
    return written(dataset)


def slices(study: str, count: int) -> list[bytes]:
    """A CT of 128 x 128."""
    return [instance("CT", phantom(128, 128, seed, 20), study, seed + 1) for seed in range(count)]
