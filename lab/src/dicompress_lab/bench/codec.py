"""What the benchmark asks of a codec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

Encode = Callable[[np.ndarray], bytes]
Decode = Callable[[bytes, tuple[int, ...], np.dtype], np.ndarray]


@dataclass(frozen=True)
class Codec:
    """One codec: two functions and what a reader of its numbers must know.

    encode: (rows, columns) uint8 or uint16 -> bytes, on one thread. decode: the bytes and the shape and dtype, which DICOM
    keeps elsewhere, -> the image. origin: what does the work, with its version or its paper. lossless: False if the image
    comes back changed; then its quality is measured. slow: only measured when asked for by name. missing: why it cannot
    run here; empty if it can. note: what happens to images that the format was not made for. graphics: the two functions for
    images in colour, (rows, columns, samples), and with a palette, (rows, columns); None if it takes grey only.
    """

    name: str
    encode: Encode
    decode: Decode
    origin: str
    lossless: bool = True
    slow: bool = False
    missing: str = ""
    note: str = ""
    graphics: tuple[Encode, Decode] | None = None

    def given(self, graphics: bool) -> Codec:
        """Itself for a grey image; for colour and graphics with the functions that take them."""
        if not graphics:
            return self
        encode, decode = self.graphics or (_refuse, self.decode)
        return replace(self, encode=encode, decode=decode)

    @property
    def key(self) -> str:
        """The name for a command line: lower case, hyphens."""
        return self.name.lower().replace(" ", "-")


def _refuse(image: np.ndarray) -> bytes:
    raise ValueError("grey images only")
