"""Codecs that are programs on the PATH: FLIF."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from ..codec import Codec


def codecs() -> list[Codec]:
    missing = "" if shutil.which("flif") else "the program flif is not on the PATH"
    return [Codec("FLIF", flif_encode, flif_decode, "the program flif", slow=True, missing=missing)]


def flif_encode(image: np.ndarray) -> bytes:
    """uint8 or uint16 (rows, columns) -> FLIF, from a PGM with all bits. CalledProcessError if the program fails."""
    return _convert("-e", pgm(image), "image.pgm", "image.flif")


def flif_decode(data: bytes, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    return from_pgm(_convert("-d", data, "image.flif", "image.pgm"), shape, np.dtype(dtype))


def _convert(direction: str, data: bytes, source: str, target: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / source).write_bytes(data)
        subprocess.run(["flif", direction, source, target], cwd=folder, check=True, capture_output=True)
        return (Path(folder) / target).read_bytes()


def pgm(image: np.ndarray) -> bytes:
    """The image as a binary PGM; 16-bit values have their high byte first."""
    rows, columns = image.shape
    header = f"P5\n{columns} {rows}\n{np.iinfo(image.dtype).max}\n".encode()
    return header + image.astype(image.dtype.newbyteorder(">")).tobytes()


def from_pgm(data: bytes, shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    """The inverse of `pgm`. ValueError if the header says otherwise than shape and dtype."""
    header = data.split(maxsplit=4)[:4]
    if header != [b"P5", *(str(n).encode() for n in (shape[1], shape[0], np.iinfo(dtype).max))]:
        raise ValueError(f"not the expected PGM: {header}")
    pixels = data[-shape[0] * shape[1] * dtype.itemsize :]
    return np.frombuffer(pixels, dtype.newbyteorder(">")).reshape(shape).astype(dtype)
