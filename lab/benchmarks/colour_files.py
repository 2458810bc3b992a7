"""Photographs and drawn text as DICOM files, for lab/benchmarks/colour.py."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np

PHOTOGRAPHS = (
    "astronaut", "cat", "coffee", "colorwheel", "hubble_deep_field", "immunohistochemistry", "logo", "retina", "rocket",
)  # fmt: skip
TEXT = "Effective dose 3.2 mSv\nkVp 120   mAs 180\nDistance 42.7 mm\n" * 4


def photographs() -> Iterator[tuple[str, bytes]]:
    """scikit-image's that are installed or at hand."""
    from skimage import data

    for name in PHOTOGRAPHS:
        try:
            yield f"scikit-image/{name}", dicom(np.ascontiguousarray(getattr(data, name)()[..., :3]), "RGB")
        except Exception:  # those that are not in the package are downloaded
            continue


def drawings() -> Iterator[tuple[str, bytes]]:
    page = text_page()
    grey = page.mean(axis=2).astype(np.uint8)
    yield "drawn/text", dicom(page, "RGB")
    yield "drawn/text, YBR_FULL", dicom(ybr(page), "YBR_FULL")
    yield "drawn/text, palette", dicom(grey // 32, "PALETTE COLOR")
    yield "drawn/text, grey", dicom(grey, "MONOCHROME2")
    yield "drawn/text, signed", dicom(grey.astype(np.int16) * 4 - 500, "MONOCHROME2")


def text_page() -> np.ndarray:
    """uint8 (600, 800, 3): lines of text and a curve, with smooth edges."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 6), dpi=100)
    canvas = FigureCanvasAgg(figure)
    figure.text(0.05, 0.05, TEXT, family="monospace", color="navy")
    axes = figure.add_axes((0.55, 0.2, 0.4, 0.6))
    axes.plot(np.sin(np.arange(200) / 9) * np.exp(-np.arange(200) / 90), "r")
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def ybr(rgb: np.ndarray) -> np.ndarray:
    """As PS3.3 C.7.6.3.1.2 says, uint8."""
    matrix = np.array([[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]])
    return np.clip(np.rint(rgb @ matrix.T + (0, 128, 128)), 0, 255).astype(np.uint8)


def dicom(pixels: np.ndarray, interpretation: str) -> bytes:
    """A Secondary Capture image of (rows, columns) or (rows, columns, 3), Explicit VR Little Endian."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    meta = FileMetaDataset()
    meta.TransferSyntaxUID, meta.MediaStorageSOPClassUID = ExplicitVRLittleEndian, SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[interpretation])
    dataset = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    dataset.SOPClassUID, dataset.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = (3 if pixels.ndim > 2 else 1), interpretation
    if pixels.ndim > 2:
        dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.itemsize
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
    dataset["PixelData"].VR = "OB" if pixels.itemsize == 1 else "OW"
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
