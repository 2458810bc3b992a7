"""Segments, as arrays and in DICOM files: bodies that change from slice to slice, and labels of several."""

from __future__ import annotations

import io

import numpy as np
import pydicom
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from .files import change, make, read, written


def bodies(frames: int = 20, rows: int = 90, columns: int = 101, seed: int = 0) -> np.ndarray:
    """(frames, rows, columns) bool: two ellipses with a rough edge, which move and grow."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    found = []
    for k in range(frames):
        first = np.hypot((y - rows * 0.4 - 0.4 * k) / 1.3, x - columns * 0.4 + 0.3 * k)
        second = np.hypot(y - rows * 0.8, (x - columns * 0.8) * 0.7)
        edge = rng.random((rows, columns))
        found.append((first + edge < 14 + 0.3 * k) | (second + edge < 6))
    return np.stack(found)


def labels(frames: int = 20, dtype: str = "uint8", values: tuple[int, ...] = (0, 1, 2, 7)) -> np.ndarray:
    """(frames, rows, columns) of these values."""
    masks = [bodies(frames, seed=k) & (np.arange(101) > 12 * k) for k in range(len(values))]
    found = np.full(masks[0].shape, values[0], dtype)
    for value, mask in zip(values[1:], masks):
        found[mask] = value
    return found


def bit_file(bits: np.ndarray, syntax=ExplicitVRLittleEndian, vr: str = "OB", behind: int = 0, **attributes) -> bytes:
    """A Part 10 file of single bits, (frames, rows, columns) or (rows, columns), which follow each other bit by bit.

    behind: what stands in the bits behind the last one.
    """
    data = change(make(np.zeros(bits.shape, np.uint8)), BitsAllocated=1, BitsStored=1, HighBit=0, Modality="SEG", **attributes)
    dataset = read(data)
    dataset.file_meta.TransferSyntaxUID = syntax
    value = bytearray(np.packbits(bits.reshape(-1), bitorder="little").tobytes())
    value[-1] |= behind << (bits.size - 1) % 8 + 1 & 0xFF
    value += b"\0" * (len(value) % 2)
    if syntax == ExplicitVRBigEndian and vr == "OW":
        value = np.frombuffer(value, "<u2").byteswap().tobytes()
    dataset.PixelData = bytes(value)
    dataset["PixelData"].VR = vr
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=syntax != ExplicitVRBigEndian)
    return buffer.getvalue()


def segmentation(kind: str, pixels: np.ndarray, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """What highdicom makes of segments: BINARY, FRACTIONAL or LABELMAP, (frames, rows, columns) for frames that lie on slices."""
    import highdicom
    from highdicom.seg import Segmentation, SegmentDescription
    from pydicom.sr.codedict import codes

    slices = []
    for k in range(len(pixels)):
        dataset = read(make(np.zeros(pixels.shape[1:], np.uint16)))
        dataset.SOPInstanceUID, dataset.InstanceNumber = f"1.2.3.{k + 1}", k + 1
        dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [0, 0, float(k)], [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing, dataset.SliceThickness, dataset.FrameOfReferenceUID = [1, 1], 1, "1.2.9"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.Modality = "1.2.7", "1.2.8", "CT"
        for name in ("PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate", "StudyTime"):
            setattr(dataset, name, "")
        dataset.ReferringPhysicianName = ""
        slices.append(dataset)
    program = highdicom.AlgorithmIdentificationSequence("t", codes.cid7162.ArtificialIntelligence, "1")
    segments = range(1, 2 if kind != "LABELMAP" else int(pixels.max()) + 1)
    found = Segmentation(
        source_images=slices, pixel_array=pixels, segmentation_type=kind,
        segment_descriptions=[
            SegmentDescription(n, f"segment {n}", codes.SCT.Organ, codes.SCT.Liver, "AUTOMATIC", algorithm_identification=program)
            for n in segments
        ],
        series_instance_uid="1.2.5", series_number=2, sop_instance_uid="1.2.6", instance_number=1, manufacturer="m",
        manufacturer_model_name="m", software_versions="1", device_serial_number="1", transfer_syntax_uid=syntax, omit_empty_frames=False,
    )  # fmt: skip
    return written(found)
