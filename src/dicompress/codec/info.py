"""What is told of a stream without decoding it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict


class Sizes(TypedDict):
    """What `StreamInfo` has of all kinds of streams."""

    frames: int
    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    coded_bytes: int
    bits_per_pixel: float
    ratio_allocated: float
    ratio_stored: float
    levels: int
    level_bytes: list[int]


@dataclass(frozen=True, kw_only=True)
class StreamInfo:
    """What `inspect` tells of a stream without decoding it.

    rows, columns: of a frame; samples: of a pixel; frames: 1 also for an array without an axis of frames. bits_allocated: 1 of bool arrays, else 8 to 64;
    bits_stored: DICOM's, as it was given. signed: whether pixels are. near: by how much a pixel may differ from the original, 0 for
    not at all. model: its name, None if it is not installed; model_hash: 8 bytes in hexadecimal.

    coded_bytes counts the whole stream, bits_per_pixel are its bits by the pixels of all frames, all samples of a pixel together;
    ratio_allocated and ratio_stored compare it with the pixels at their allocated and stored bits. levels: by how many
    halvings the image can be had early; level_bytes[k]: how many bytes of the stream `decode(data, level=k)` needs, k from 0.
    checksums: XXH64 of the pixels, one a frame and sample, in hexadecimal (docs/format.md). references: those of the images that the
    stream leans on, which `decode` must be given. Of JPEG XL `model` is "JPEG XL", without a hash, and there is one checksum a frame.
    """

    rows: int
    columns: int
    samples: int
    frames: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    near: int = 0
    model: str | None
    model_hash: str = ""
    coded_bytes: int
    bits_per_pixel: float
    ratio_allocated: float
    ratio_stored: float
    levels: int
    level_bytes: list[int]
    checksums: list[str]
    references: list[str] = field(default_factory=list)


def sizes(shape: tuple[int, int, int, int], bits_allocated: int, bits_stored: int, level_bytes: list[int]) -> Sizes:
    frames, rows, columns, samples = shape
    pixels, bits = frames * rows * columns, 8 * level_bytes[0]
    return {
        "frames": frames,
        "rows": rows,
        "columns": columns,
        "samples": samples,
        "bits_allocated": bits_allocated,
        "bits_stored": bits_stored,
        "coded_bytes": level_bytes[0],
        "bits_per_pixel": bits / pixels,
        "ratio_allocated": bits_allocated * samples * pixels / bits,
        "ratio_stored": bits_stored * samples * pixels / bits,
        "levels": len(level_bytes) - 1,
        "level_bytes": level_bytes,
    }


def array_shape(shape: tuple[int, int, int, int], has_frames: bool) -> tuple[int, ...]:
    """Of the array that was encoded as (frames, rows, columns, samples)."""
    frames, rows, columns, samples = shape
    return ((frames,) if has_frames else ()) + (rows, columns) + ((samples,) if samples > 1 else ())
