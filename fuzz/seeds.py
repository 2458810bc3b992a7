"""Streams that fuzzers begin with; `seeds.py FOLDER` writes those of the model that the library has, for `codec.cpp`."""

import sys
from pathlib import Path

import numpy as np

import dicompress

ROOT = Path(__file__).parent.parent
GOLDEN = [path.read_bytes() for tests in ("tests", "lab/tests") for path in sorted((ROOT / tests / "golden").glob("*.dcmp"))]


def small_streams() -> list[bytes]:
    """Every kind of stream, so small that hundreds are decoded in a second."""
    chance = np.random.default_rng(0)
    grey = (chance.normal(0, 9, (20, 21)).cumsum(0) + 900).astype(np.uint16)
    colour = np.stack([grey & 255, (grey + 3) & 255, grey.T[:20, [*range(20), 0]] & 255], -1).astype(np.uint8)
    series = np.stack([grey + frame for frame in range(3)] + [np.full_like(grey, 7)])
    settings = [{"model": model, "near": near} for model in ("pyramid", "reference", "l3c") for near in (0, 2)]
    streams = [dicompress.encode(image, **s) for s in settings for image in (grey, grey * 16, grey[None, :, :5])]
    streams += [dicompress.encode(colour, colour=True, **s) for s in settings[:4]]
    streams += [dicompress.encode(series, neighbours=True, **s) for s in settings[:2]]
    return [*streams, dicompress.encode(grey, model="srec")]


def main(folder: str) -> None:
    for number, data in enumerate(GOLDEN + small_streams()):
        info = dicompress.inspect(data)
        if info.model == "pyramid" and info.frames * info.rows * info.columns * info.samples <= 1 << 13:
            (Path(folder) / f"{number:03}").write_bytes(data)
    for number in range(256):  # images: see `try_image`
        (Path(folder) / f"image-{number:03}").write_bytes(np.random.default_rng(number).bytes(16 + number))


if __name__ == "__main__":
    main(*sys.argv[1:])
