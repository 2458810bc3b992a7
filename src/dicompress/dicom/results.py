"""What compressing and restoring a file gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Compressed:
    """pixels: of all frames. near: by how much a pixel may differ from the original's; 0 for not at all."""

    data: bytes
    pixels: int
    near: int


@dataclass(frozen=True)
class Restored:
    """data: the restored file. edited: the elements were changed after compression; they are kept as changed.

    near: by how much a pixel may differ from the original's; if it is not 0, the file is a derived image.
    """

    data: bytes
    pixels: int
    edited: bool
    near: int
