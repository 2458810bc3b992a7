"""Write docs/results.md: rates on folders of DICOM files beside other codecs, speed and memory on this machine.

    python lab/benchmarks/results.py DATA/dev DATA/wg04 -o docs/results.md

The first folder is reported as means over series (a series is a folder; radiographs count one by one), the second image
by image. Every codec gets the same integers at full depth and is decoded and compared.
"""

from __future__ import annotations

import argparse
import os
import platform
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from speed import beside_others, memory, rate

from dicompress_lab.bench.codecs import all_codecs
from dicompress_lab.bench.environment import processor
from dicompress_lab.bench.images import Image, pixels, scan
from dicompress_lab.bench.summary import series_means

OURS = ("reference", "pyramid")
COLUMNS = ("deflate", "PNG", "JPEG 2000", "JPEG-LS", "JPEG XL e7", "JPEG XL e9", "tomoz", *OURS)


def codecs() -> dict:
    """name -> (encode, decode) on unsigned (rows, columns) arrays, on one thread."""
    found = {codec.name: codec for codec in all_codecs().values()}
    return {n: (found[n].encode, lambda d, a, c=found[n]: c.decode(d, a.shape, a.dtype)) for n in COLUMNS}


def measure(image: Image) -> dict[str, float]:
    """Bits a pixel of one image under every codec."""
    array, bits = pixels(image), {}
    for name, (encode, decode) in codecs().items():
        data = encode(array)
        if not np.array_equal(decode(data, array), array):
            raise SystemExit(f"{image.path}: {name} is not lossless")
        bits[name] = 8 * len(data) / array.size
    return bits


def rates(images: list[Image]) -> list[dict[str, float]]:
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        return list(pool.map(measure, images))


def table(rows: dict[str, dict], counts: dict[str, str]) -> str:
    names = list(next(iter(rows.values())))
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for label, bits in rows.items():
        cells = " | ".join(f"{bits[n]:.3f}" for n in names)
        lines.append(f"| {label}{counts.get(label, '')} | {cells} |")
    return "\n".join(lines)


def by_group(images: list[Image], measured: list[dict[str, float]]) -> str:
    rows, counts = {}, {}
    for group in sorted({image.group for image in images}):
        here = [(image.series, bits) for image, bits in zip(images, measured) if image.group == group]
        means = {name: series_means((series, bits[name]) for series, bits in here) for name in COLUMNS}
        rows[group] = {name: float(np.mean(list(found.values()))) for name, found in means.items()}
        counts[group] = f" ({len(means[COLUMNS[0]])} series)"
    return table(rows, counts)


def growth() -> str:
    """Seconds a megapixel by image size: the cost is linear. A smooth surface and noise."""
    import dicompress

    lines = ["| size | encode s/MP | decode s/MP |", "|---|---|---|"]
    for side in (256, 512, 1024, 2048, 4096):
        image, repeats = surface(side, side), 5 if side < 1024 else 1
        data = dicompress.encode(image)
        rates = [rate(work, image.size, repeats) for work in (lambda: dicompress.encode(image), lambda: dicompress.decode(data))]
        lines.append(f"| {side} x {side} | " + " | ".join(f"{1 / megapixels:.2f}" for megapixels in rates) + " |")
    return "\n".join(lines)


def surface(rows: int, columns: int) -> np.ndarray:
    y, x = np.mgrid[:rows, :columns]
    image = 1500 + 800 * np.sin(x / 300) * np.cos(y / 500) + np.random.default_rng(0).normal(0, 6, x.shape)
    return image.astype(np.uint16)


def levels(images: list[np.ndarray]) -> str:
    """The share of bytes that each level of `pyramid` needs, and the coder's overhead over the ideal code length."""
    import dicompress

    lines = ["| level | picture | bytes up to here | share |", "|---|---|---|---|"]
    infos = [dicompress.inspect(dicompress.encode(image)) for image in images]
    for k in reversed(range(min(i.levels for i in infos) + 1)):
        bytes_ = np.mean([i.level_bytes[k] for i in infos])
        share = np.mean([i.level_bytes[k] / i.level_bytes[0] for i in infos])
        lines.append(f"| {k} | 1/{2**k} | {bytes_:.0f} | {100 * share:.2f} % |")
    return "\n".join(lines)


def size_of(name: str) -> str:
    """Weights of a model's networks, their multiply-adds a decoded pixel, and the size of the files."""
    from macs import a_pixel, weights

    from dicompress.models import by_name
    from dicompress.native import network
    from dicompress_lab.models.weights import installed

    if name == "pyramid":
        current = by_name(name).hash
        (data,) = (data for data in network.installed_weights() if network.hash(data) == current)
        return f"{len(data) / 1e3:.0f} kB of weights, in the library"
    folder = Path(str(installed(name, by_name(name).hash.hex())))
    disk = sum(path.stat().st_size for path in folder.glob("*.onnx"))
    return (
        f"{weights(folder) / 1e3:.0f} k weights, {a_pixel(folder)[1] / 1e3:.0f} k multiply-adds a decoded pixel, "
        f"{disk / 1e3:.0f} kB of files"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("series", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/results.md"))
    arguments = parser.parse_args()
    dev, single = ([i for i in scan([folder])[0] if not i.graphics] for folder in (arguments.series, arguments.images))
    measured = rates(dev + single)
    ct = pixels(next(image for image in single if image.modality == "CT"))
    firsts = {image.series: image for image in reversed(dev) if image.modality in ("CT", "MR")}
    some = [pixels(firsts[series]) for series in sorted(firsts)[::6]]
    libraries = ", ".join(f"{n} {version(n)}" for n in ("dicompress", "numpy", "imagecodecs", "tomoz"))
    text = f"""# Results

Bits a pixel, all bytes of the stream counted; lossless, full depth, every stream decoded and compared. Smaller is better.

    pip install . ./lab && python lab/benchmarks/results.py DATA/{arguments.series.name} DATA/{arguments.images.name}

{date.today()}; {os.cpu_count()} cores, {processor()}, Python {platform.python_version()}; {libraries}.
The models and their training are described in their cards (`models/*/weights/*/README.md` in `src/dicompress` and `lab/src/dicompress_lab`), each try on the
way in [experiments](experiments.md).

## Means over series, `{arguments.series.name}`

{by_group(dev, measured)}

Radiographs with JPEG history are 8-bit films that were JPEG once; their noise is gone.

No network was trained on `{arguments.series.name}`, but choices were made by looking at it (which inputs the network gets,
when to stop; for `reference` also the constants of the coder's adaptation). `{arguments.images.name}` was used for none,
so its table is the stricter one.

## Image by image, `{arguments.images.name}` (NEMA WG-04)

{table({image.file.stem: bits for image, bits in zip(single, measured[len(dev) :])}, {})}

## Speed, one 512 x 512 CT slice in process, weights loaded

{chr(10).join(beside_others(ct, 15))}

The others do not verify by decoding. tomoz uses all cores, JPEG-LS and JPEG 2000 one.

## Cost by size, `pyramid`

A smooth surface with noise; encoding with verification.

{growth()}

{chr(10).join(memory())}

## Levels, `pyramid`

What `decode(data, level=k)` reads, means over {len(some)} CT and MR images.

{levels(some)}

## Networks

- `reference`: {size_of("reference")}
- `pyramid`: {size_of("pyramid")}

What volumes gain by neighbours stands in [experiments](experiments.md#references). \
See [colour](colour.md) for colour and graphics, [ablation](ablation.md) for what each part of `pyramid` is worth, \
[near](near.md) for images with a bounded error.
"""
    arguments.output.write_text(text)
    print(text)


if __name__ == "__main__":
    main()
