"""Print what cutting images to 8 bits does to compression ratios and to PSNR, as a table for docs/paper.md.

    python lab/benchmarks/rendition.py DATA/dev DATA/wg04

Every image is scaled from its smallest and largest value to 0 ... 255. JPEG-LS then compresses this rendition without loss,
and with an error of at most 1 (NEAR = 1). Ratios count the bits that the original file allocates. Means over series.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import imagecodecs
import numpy as np

from dicompress.compare.quality import quality
from dicompress_lab.bench.images import Image, pixels, scan
from dicompress_lab.bench.summary import series_means

COLUMNS = {
    "full": "JPEG-LS, full depth: ratio", "cut": "8 bits: ratio", "near": "8 bits, NEAR=1: ratio",
    "psnr": "PSNR (dB)", "mse8": "MSE", "ssim": "SSIM",
}  # fmt: skip


def measure(image: Image) -> dict[str, float]:
    original = pixels(image)
    low, high = int(original.min()), int(original.max())
    rendition = np.rint((original - low) * (255 / max(high - low, 1))).astype(np.uint8)
    near = imagecodecs.jpegls_encode(rendition, level=1)
    found = quality(rendition, imagecodecs.jpegls_decode(near), 8)
    allocated = image.pixels * image.bits_allocated / 8
    sizes = {"full": imagecodecs.jpegls_encode(original), "cut": imagecodecs.jpegls_encode(rendition), "near": near}
    return {name: allocated / len(data) for name, data in sizes.items()} | found


def main() -> None:
    images, _ = scan([Path(folder) for folder in sys.argv[1:]])
    groups = defaultdict(list)
    for image in images:
        groups[image.group].append((image.series, measure(image)))
    print("| | " + " | ".join(COLUMNS.values()) + " |", "|---" * (len(COLUMNS) + 1) + "|", sep="\n")
    for group, found in sorted(groups.items()):
        means = [np.mean(list(series_means((s, m[name]) for s, m in found if m[name] is not None).values())) for name in COLUMNS]
        print(f"| {group} | " + " | ".join(f"{v:.{4 if name == 'ssim' else 2}f}" for name, v in zip(COLUMNS, means)) + " |")


if __name__ == "__main__":
    main()
