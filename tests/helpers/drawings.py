"""Drawings in DICOM files, and what every command does with such files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from .command import run
from .files import change, make


def drawing(seed: int = 0, high: int = 255) -> np.ndarray:
    """(90, 120) of lines, boxes, a little text-like noise and a plane on a flat ground: of too many values for labels."""
    rng = np.random.default_rng(seed)
    image = np.full((90, 120), high // 5)
    for _ in range(12):
        row, column = rng.integers(80), rng.integers(110)
        image[row : row + rng.integers(2, 30), column : column + rng.integers(2, 30)] = rng.integers(high)
    image[40:48, 30:80] = np.where(rng.random((8, 50)) < 0.3, high, image[40:48, 30:80])
    rows, columns = np.mgrid[:38, :56]
    steps = (132, 58) if high > 255 else (6 + 2 * seed, 10 + 4 * seed)
    image[50:88, 60:116] = (steps[0] * rows + steps[1] * columns + 37 * seed) % (high + 1)
    return image


def colour(frames: int = 1, dtype=np.uint8, planar: int = 0, **attributes) -> bytes:
    high = np.iinfo(dtype).max
    pixels = np.stack([np.stack([drawing(3 * f + k, high) for k in range(3)], -1) for f in range(frames)]).astype(dtype)
    stored = np.moveaxis(pixels, -1, 1) if planar else pixels
    return change(
        make(pixels[..., 0]), SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=planar,
        PixelData=stored.tobytes(), **attributes,
    )  # fmt: skip


def check_commands(folder: Path, files: dict[str, bytes]) -> None:
    """Compress, resume, verify, info and decompress of `files`, by name, all of which become JPEG XL."""
    (folder / "in").mkdir()
    for name, data in files.items():
        (folder / "in" / name).write_bytes(data)
    run("compress", folder / "in", "-o", f"{folder}/small/")
    assert f"{len(files)} kept" in run("compress", folder / "in", "-o", f"{folder}/small/", "--resume").stdout
    assert f"{len(files)} verified" in run("verify", folder / "small").stdout
    run("decompress", folder / "small", "-o", f"{folder}/back/")
    for name, data in files.items():
        assert "JPEG XL" in run("info", folder / "small" / name).stdout
        assert (folder / "back" / name).read_bytes() == data
