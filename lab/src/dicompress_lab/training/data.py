"""Training images: the grey images of folders of DICOM files, by modality and series, and which are neighbours."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from dicompress.errors import DicompressError
from dicompress.models import Values
from dicompress.native.codec import sparse_values

from ..models.reference.normalise import measure_scale


@dataclass
class TrainingImage:
    """values: what 0, 1, ... are in the file, or the first of them if none is left out. run, place: the images that lie in order
    with this one, by their places, and its own; two whose places differ by one are neighbours."""

    pixels: np.ndarray  # (rows, columns), integers from 0
    scale: int  # noise in 1/256 of a pixel value, as `reference` measures it
    high: int
    values: np.ndarray | int = 0
    run: dict[int, TrainingImage] = field(default_factory=dict, repr=False)
    place: int = 0

    def neighbour(self, distance: int) -> TrainingImage | None:
        """The image so many places on, if there is one of the same shape."""
        found = self.run.get(self.place + distance)
        return found if found is not None and found.pixels.shape == self.pixels.shape else None

    def stored(self) -> np.ndarray:
        """The pixels as in the file."""
        return self.pixels + self.values if np.isscalar(self.values) else self.values[self.pixels]

    def as_coded(self) -> Values:
        """The range of `pixels`, and what they stand for."""
        listed = np.arange(self.values, self.values + self.high + 1) if np.isscalar(self.values) else self.values
        return Values(0, self.high, listed=listed.astype(np.int32))


Images = dict[str, dict[str, list[TrainingImage]]]  # {modality: {series folder: [image]}}


def load(folders: Path | Sequence[Path]) -> Images:
    """All grey images under the folders.

    Neighbours are the frames of a file, and files of single frames in one folder whose numbers, the last in their names,
    follow each other.
    """
    import pydicom

    folders = [folders] if isinstance(folders, Path) else folders
    data: Images = defaultdict(lambda: defaultdict(list))
    runs: dict[Path, dict[int, TrainingImage]] = defaultdict(dict)
    for path in (p for folder in folders for p in sorted(folder.rglob("*")) if p.is_file()):
        try:
            dataset = pydicom.dcmread(path)
            pixels = dataset.pixel_array
        except Exception as error:  # any file that is no readable image is no training data
            print(f"skipped {path}: {error}")
            continue
        if dataset.get("SamplesPerPixel", 1) != 1:
            continue
        frames = pixels.reshape(-1, *pixels.shape[-2:])
        number = re.search(r"(\d+)\D*$", path.stem)
        for place, frame in enumerate(frames):
            values = sparse_values(frame[None, ..., None])
            first = int(frame.min())
            frame = frame.astype(np.int64) - first if values is None else np.searchsorted(values, frame)
            high = int(frame.max())
            if high == 0 or min(frame.shape) < 16:
                continue
            image = TrainingImage(frame.astype(np.int32), measure_scale(frame), high, first if values is None else values)
            if len(frames) > 1:
                image.run, image.place = runs[path], place
            elif number:
                image.run, image.place = runs[path.parent], int(number[1])
            image.run[image.place] = image
            data[str(dataset.get("Modality", "OT"))][str(path.parent)].append(image)
    if not data:
        raise DicompressError(f"no grey DICOM image under {', '.join(map(str, folders))}")
    return data


def with_neighbours(images: Images) -> Images:
    """Those that have a neighbour."""
    found: Images = {}
    for modality, series in images.items():
        for name, choice in series.items():
            some = [i for i in choice if i.neighbour(1) or i.neighbour(-1)]
            if some:
                found.setdefault(modality, {})[name] = some
    return found


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


def patches(images: Images, rng: np.random.Generator, count: int, size: int) -> Iterator[tuple[np.ndarray, TrainingImage]]:
    """Patches of `draw`n images at random places, flipped and turned at random."""
    for image in draw(images, rng, count):
        rows, columns = image.pixels.shape
        top, left = rng.integers(max(rows - size, 0) + 1), rng.integers(max(columns - size, 0) + 1)
        patch = image.pixels[top : top + size, left : left + size]
        patch = np.pad(patch, ((0, size - patch.shape[0]), (0, size - patch.shape[1])), mode="edge")
        patch = np.rot90(patch, rng.integers(4))
        yield (patch[:, ::-1] if rng.integers(2) else patch), image
