"""Training images: the grey images of folders of DICOM files, by modality and series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..codec.packing import sparse_values
from ..errors import DicompressError
from ..models.reference.normalise import measure_scale


@dataclass
class TrainingImage:
    pixels: np.ndarray  # (rows, columns), integers from 0
    scale: int  # noise in 1/256 of a pixel value, as `reference` measures it
    high: int


Images = dict[str, dict[str, list[TrainingImage]]]  # {modality: {series folder: [image]}}


def load(folder: Path) -> Images:
    """All grey images under `folder`."""
    import pydicom

    data: Images = defaultdict(lambda: defaultdict(list))
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
    if not data:
        raise DicompressError(f"no grey DICOM image under {folder}")
    return data


def split(images: Images) -> tuple[Images, Images]:
    """Every tenth series of a modality to validation; a modality with fewer than ten series trains only."""
    training, validation = {}, {}
    for modality, series in images.items():
        names = sorted(series)
        held = names[9::10]
        training[modality] = {n: series[n] for n in names if n not in held}
        if held:
            validation[modality] = {n: series[n] for n in held}
    return training, validation or training


def draw(images: Images, rng: np.random.Generator, count: int) -> Iterator[TrainingImage]:
    """`count` images: a modality in proportion to the root of its series, then a series and an image uniformly."""
    modalities = sorted(images)
    weights = np.sqrt([len(images[m]) for m in modalities])
    for modality in rng.choice(len(modalities), count, p=weights / weights.sum()):
        series = images[modalities[modality]]
        choice = series[list(series)[rng.integers(len(series))]]
        yield choice[rng.integers(len(choice))]


def patches(
    images: Images, rng: np.random.Generator, count: int, size: int
) -> Iterator[tuple[np.ndarray, TrainingImage]]:
    """Patches of `draw`n images at random places, flipped and turned at random."""
    for image in draw(images, rng, count):
        rows, columns = image.pixels.shape
        top, left = rng.integers(max(rows - size, 0) + 1), rng.integers(max(columns - size, 0) + 1)
        patch = image.pixels[top : top + size, left : left + size]
        patch = np.pad(patch, ((0, size - patch.shape[0]), (0, size - patch.shape[1])), mode="edge")
        patch = np.rot90(patch, rng.integers(4))
        yield (patch[:, ::-1] if rng.integers(2) else patch), image
