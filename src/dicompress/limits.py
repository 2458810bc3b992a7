"""What untrusted input may claim, as a few bytes can claim more than there is memory; the environment sets other limits."""

from __future__ import annotations

import os
from typing import Protocol

from .errors import LimitError

MAX_FRAME_PIXELS = 1 << 29
"""Pixels of a frame, rows times columns; nothing changes it."""
MAX_SAMPLES = 1 << 31
"""Samples of all frames, unless DICOMPRESS_MAX_PIXELS says otherwise."""
MAX_MEMORY = 16 << 30
"""Bytes that decoding may take, unless DICOMPRESS_MAX_MEMORY says otherwise."""
# Decoding takes this, whatever the size of the image, and its pixels so many times (measured: docs/conformance.md, "Limits").
WORKING_MEMORY = 512 << 20
COPIES = 4


def check_size(frames: int, rows: int, columns: int, samples: int, sample_bytes: int) -> None:
    """LimitError if an image has more pixels, or decoding it takes more memory, than is allowed."""
    limit = _limit("DICOMPRESS_MAX_PIXELS", MAX_SAMPLES)
    pixels = rows * columns
    if pixels > MAX_FRAME_PIXELS or frames * pixels * samples > limit:
        raise LimitError(
            f"{frames} x {rows} x {columns} pixels of {samples} samples; the limit is {MAX_FRAME_PIXELS} pixels a frame and "
            f"{limit} samples in all, which DICOMPRESS_MAX_PIXELS in the environment changes"
        )
    _check_memory(WORKING_MEMORY + COPIES * frames * pixels * samples * sample_bytes)


class Decompressor(Protocol):
    """What `zlib.decompressobj` gives."""

    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes: ...
    def flush(self) -> bytes: ...


def inflate(engine: Decompressor, data: bytes) -> bytes:
    """All that a zlib decompression object makes of `data`. LimitError if it is more than is allowed; zlib.error."""
    limit = max(0, _limit("DICOMPRESS_MAX_MEMORY", MAX_MEMORY) - WORKING_MEMORY) // COPIES
    content = engine.decompress(data, limit + 1)
    check_expanded(len(content))
    return content + engine.flush()


def check_expanded(nbytes: int) -> None:
    """LimitError if what comes out of compressed bytes that are no pixels is more than is allowed."""
    _check_memory(WORKING_MEMORY + COPIES * nbytes)


def _check_memory(needed: int) -> None:
    limit = _limit("DICOMPRESS_MAX_MEMORY", MAX_MEMORY)
    if needed > limit:
        raise LimitError(
            f"decoding takes {needed} bytes of memory or more; the limit is {limit}, which DICOMPRESS_MAX_MEMORY in the "
            "environment changes"
        )


def pixel_limit() -> int:
    """Samples of all frames that a stream may claim."""
    return _limit("DICOMPRESS_MAX_PIXELS", MAX_SAMPLES)


def memory_limit() -> int:
    """Bytes that decoding a stream may take."""
    return _limit("DICOMPRESS_MAX_MEMORY", MAX_MEMORY)


def _limit(variable: str, default: int) -> int:
    try:
        return int(os.environ.get(variable) or default)
    except ValueError:
        raise LimitError(f"the environment variable {variable} is not a whole number") from None
