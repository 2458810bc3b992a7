"""Single images under other weights than the installed ones: bits a pixel of all bytes, means over series.

    python lab/benchmarks/weights.py DATA/dev --model RUN/model [--every 3]

The first image of every series, or of every so many-th CT series; radiographs cut to 1024 x 1024. Four groups, as in
docs/results.md. Nothing is decoded here.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
import pydicom
from ablation import group_of

import dicompress
from dicompress.models import by_name
from dicompress.models.pyramid import Pyramid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="folder of an exported pyramid")
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    models = {"installed": by_name("pyramid", 1), "other": Pyramid(options.model)}
    places, bits = defaultdict(list), defaultdict(lambda: defaultdict(list))
    for path in sorted({p.parent: p for p in sorted(options.folder.rglob("*.dcm"), reverse=True)}.values()):
        places[group_of(path)].append(path)
    for group, paths in places.items():
        for path in paths[:: options.every] if group == "CT" else paths:
            image = pydicom.dcmread(path).pixel_array[:1024, :1024]
            for name, model in models.items():
                bits[group][name].append(8 * len(dicompress.encode(image, model=model, verify=False, threads=1)) / image.size)
        installed, other = (float(np.mean(bits[group][name])) for name in models)
        changes = np.array(bits[group]["other"]) / bits[group]["installed"] - 1
        print(
            f"{group:18} {len(changes):3} series  installed {installed:.4f}  other {other:.4f}  {100 * (other / installed - 1):+.2f} %"
            f"  (mean of ratios {100 * changes.mean():+.2f} %, worst {100 * changes.max():+.2f} %)",
            flush=True,
        )


if __name__ == "__main__":
    main()
