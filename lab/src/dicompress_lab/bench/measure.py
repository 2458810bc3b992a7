"""One codec on one image: bytes, seconds, memory, and whether the image came back."""

from __future__ import annotations

import hashlib
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .codec import Codec
from .images import told
from .memory import Peak

OK, SKIPPED, FAILED = "ok", "skipped", "failed"
REPEATS, FEWEST = 5, 3  # runs of a timing: at most, and at least where they are short
ENOUGH, TOO_LONG = 0.1, 0.6  # seconds of a timing after which no more than FEWEST runs are made, and no more at all
WARM = 64  # rows and columns of the piece that each codec meets first, so that its weights are loaded


@dataclass(frozen=True)
class Measurement:
    """What one codec did to one image.

    digest: of the pixels. status: "ok"; "skipped", the codec does not take the image; "failed", it lost it. reason: why not
    ok. size: bytes. encode_s, decode_s: medians, see `_median`. peak_mb: of encoding and decoding, beyond what the
    process had. quality: of a lossy codec, see `quality`. where: the machine and how busy it was kept.
    """

    path: str
    frame: int
    digest: str
    codec: str
    origin: str
    status: str
    reason: str = ""
    size: int | None = None
    encode_s: float | None = None
    decode_s: float | None = None
    peak_mb: float | None = None
    quality: dict | None = None
    where: str = ""


def digest(image: np.ndarray) -> str:
    return hashlib.blake2b(repr((image.shape, image.dtype.str)).encode() + image.tobytes(), digest_size=12).hexdigest()


def measure(codec: Codec, image: np.ndarray, bits_stored: int) -> dict:
    """The fields of a Measurement from `status` on, for an image (rows, columns), uint8 or uint16. Never raises."""
    given = image.copy()  # a codec that scribbles in its input must not harm the next one
    peak = Peak()
    try:
        data, encoding = _timed(lambda: codec.encode(given))
    except Exception as error:
        return {"status": SKIPPED, "reason": told(error)}
    try:
        restored, decoding = _timed(lambda: codec.decode(data, image.shape, image.dtype))
    except Exception as error:
        return {"status": FAILED, "reason": f"cannot decode what it encoded: {told(error)}", "size": len(data)}
    memory = peak.megabytes()
    wrong = _difference(codec, image, restored)
    if wrong:
        return {"status": FAILED, "reason": wrong, "size": len(data)}
    found = {"status": OK, "size": len(data), "peak_mb": memory}
    try:
        if not codec.lossless:
            from dicompress.compare.quality import quality

            found["quality"] = quality(image, restored, bits_stored)
        found["encode_s"] = _median(lambda: codec.encode(given), encoding)
        found["decode_s"] = _median(lambda: codec.decode(data, image.shape, image.dtype), decoding)
    except Exception as error:
        return {"status": FAILED, "reason": f"raises when run again: {told(error)}", "size": len(data)}
    return found


def warm(codec: Codec, image: np.ndarray) -> None:
    """Let the codec load what it needs, on a piece of the image; what goes wrong shows again when it is measured."""
    piece = np.ascontiguousarray(image[:WARM, :WARM])
    try:
        codec.decode(codec.encode(piece), piece.shape, piece.dtype)
    except Exception:  # noqa: S110
        pass


def _difference(codec: Codec, image: np.ndarray, restored: np.ndarray) -> str:
    if not isinstance(restored, np.ndarray) or (restored.shape, restored.dtype) != (image.shape, image.dtype):
        got = f"{restored.shape} {restored.dtype}" if isinstance(restored, np.ndarray) else type(restored).__name__
        return f"gives back {got} for {image.shape} {image.dtype}"
    if codec.lossless and not np.array_equal(restored, image):
        return f"not lossless: {np.count_nonzero(restored != image)} of {image.size} pixels differ"
    return ""


def _timed(work: Callable) -> tuple:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start


def _median(work: Callable, first: float) -> float:
    """Seconds: of five runs, of three that take 0.1 s or more together, of fewer only where they take 0.6 s."""
    took = [first]
    while len(took) < REPEATS and sum(took) < (TOO_LONG if len(took) < FEWEST else ENOUGH):
        took.append(_timed(work)[1])
    return statistics.median(took)
