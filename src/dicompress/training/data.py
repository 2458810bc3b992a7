"""Training images: folders of DICOM files to normalised 128x128 patches, balanced over modalities and series."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..codec.packing import sparse_values
from ..models.reference.normalise import base, measure_scale, plane_residual, thumbnail


@dataclass
class TrainingImage:
    pixels: np.ndarray  # (rows, columns), integers from 0
    scale: int  # noise in 1/256 of a pixel value
    high: int


def load(folder: Path) -> dict[str, dict[str, list[TrainingImage]]]:
    """All grey images under `folder`: {modality: {series folder: [image]}}."""
    import pydicom

    data: dict[str, dict[str, list[TrainingImage]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        try:
            dataset = pydicom.dcmread(path)
            pixels = dataset.pixel_array
        except Exception as error:  # any file that is no readable image is no training data
            print(f"skipped {path}: {error}")
            continue
        if dataset.get("SamplesPerPixel", 1) != 1:
            continue
        for frame in pixels.reshape(-1, *pixels.shape[-2:]):
            values = sparse_values(frame)
            frame = frame.astype(np.int64) - int(frame.min()) if values is None else np.searchsorted(values, frame)
            high = int(frame.max())
            if high == 0 or min(frame.shape) < 16:
                continue
            image = TrainingImage(frame.astype(np.int32), measure_scale(frame), high)
            data[str(dataset.get("Modality", "OT"))][str(path.parent)].append(image)
    return data


@dataclass
class Batch:
    """Patches in units of the noise, float32. x, base, high: (count, 1, size, size); the rest as said."""

    x: np.ndarray
    base: np.ndarray
    low: np.ndarray  # (count, 1, 1, 1): smallest value of the image
    high: np.ndarray  # (count, 1, 1, 1)
    width: np.ndarray  # (count, 1, 1, 1): distance of two pixel values
    residual: np.ndarray  # (count, 1, size / 8, size / 8): the thumbnail's plane residual


def sample(data, rng: np.random.Generator, count: int, size: int = 128) -> Batch:
    """`count` random patches, flipped and turned at random.

    A modality is drawn in proportion to the square root of its series, then a series, an image and a place uniformly.
    """
    modalities = sorted(data)
    weights = np.sqrt([len(data[m]) for m in modalities])
    picks = []
    for modality in rng.choice(len(modalities), count, p=weights / weights.sum()):
        series = data[modalities[modality]]
        images = series[list(series)[rng.integers(len(series))]]
        image = images[rng.integers(len(images))]
        rows, columns = image.pixels.shape
        top, left = rng.integers(max(rows - size, 0) + 1), rng.integers(max(columns - size, 0) + 1)
        patch = image.pixels[top : top + size, left : left + size]
        patch = np.pad(patch, ((0, size - patch.shape[0]), (0, size - patch.shape[1])), mode="edge")
        patch = np.rot90(patch, rng.integers(4))
        if rng.integers(2):
            patch = patch[:, ::-1]
        small, scale = thumbnail(patch), image.scale / 256
        residual = plane_residual(small, image.high + 1)
        residual[0], residual[:, 0] = 0, 0  # a patch has borders, an image hardly any
        picks.append((patch / scale, base(small) / image.scale, 0.0, image.high / scale, 1 / scale, residual / scale))
    x, surface, low, high, width, residual = zip(*picks)
    planes = (np.stack(v)[:, None].astype(np.float32) for v in (x, surface, residual))
    scalars = (np.array(v, np.float32).reshape(-1, 1, 1, 1) for v in (low, high, width))
    x, surface, residual = planes
    return Batch(x, surface, *scalars, residual)
