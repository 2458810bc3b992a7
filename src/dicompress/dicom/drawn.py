"""Images that JPEG XL may code in fewer bytes: what is drawn rather than photographed, and colour."""

from __future__ import annotations

import numpy as np

from . import jpegxl
from .native import Native
from .pixels import GREY

INTERPRETATIONS = (*GREY, "RGB", "PALETTE COLOR")
FLAT = 0.5  # share of pixels that repeat their neighbours, from which a grey image is looked at
EFFORT = 7


def jpeg_xl_frames(native: Native, most: int) -> list[bytes] | None:
    """The frames in JPEG XL, without loss, if a look says that they may be smaller; None unless they are, than `most` bytes."""
    if not jpegxl.is_available() or not may_win(native):
        return None
    import imagecodecs

    frames, size = [], 0
    for frame in native.pixels:
        frames.append(imagecodecs.jpegxl_encode(np.ascontiguousarray(frame), lossless=True, effort=EFFORT))
        size += len(frames[-1])
        if size >= most:
            return None
    return frames


def may_win(native: Native) -> bool:
    """Whether the transfer syntax takes the pixels, and they are in colour or mostly flat, judged by the frame in the middle."""
    image = native.image
    if image.signed or image.interpretation not in INTERPRETATIONS:
        return False
    if image.interpretation not in GREY:
        return True
    frame = native.pixels[len(native.pixels) // 2]
    inner = frame[1:, 1:]
    return bool(inner.size) and float(np.mean((inner == frame[:-1, 1:]) & (inner == frame[1:, :-1]))) >= FLAT
