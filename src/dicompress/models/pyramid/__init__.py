"""`pyramid`: the image itself, coarse to fine, in three phases a level (docs/architecture.md). It lies in `core/pyramid`."""

from __future__ import annotations

from pathlib import Path

from ...native import pyramid as native


class Pyramid(native.Pyramid):
    """The model of the weights.bin in `folder`, as `dicompress export` writes it. Raises StreamError if it is none."""

    def __init__(self, folder: Path | str):
        super().__init__((Path(folder) / "weights.bin").read_bytes())


__all__ = ["Pyramid"]
