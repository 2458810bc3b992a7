"""Doses and parametric maps beside other codecs: the tables of docs/other-pixels.md.

    python lab/benchmarks/maps.py DATA/volumes/dev DATA/volumes/train/pt --doses RTDOSE.dcm

Bytes of all arrays of a kind, each coded as a whole: by deflate at pydicom's level (Deflated Explicit VR Little Endian), Zstandard at level
19, of the values as they are and with their bytes shuffled, blosc2 with bitshuffle and Zstandard at its highest level, JPEG XL
(floats of 32 bits alone, frame by frame). Doses: pydicom's, pydicom-data's and those that are given; maps are made from the middle
`--slices` of each folder of single-frame files. Every stream is decoded and compared bit by bit.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
import zlib
from collections import defaultdict
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import blosc2
import imagecodecs
import numpy as np
import pydicom
from backports import zstd
from scipy import ndimage

import dicompress

PEERS = ("deflate", "zstd -19", "zstd -19, shuffled", "blosc2", "JPEG XL e7", "JPEG XL e9")
BLOSC2 = {"codec": blosc2.Codec.ZSTD, "clevel": 9, "filters": [blosc2.Filter.BITSHUFFLE], "filters_meta": [0]}


def doses(given: list[Path]) -> Iterator[tuple[str, np.ndarray]]:
    roots = [Path(spec.origin).parent / "data" for name in ("pydicom", "data_store") if (spec := find_spec(name)) and spec.origin]
    for path in [*given, *(f for root in roots for f in sorted(root.rglob("*.dcm")))]:
        if path not in given and not any(part in path.name for part in ("rtdose", "32bit")):
            continue
        dataset = pydicom.dcmread(path)
        kind = (
            "RT Dose, pydicom's"
            if "rtdose" in path.name and path not in given
            else "RT Dose, given"
            if path in given
            else "32-bit images"
        )
        pixels = dataset.pixel_array
        yield kind, pixels.astype(pixels.dtype.newbyteorder("="))


def volume(folder: Path, slices: int) -> tuple[np.ndarray, float, float]:
    paths = sorted(folder.glob("*.dcm"))
    first = max(0, (len(paths) - slices) // 2)
    found = [pydicom.dcmread(p) for p in paths[first : first + slices]]
    slope, intercept = (float(found[0].get(name, usual)) for name, usual in (("RescaleSlope", 1), ("RescaleIntercept", 0)))
    return np.stack([d.pixel_array for d in found]), slope, intercept


def maps(folder: Path, slices: int) -> Iterator[tuple[str, np.ndarray]]:
    """Such as others compute from images of integers."""
    stored, slope, intercept = volume(folder, slices + 1)
    whole = stored.astype(np.float64)
    single = stored.astype(np.float32)
    inside = (stored[1:] > 20) & (stored[:-1] > 20)
    smooth = ndimage.gaussian_filter(whole, (0, 4, 4))[:-1, ::2, ::2]
    smooth -= smooth.min()
    with np.errstate(all="ignore"):
        yield "rescaled, float", (whole * slope + intercept)[1:].astype(np.float32)
        yield "SUV, float", (whole * slope * (70 / 3.7e5))[1:].astype(np.float32)
        yield "SUV, double", (whole * slope * (70 / 3.7e5))[1:]
        yield "standard scores, float", ((single - single.mean()) / single.std())[1:]
        yield "logarithm of a ratio (ADC), float", np.where(inside, -np.log(single[1:] / single[:-1]) / 1000, 0).astype(np.float32)
        yield "logarithm of a ratio, double", np.where(inside, -np.log(whole[1:] / whole[:-1]) / 1000, 0)
        yield "ratio, float", single[1:] / single[:-1]
        yield "filtered, float", ndimage.gaussian_filter(single, (0, 1, 1))[1:]
        yield "resampled, float", ndimage.zoom(single[1:], (1, 0.8, 0.8), order=3)
        yield "dose-like, made, 1e-5", np.rint(smooth / smooth.max() * 7.2e5).astype(np.uint32)
        yield "dose-like, made, 32 bits", np.rint(smooth / smooth.max() * (2**32 - 1)).astype(np.uint32)


def peers(array: np.ndarray) -> dict[str, int]:
    raw = np.frombuffer(array.tobytes(), np.uint8)
    engine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    found = {
        "deflate": len(engine.compress(raw.tobytes()) + engine.flush()),
        "zstd -19": len(zstd.compress(raw.tobytes(), 19)),
        "zstd -19, shuffled": len(zstd.compress(raw.reshape(-1, array.itemsize).T.tobytes(), 19)),
        "blosc2": len(blosc2.compress2(raw, typesize=array.itemsize, **BLOSC2)),
    }
    if array.dtype == np.float32:
        frames = array if array.ndim > 2 else array[None]
        for effort in (7, 9):
            found[f"JPEG XL e{effort}"] = sum(len(imagecodecs.jpegxl_encode(f, lossless=True, effort=effort)) for f in frames)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--doses", type=Path, nargs="*", default=[], help="RT Dose files")
    parser.add_argument("--slices", type=int, default=2)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    places = sorted({path.parent for folder in options.folders for path in folder.rglob("*.dcm")})
    arrays = [*doses(options.doses), *(found for place in places for found in maps(place, options.slices))]
    sums: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for kind, array in arrays:
        array, of = np.ascontiguousarray(array), sums[kind]
        start = time.perf_counter()
        data = dicompress.encode(array, colour=array.shape[-1] == 3, verify=False)
        middle = time.perf_counter()
        if dicompress.decode(data).tobytes() != array.tobytes():
            raise SystemExit(f"{kind}: values differ")
        of["encode"] += middle - start
        of["decode"] += time.perf_counter() - middle
        for name, count in {"count": 1, "raw": array.nbytes, "values": array.size, "dicompress": len(data), **peers(array)}.items():
            of[name] += count
        print(kind, array.dtype, array.shape, dict(of), file=sys.stderr, flush=True)  # so far
    print(f"| kind | arrays | raw | {' | '.join(PEERS)} | dicompress | against the best | encode, decode MP/s |")
    print("|---|" + "---|" * (len(PEERS) + 5))
    for kind, of in sums.items():
        others = [of[name] for name in PEERS if name in of]
        cells = " | ".join(f"{of[name] / 1000:.1f}" if name in of else "" for name in PEERS)
        speeds = ", ".join(f"{of['values'] / 1e6 / of[name]:.2f}" for name in ("encode", "decode"))
        change = 100 * (of["dicompress"] / min(others) - 1)
        print(
            f"| {kind} | {of['count']:.0f} | {of['raw'] / 1000:.1f} | {cells} | {of['dicompress'] / 1000:.1f} | {change:+.1f} % | {speeds} |"
        )


if __name__ == "__main__":
    main()
