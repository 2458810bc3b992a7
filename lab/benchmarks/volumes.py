"""Volumes with and without neighbours, against each slice alone and against tomoz, which codes a volume at once.

    python lab/benchmarks/volumes.py DATA/volumes/dev --model RUN/model

One row a folder of single-frame files (order by name); all bytes of the streams, in bits a pixel. Every stream is decoded
and compared. Without --model the installed weights.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import tomoz

import dicompress
from dicompress.models import by_name
from dicompress.models.pyramid import Pyramid
from dicompress.native import codec as native


def volumes(folder: Path) -> Iterator[tuple[str, np.ndarray]]:
    """(name, (slices, rows, columns)) of every folder of files of one shape and type."""
    for place in sorted({p.parent for p in folder.rglob("*.dcm")}):
        yield f"{place.parent.name}/{place.name}", np.stack([pydicom.dcmread(p).pixel_array for p in sorted(place.glob("*.dcm"))])


def measure(volume: np.ndarray, model, neighbours: bool, threads: int) -> tuple[bytes, float, float]:
    """Stream, and the seconds that encoding (without verification) and decoding took."""
    start = time.perf_counter()
    data = dicompress.encode(volume, model=model, neighbours=neighbours, verify=False, threads=threads)
    middle = time.perf_counter()
    if not np.array_equal(dicompress.decode(data, model=model, threads=threads), volume):
        raise SystemExit("decoded pixels differ")
    return data, middle - start, time.perf_counter() - middle


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--model", type=Path, help="folder of an exported pyramid")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    model = Pyramid(options.model) if options.model else by_name("pyramid", options.threads)
    print("| volume | slices | tomoz | alone | neighbours | change | leaning on 0, 1, 2 | against tomoz | decode MP/s |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, volume in (item for folder in options.folders for item in volumes(folder)):
        alone, _, _ = measure(volume, model, False, options.threads)
        leant, _, seconds = measure(volume, model, True, options.threads)
        other = len(tomoz.encode(volume))
        stream = native.Stream(leant, None, 1 << 40, 1 << 40)
        counts = np.bincount([len(stream.references(n)) for n in range(len(volume))], minlength=3)
        bits = [8 * n / volume.size for n in (other, len(alone), len(leant))]
        change, against = (100 * (bits[2] / b - 1) for b in (bits[1], bits[0]))
        print(
            f"| {name} | {len(volume)} | {bits[0]:.4f} | {bits[1]:.4f} | {bits[2]:.4f} | {change:+.2f} % "
            f"| {', '.join(map(str, counts))} | {against:+.2f} % | {volume.size / 1e6 / seconds:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
