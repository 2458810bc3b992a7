"""What near.py measures of one image: codecs at the same largest error, and the same model on a fixed grid of bins."""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import inf

import imagecodecs
import numpy as np

import dicompress
from dicompress.compare.quality import psnr, quality

PEER, OURS = "JPEG-LS", ("reference", "pyramid")
CODECS = (PEER, *OURS)
NEARS = (1, 2, 3, 5, 10)
GRID = (*NEARS, 15, 20)


@dataclass(frozen=True)
class Score:
    """bits a pixel; psnr in dB, infinite where nothing differs; error: the largest, in stored units."""

    bits: float
    psnr: float
    mse8: float
    ssim: float
    error: int
    encode_s: float
    decode_s: float


def encode(codec: str, image: np.ndarray, near: int) -> bytes:
    if codec == PEER:
        return imagecodecs.jpegls_encode(image, level=near)
    return dicompress.encode(image, near=near, model=codec, threads=1, verify=False)


def decode(codec: str, data: bytes) -> np.ndarray:
    return imagecodecs.jpegls_decode(data) if codec == PEER else dicompress.decode(data, threads=1)


def warm() -> None:
    """Load weights and libraries, so that no image's time counts them."""
    image = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    for codec in CODECS:
        score(codec, image, 1, 12, "warm-up")


def score(codec: str, image: np.ndarray, near: int, bits_stored: int, name: str) -> Score:
    """One image under one codec. SystemExit if a pixel is off by more than `near`."""
    start = time.perf_counter()
    data = encode(codec, image, near)
    middle = time.perf_counter()
    restored = decode(codec, data)
    end = time.perf_counter()
    found = quality(image, restored, bits_stored)
    if found["max_error"] > near:
        raise SystemExit(f"{name}: {codec} with N = {near} is off by {found['max_error']}")
    db = inf if found["psnr"] is None else found["psnr"]
    bits = 8 * len(data) / image.size
    return Score(bits, db, found["mse8"], found["ssim"], found["max_error"], middle - start, end - middle)


def on_grid(image: np.ndarray, near: int, peak: int, name: str) -> tuple[float, float]:
    """(bits a pixel, PSNR) of `pyramid` without loss on the numbers of bins of 2 near + 1 values, from the smallest."""
    low, high, width = int(image.min()), int(image.max()), 2 * near + 1
    numbers = ((image.astype(np.int64) - low + near) // width).astype(image.dtype)
    data = dicompress.encode(numbers, threads=1, verify=False)
    restored = np.minimum(low + dicompress.decode(data, threads=1).astype(np.int64) * width, high)
    if np.abs(restored - image).max() > near:
        raise SystemExit(f"{name}: the fixed grid with N = {near} is off by more")
    mse = float(np.mean((restored - image) ** 2.0))
    return 8 * len(data) / image.size, psnr(mse, peak) or inf


def gain(found: Score, grid: dict[int, tuple[float, float]]) -> float | None:
    """dB above the line through the grid's (bits, PSNR) at the same bits; None outside of it."""
    points = sorted(point for point in grid.values() if point[1] < inf)
    bits, dbs = zip(*points)
    return found.psnr - float(np.interp(found.bits, bits, dbs)) if bits[0] <= found.bits <= bits[-1] else None
