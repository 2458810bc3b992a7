"""Images that JPEG XL may code in fewer bytes: what is drawn rather than photographed, and colour."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .. import codec
from ..codec import jpegxl, wrapped
from .native import Native
from .pixels import GREY, PixelLayout

STANDARD = (*GREY, "RGB", "PALETTE COLOR")  # in JPEG XL Lossless, unsigned; others are wrapped
SIMPLE = 1  # bit a sample, below which JPEG XL wins in colour: then much is drawn, or dark
MANY = 1 << 20  # from so many pixels on, the middle of a frame tells of the rest
CLEARLY = 0.95  # of the model's bytes: JPEG XL wins, and the model need not be tried
EFFORT, HIGHEST = wrapped.EFFORT, wrapped.HIGHEST
WORTH, HOPE = 0.99, 0.98  # of effort 7's bytes: from which the highest, three times as slow, is worth it; what it may leave
NEVER = math.inf


@dataclass(frozen=True)
class Trial:
    """frames: in JPEG XL. wins: so clearly that the model need not be tried. hope: what the highest effort may leave of them."""

    frames: list[bytes]
    wins: bool
    hope: float


def tried(native: Native, model: str, threads: int) -> Trial | None:
    """None for what the model codes in fewer bytes, by the look of it."""
    if not jpegxl.is_available() or native.image.is_wide or not may_win(native):
        return None
    frames = [_encode(frame, native.image, EFFORT, threads) for frame in native.pixels]
    if native.image.interpretation in GREY:
        return Trial(frames, False, 1)
    if 8 * sum(map(len, frames)) < SIMPLE * native.pixels.size:
        return Trial(frames, True, HOPE)
    if native.image.pixels < MANY:
        return Trial(frames, False, HOPE)
    piece = wrapped.middle(native.pixels[len(native.pixels) // 2])
    ours = len(codec.encode_with_result(piece, model=model, colour=piece.ndim > 2, threads=threads)[0])
    usual, highest = (len(_encode(piece, native.image, effort, threads)) for effort in (EFFORT, HIGHEST))
    gain = highest / usual
    return Trial(frames, min(usual, highest) < CLEARLY * ours, gain if gain < WORTH else NEVER)


def smaller(native: Native, trial: Trial, most: float, threads: int) -> list[bytes] | None:
    """The frames in JPEG XL, without loss; None unless they take less than `most` bytes."""
    frames = trial.frames
    if trial.hope * sum(map(len, frames)) < most:
        highest = (_encode(frame, native.image, HIGHEST, threads) for frame in native.pixels)
        frames = [min(pair, key=len) for pair in zip(frames, highest)]
    return frames if sum(map(len, frames)) < most else None


def is_standard(image: PixelLayout) -> bool:
    """Whether readers of JPEG XL Lossless show it as it is (PS3.5 8.2.15); others are wrapped, in our transfer syntax."""
    return image.interpretation in STANDARD and not image.signed


def may_win(native: Native) -> bool:
    """Whether the pixels are in colour, or look drawn, judged by the frame in the middle."""
    return native.image.interpretation not in GREY or wrapped.looks_drawn(native.pixels[len(native.pixels) // 2])


def _encode(frame: np.ndarray, image: PixelLayout, effort: int, threads: int) -> bytes:
    if is_standard(image):
        return jpegxl.encode(frame, effort, threads)
    return wrapped.encode(frame.reshape(1, *frame.shape[:2], -1), effort, threads, image.bits_stored)
