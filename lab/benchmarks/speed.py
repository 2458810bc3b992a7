"""How fast `pyramid` is on one image beside tomoz and JPEG XL, in one run; where its time goes; and how it uses cores.

    python lab/benchmarks/speed.py IMAGE [--repeats 15]

IMAGE: a DICOM file of one frame, of 512 x 512 pixels for numbers that compare. Megapixels a second of wall time, medians, in
process, weights loaded; parts in milliseconds on one thread.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial

import imagecodecs
import numpy as np
import pydicom
import tomoz

import dicompress
from dicompress.models import by_name
from dicompress.native import codec as native

PARTS = {
    "network": "the integer networks",
    "inputs": "filters' predictions, channels",
    "coder": "mixtures, adaptation, entropy coding",
    "fitting": "filters of the header",
    "rest": "planes, digests, container, threads",
    "all": "",
}
FRAMES = 16
MEMORY = """
import resource, sys, numpy as np, dicompress
what, path = sys.argv[1:]
if what == "decode alone":
    with open(path, "rb") as file:
        dicompress.decode(file.read())
else:
    side = np.arange(4096, dtype=np.uint16)
    image = np.random.default_rng(0).integers(0, 16, (4096, 4096), np.uint16)
    image += side // 3
    image += (side // 5)[:, None]
    if what != "nothing":
        data = dicompress.encode(image, verify=what == "all")
        with open(path, "wb") as file:
            file.write(data)
    if what == "all":
        assert (dicompress.decode(data) == image).all()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def rate(work: Callable, pixels: int, repeats: int) -> float:
    """Megapixels a second, the median; a first call does not count."""
    took = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return pixels / 1e6 / float(np.median(took[1:]))


def beside_others(image: np.ndarray, repeats: int) -> list[str]:
    shifted = image if image.dtype.kind == "u" else (image.astype(np.int32) - np.iinfo(image.dtype).min).astype(np.uint16)
    calls = {
        "JPEG 2000": (lambda a: imagecodecs.jpeg2k_encode(a, level=0, reversible=True), imagecodecs.jpeg2k_decode, shifted),
        "JPEG-LS": (imagecodecs.jpegls_encode, imagecodecs.jpegls_decode, shifted),
        "tomoz": (tomoz.encode, tomoz.decode, image),
    }
    for threads in (2, 1):
        name = f"{threads} thread{'s' * (threads > 1)}"
        calls |= {
            f"pyramid, {name}": (
                lambda a, t=threads: dicompress.encode(a, verify=False, threads=t),
                lambda data, t=threads: dicompress.decode(data, threads=t),
                image,
            ),
            f"pyramid with proof, {name}": (lambda a, t=threads: dicompress.encode(a, threads=t), None, image),
            f"JPEG XL e7, {name}": (
                lambda a, t=threads: imagecodecs.jpegxl_encode(a, effort=7, lossless=True, numthreads=t),
                lambda data, t=threads: imagecodecs.jpegxl_decode(data, numthreads=t),
                shifted,
            ),
        }
    lines = ["| | bits a pixel | encode MP/s | decode MP/s |", "|---|---|---|---|"]
    for name, (encode, decode, pixels) in calls.items():
        data = encode(pixels)
        there = f"{rate(lambda: encode(pixels), image.size, repeats):.2f}"
        back = f"{rate(lambda: decode(data), image.size, repeats):.2f}" if decode else ""
        lines.append(f"| {name} | {8 * len(data) / image.size:.3f} | {there} | {back} |")
    return lines


def parts(image: np.ndarray, repeats: int) -> list[str]:
    runs = [native.time_spent(image[None, ..., None], by_name("pyramid")) for _ in range(repeats)]
    columns = [{part: float(np.median([run[i][part] for run in runs])) for part in runs[0][i]} for i in (0, 1)]
    for column in columns:
        column["rest"] = column["all"] - sum(column[part] for part in ("network", "inputs", "coder", "fitting"))
    lines = ["| part | encode ms | ns a pixel | decode ms | ns a pixel | |", "|---|---|---|---|---|---|"]
    for part, what in PARTS.items():
        cells = [f"{column[part]:.1f} | {1e6 * column[part] / image.size:.0f}" for column in columns]
        lines.append(f"| {part} | " + " | ".join(cells) + f" | {what} |")
    return lines


def frames(image: np.ndarray, repeats: int) -> list[str]:
    """A multi-frame image on one core and on two."""
    volume = np.stack([np.roll(image, 7 * k, 1) for k in range(FRAMES)])
    data = dicompress.encode(volume, verify=False)
    lines = [f"| {FRAMES} frames | encode MP/s | decode MP/s |", "|---|---|---|"]
    rates = {}
    for threads in (1, 2):
        there = rate(lambda: dicompress.encode(volume, verify=False, threads=threads), volume.size, max(repeats // 5, 1))
        back = rate(lambda: dicompress.decode(data, threads=threads), volume.size, max(repeats // 5, 1))
        rates[threads] = there, back
        lines.append(f"| {threads} threads | {there:.2f} | {back:.2f} |")
    gains = (rates[2][k] / rates[1][k] for k in (0, 1))
    return [*lines, "| two against one | " + " | ".join(f"{gain:.2f}" for gain in gains) + " |"]


def memory() -> list[str]:
    """Peaks of fresh processes."""
    lines = ["| 4096 x 4096, 16 bits | peak MB of the process |", "|---|---|"]
    steps = {
        "nothing": "the image alone", "encode": "encode, with the image", "decode alone": "decode, with the result",
        "all": "encode, verify, decode, with the image",
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for what, name in steps.items():
            command = [sys.executable, "-c", MEMORY, what, os.path.join(folder, "stream")]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            lines.append(f"| {name} | {int(done.stdout) / 1024:.0f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image")
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    image = pydicom.dcmread(arguments.image).pixel_array
    print(f"{image.shape[0]} x {image.shape[1]} pixels, {image.dtype}")
    repeats = arguments.repeats
    for table in (partial(beside_others, image, repeats), partial(parts, image, repeats), partial(frames, image, repeats), memory):
        print("\n" + "\n".join(table()), flush=True)


if __name__ == "__main__":
    main()
