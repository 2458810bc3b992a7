"""What the benchmark asks of a codec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Encode = Callable[[np.ndarray], bytes]
Decode = Callable[[bytes, tuple[int, int], np.dtype], np.ndarray]


@dataclass(frozen=True)
class Codec:
    """One codec: two functions and what a reader of its numbers must know.

    encode: (rows, columns) uint8 or uint16 -> bytes, on one thread. decode: the bytes and the shape and dtype, which DICOM
    keeps elsewhere, -> the image. origin: what does the work, with its version or its paper. lossless: False if the image
    comes back changed; then its quality is measured. slow: only measured when asked for by name. missing: why it cannot
    run here; empty if it can. note: what happens to images that the format was not made for.
    """

    name: str
    encode: Encode
    decode: Decode
    origin: str
    lossless: bool = True
    slow: bool = False
    missing: str = ""
    note: str = ""

    @property
    def key(self) -> str:
        """The name for a command line: lower case, hyphens."""
        return self.name.lower().replace(" ", "-")
