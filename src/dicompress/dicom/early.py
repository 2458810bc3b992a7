"""Early pictures of frames, for viewers on a thin line: every 2^k-th pixel as it is, what lies between from its neighbours.

In the frame's own size, so that a viewer measures and scales as it does with the exact one, and still in few bytes: the pixels
between are what the reversible wavelet of JPEG 2000 (5/3; ISO/IEC 15444-1, F.3) makes of details that are all zero.
"""

from __future__ import annotations

import numpy as np
from pydicom.uid import HTJ2K

from .. import codec
from ..errors import StreamError, UnsupportedImageError
from .cells import planes_in_cells, separated
from .part10 import Part10
from .pixels import HALVED, PixelLayout, layout
from .restore import frames_of
from .single import stored_frames
from .standard import TARGETS
from .syntax import DICOMPRESS

SYNTAX = HTJ2K  # the one of its syntaxes that promises nothing
LEVELS = ((128, 2), (1024, 3), (4096, 4))  # from a longer side of so many pixels on, the level


def level(rows: int, columns: int) -> int:
    """k of the early picture of a frame; 0: it is so small that there is none."""
    return max((k for least, k in LEVELS if max(rows, columns) >= least), default=0)


def early_frame(part10: Part10, number: int, threads: int = 0) -> bytes:
    """An HTJ2K stream of frame `number`, from 0, of a parsed file: ours, of which only what the picture needs is decoded, or lossless.

    Never to be taken for the frame: pixels are missing. UnsupportedImageError where there is no early picture: of small frames,
    lossy ones, palettes, whose indices have nothing between them, and masks. Else errors as of `single.frames_as`.
    """
    image = layout(part10.dataset)
    k = level(image.rows, image.columns)
    if not k:
        raise UnsupportedImageError(f"{image.columns} x {image.rows} pixels come as fast as they are")
    if image.interpretation in ("PALETTE COLOR", HALVED) or image.bits_stored == 1 or "SegmentationType" in part10.dataset:
        raise UnsupportedImageError("there is nothing between two pixels of palettes, labels, single bits and YBR_FULL_422")
    if not 0 <= number < image.frames:
        raise IndexError(f"frame {number + 1} of {image.frames}")
    planes = planes_in_cells(part10.dataset, image)
    pixels, image = _coarse(part10, image, number, k, threads)
    cells = separated(pixels[None], image, planes)
    target = TARGETS["htj2k"]
    return target.encode(between(cells.pixels[0], (image.rows, image.columns), k), cells.precision, threads, False)


def between(coarse: np.ndarray, shape: tuple[int, int], level: int) -> np.ndarray:
    """(rows, columns, ...) integers, every 2^level-th row and column of an image of this shape -> the whole, in the same type."""
    whole = coarse.astype(np.int32)
    for k in reversed(range(level)):
        rows, columns = (-(-size >> k) for size in shape)
        whole = _doubled(whole.swapaxes(0, 1), columns).swapaxes(0, 1)  # first along rows, as decoders do (F.3.2)
        whole = _doubled(whole, rows)
    return np.ascontiguousarray(whole, coarse.dtype)


def _doubled(values: np.ndarray, size: int) -> np.ndarray:
    """Along the first axis. Behind the last value the signal is mirrored."""
    result = np.empty((2 * len(values), *values.shape[1:]), values.dtype)
    result[::2] = values
    result[1:-1:2] = values[:-1] + values[1:] >> 1
    result[-1] = values[-1]
    return result[:size]


def _coarse(part10: Part10, image: PixelLayout, number: int, k: int, threads: int) -> tuple[np.ndarray, PixelLayout]:
    streams = frames_of(part10, image) if part10.syntax == DICOMPRESS else []
    if len(streams) != image.frames:  # not ours, or all in one stream, which has no levels
        pixels, image = stored_frames(part10, image, [number], threads)
        return pixels[0][:: 1 << k, :: 1 << k], image
    stream = streams[number]
    if codec.layout(stream) != (image.frame_shape, image.dtype):
        raise StreamError(f"frame {number + 1} is not what the elements say")
    there = min(k, codec.inspect(stream).levels)
    return codec.decode(stream, level=there, threads=threads)[:: 1 << k - there, :: 1 << k - there], image
