"""What the network sees of an image: deviations from a coarse base, in units of the image's noise.

The paper leaves open how 12 to 16 bits enter a network of 8-bit activations. Here one integer a pixel value (`scale`)
and one integer an 8x8 block (`thumbnail`, the block's mean) are coded first; their bilinear interpolation (`base`) is
subtracted, the rest divided by the scale. All of it is integer arithmetic, the same on every machine.
"""

from __future__ import annotations

import numpy as np

from dicompress.errors import StreamError
from dicompress.varint import Reader, write_varint

BLOCK = 8  # pixels; the resolution of the coarsest z
UNIT = 8  # network input: eighths of the noise
LIMIT = 2048  # network input is clipped to [-2048, 2047], 12 bits


def measure_scale(pixels: np.ndarray) -> int:
    """The noise of an image in 1/256 of a pixel value, from the second differences that are not zero; at least 64."""
    noise = 0.0
    for axis in (0, 1):
        if pixels.shape[axis] < 3:
            continue
        p = np.moveaxis(pixels, axis, 0).astype(np.int64)
        second = np.abs(2 * p[1:-1] - p[:-2] - p[2:]).ravel()
        second = second[second > 0]
        if second.size:
            noise = max(noise, float(np.median(second)))
    low, high = np.percentile(pixels, (0.5, 99.5))
    return round(float(max(noise / 2, (high - low) / 2000, 0.25)) * 256)


def scale_header(pixels: np.ndarray, near: int = 0) -> bytes:
    """`measure_scale` as a model's header; an allowed error, whose deviation is (2 near + 1) / 12**0.5, counts as noise."""
    scale = measure_scale(pixels)
    return write_varint(int(np.hypot(scale, (2 * near + 1) * 256 / 12**0.5)) if near else scale)


def scale_of(header: bytes) -> int:
    """Inverse of `scale_header`. StreamError for what it cannot have written."""
    reader = Reader(header)
    scale = reader.varint()
    reader.finish()
    if not 64 <= scale < 1 << 25:
        raise StreamError(f"a normalisation scale of {scale} is not possible")
    return scale


def pad(pixels: np.ndarray) -> np.ndarray:
    """Repeat the last row and column up to multiples of BLOCK."""
    rows, columns = pixels.shape
    return np.pad(pixels, ((0, -rows % BLOCK), (0, -columns % BLOCK)), mode="edge")


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Rounded-down means of the 8x8 blocks: (rows, columns) -> int32 (rows / 8, columns / 8)."""
    rows, columns = (n // BLOCK for n in pixels.shape)
    blocks = pixels.astype(np.int64).reshape(rows, BLOCK, columns, BLOCK)
    return (blocks.sum((1, 3)) // BLOCK**2).astype(np.int32)


def base(small: np.ndarray) -> np.ndarray:
    """Bilinear interpolation of a thumbnail, in 1/256 of a pixel value: int32 (8 * rows, 8 * columns)."""
    result = small.astype(np.int32)
    for axis in (0, 1):
        p = np.moveaxis(result, axis, 0)
        before, after = np.concatenate([p[:1], p[:-1]]), np.concatenate([p[1:], p[-1:]])
        weights = [2 * i + 1 for i in range(BLOCK // 2)]  # sixteenths, from a block's centre outwards
        upper = [before * w + p * (16 - w) for w in reversed(weights)]
        lower = [after * w + p * (16 - w) for w in weights]
        result = np.moveaxis(np.stack(upper + lower, 1).reshape(-1, *p.shape[1:]), 0, axis)
    return result


def network_input(pixels: np.ndarray, base_256: np.ndarray, scale: int) -> np.ndarray:
    """Deviation from the base in eighths of the noise: int32, 12 bits."""
    deviation = (pixels.astype(np.int64) * 256 - base_256) * UNIT
    return np.clip((deviation + scale // 2) // scale, -LIMIT, LIMIT - 1).astype(np.int32)


def plane_residual(small: np.ndarray, count: int) -> np.ndarray:
    """t - west - north + north-west, wrapped into [-count // 2, count - count // 2): int32 of the same shape."""
    wide = small.astype(np.int64)
    residual = np.diff(np.diff(wide, axis=0, prepend=0), axis=1, prepend=0)
    return ((residual + count // 2) % count - count // 2).astype(np.int32)


def from_plane_residual(residual: np.ndarray, count: int) -> np.ndarray:
    """Inverse of `plane_residual` for thumbnails with values in [0, count)."""
    return (residual.astype(np.int64).cumsum(0).cumsum(1) % count).astype(np.int32)
