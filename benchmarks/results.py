"""Write docs/results.md: rates on folders of DICOM files beside other codecs, speed and memory on this machine.

    python benchmarks/results.py DATA/dev DATA/wg04 -o docs/results.md

The first folder is reported as means over series (a series is a folder; radiographs count one by one), the second image
by image. Every codec gets the same integers at full depth and is decoded and compared. Needs the extra [bench].
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
import zlib
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pydicom

OURS = "reference"


def unsigned(image: np.ndarray) -> np.ndarray:
    """The same values from 0 up, for codecs without signs."""
    return (image.astype(np.int32) - (image.min() if image.dtype.kind == "i" else 0)).astype(f"u{image.itemsize}")


def codecs() -> dict:
    """name -> (encode, decode) on unsigned (rows, columns) arrays."""
    import imagecodecs as ic

    import dicompress

    def inflate(data, like):
        return np.frombuffer(zlib.decompress(data), like.dtype).reshape(like.shape)

    return {
        "deflate": (lambda a: zlib.compress(a.tobytes(), 9), inflate),
        "PNG": (lambda a: ic.png_encode(a, level=9), lambda d, a: ic.png_decode(d)),
        "JPEG 2000": (
            lambda a: ic.jpeg2k_encode(a, level=0, reversible=True, codecformat="j2k"),
            lambda d, a: ic.jpeg2k_decode(d),
        ),
        "JPEG-LS": (ic.jpegls_encode, lambda d, a: ic.jpegls_decode(d)),
        "JPEG XL e7": (lambda a: ic.jpegxl_encode(a, lossless=True, effort=7, numthreads=1), lambda d, a: ic.jpegxl_decode(d)),
        "JPEG XL e9": (lambda a: ic.jpegxl_encode(a, lossless=True, effort=9, numthreads=1), lambda d, a: ic.jpegxl_decode(d)),
        OURS: (lambda a: dicompress.encode(a, threads=1), lambda d, a: dicompress.decode(d, threads=1)),
    }


def measure(path: Path) -> dict:
    """Bits a pixel of one file's image under every codec."""
    dataset = pydicom.dcmread(path)
    image = unsigned(dataset.pixel_array)
    bits = {}
    for name, (encode, decode) in codecs().items():
        data = encode(image)
        if not np.array_equal(decode(data, image), image):
            raise SystemExit(f"{path}: {name} is not lossless")
        bits[name] = 8 * len(data) / image.size
    kind = path.parent.name if path.parent.name == "cr" else path.parent.parent.name
    if kind == "cr":
        history = dataset.get("LossyImageCompression") == "01"
        return {"group": "CR, JPEG history" if history else "CR, native", "series": str(path), "bits": bits}
    return {"group": kind.upper(), "series": str(path.parent), "bits": bits}


def rates(files: list[Path]) -> list[dict]:
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        return list(pool.map(measure, files))


def table(rows: dict[str, dict], counts: dict[str, str]) -> str:
    names = list(next(iter(rows.values())))
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for label, bits in rows.items():
        cells = " | ".join(f"{bits[n]:.3f}" for n in names)
        lines.append(f"| {label}{counts.get(label, '')} | {cells} |")
    return "\n".join(lines)


def by_group(measured: list[dict]) -> str:
    series = defaultdict(lambda: defaultdict(list))
    for m in measured:
        series[m["group"]][m["series"]].append(m["bits"])

    def mean(values):
        return {n: float(np.mean([v[n] for v in values])) for n in values[0]}

    rows = {group: mean([mean(images) for images in found.values()]) for group, found in sorted(series.items())}
    return table(rows, {group: f" ({len(found)} series)" for group, found in series.items()})


def speed(image: np.ndarray, repeats: int = 7) -> str:
    """Megapixels a second in process, weights loaded, two threads at most for ours; medians of repeats."""
    import dicompress

    pairs = codecs() | {OURS: (lambda a: dicompress.encode(a), lambda d, a: dicompress.decode(d))}
    lines = ["| | encode MP/s | decode MP/s |", "|---|---|---|"]
    for name in ("JPEG 2000", "JPEG-LS", "JPEG XL e7", OURS):
        encode, decode = pairs[name]
        data = encode(image)
        took = [[], []]
        decode(data, image)
        for _ in range(repeats):
            for i, work in enumerate((lambda: encode(image), lambda: decode(data, image))):
                start = time.perf_counter()
                work()
                took[i].append(time.perf_counter() - start)
        lines.append(f"| {name} | " + " | ".join(f"{image.size / 1e6 / np.median(t):.2f}" for t in took) + " |")
    return "\n".join(lines)


def parts(image: np.ndarray) -> str:
    """Where the bits go, and what the coder adds to the ideal code length."""
    from dicompress import coder
    from dicompress.models import by_name

    model = by_name(OURS)
    pixels = image.astype(np.int32)
    low, high = int(pixels.min()), int(pixels.max())
    header = model.header(pixels, low, high)
    plan = model.plan(header, pixels.shape, low, high, model.levels(pixels.shape))
    tensors = model.analyse(plan, pixels)
    lines, ideal_sum, coded_sum = ["| tensor | bits a pixel |", "|---|---|"], 0.0, 0
    for k, (name, tensor) in enumerate(zip(("thumbnail", "z(3)", "z(2)", "z(1)", "x"), tensors)):
        mixture = model.predict(plan, k, tensors[:k])
        ideal_sum += coder.code_length(tensor, mixture)
        coded = 8 * len(coder.encode(tensor, mixture))
        coded_sum += coded
        lines.append(f"| {name} | {coded / pixels.size:.3f} |")
    overhead = 100 * (coded_sum / ideal_sum - 1)
    return "\n".join(lines) + f"\n\nThe coder adds {overhead:.3f} % to the ideal code length, the sum of -log2 p."


PEAK = """
import resource, time, numpy as np, dicompress
y, x = np.mgrid[:3000, :2500]
image = 1500 + 800 * np.sin(x / 300) * np.cos(y / 500) + np.random.default_rng(0).normal(0, 6, x.shape)
image = image.astype(np.uint16)
start = time.perf_counter(); data = dicompress.encode(image); took = time.perf_counter() - start
assert np.array_equal(dicompress.decode(data), image)
print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB at the peak, {took:.1f} s to encode")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("series", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/results.md"))
    arguments = parser.parse_args()
    files = sorted(arguments.series.rglob("*.dcm"))
    single = sorted(arguments.images.rglob("*.dcm"))
    measured = rates(files + single)
    dev, each = measured[: len(files)], measured[len(files) :]
    ct = unsigned(pydicom.dcmread(next(p for p in single if p.stem.startswith("CT"))).pixel_array)
    peak = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True).stdout.strip()
    libraries = ", ".join(f"{n} {version(n)}" for n in ("dicompress", "onnxruntime", "numpy", "imagecodecs"))
    text = f"""# Results

Bits a pixel, all bytes of the stream counted; lossless, full depth, every stream decoded and compared. Smaller is better.

    pip install '.[bench]' && python benchmarks/results.py DATA/{arguments.series.name} DATA/{arguments.images.name}

{date.today()}; {os.cpu_count()} cores, {processor()}, Python {platform.python_version()}; {libraries}.
The model and its training are described in its card (`src/dicompress/models/reference/weights/README.md`).

## Means over series, `{arguments.series.name}`

{by_group(dev)}

Radiographs with JPEG history are 8-bit films that were JPEG once; their noise is gone.

No network was trained on `{arguments.series.name}`, but choices were made by looking at it, the constants of the coder's adaptation among them (11
of its images). `{arguments.images.name}` was used for none, so its table is the stricter one.

## Image by image, `{arguments.images.name}` (NEMA WG-04)

{table({p.stem: m["bits"] for p, m in zip(single, each)}, {})}

## Speed, one 512 x 512 CT slice in process, weights loaded

{speed(ct)}

Encoding includes verifying by decoding; the other codecs are not verified. Ours uses all cores, the others one.

## Where the bits go, the same slice

{parts(ct)}

## Memory

A radiograph of 3000 x 2500 pixels, the whole process: {peak}.
"""
    arguments.output.write_text(text)
    print(text)


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else ():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
