"""Where the time of `pyramid` goes on one image, and how fast it is beside tomoz and JPEG XL, in one run.

    python benchmarks/speed.py IMAGE [--repeats 7] [--threads 0] [--parts-only]

IMAGE: a DICOM file, of 512 x 512 pixels for numbers that compare. Processor time, as others may use the machine, in
milliseconds an image and nanoseconds a pixel; megapixels a second are of wall time. Medians, weights loaded.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import pydicom

import dicompress
from dicompress import coder
from dicompress.models import Values, by_name
from dicompress.models.pyramid import model, phases

PARTS = {
    "network": "the integer networks",
    "inputs": "filters' predictions, known pixels, channels",
    "coder": "mixtures, adaptation, entropy coding",
    "fitting": "filters of the header",
    "rest": "planes, digests, container, threads",
}


class Clock:
    """Processor time by part, of the functions that it was put around, in whichever thread they run."""

    def __init__(self):
        self.spent: dict[str, float] = defaultdict(float)

    def timed(self, function: Callable, part: str, clock: Callable[[], float] = time.thread_time) -> Callable:
        def run(*arguments, **options):
            start = clock()
            try:
                return function(*arguments, **options)
            finally:
                self.spent[part] += clock() - start

        return run

    def around(self, owner: object, name: str, part: str, **options) -> None:
        setattr(owner, name, self.timed(getattr(owner, name), part, **options))


def median(work: Callable, repeats: int) -> float:
    """Seconds of wall time; a first call does not count."""
    took = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        work()
        took.append(time.perf_counter() - start)
    return float(np.median(took[1:]))


def beside_others(image: np.ndarray, repeats: int, threads: int) -> list[str]:
    import imagecodecs
    import tomoz

    shifted = (
        image if image.dtype.kind == "u" else (image.astype(np.int32) - np.iinfo(image.dtype).min).astype(np.uint16)
    )
    options = {"threads": threads}
    calls = {
        "pyramid": (
            lambda: dicompress.encode(image, verify=False, **options),
            lambda data: dicompress.decode(data, **options),
        ),
        "pyramid, with proof": (lambda: dicompress.encode(image, **options), None),
        "tomoz": (lambda: tomoz.encode(image), tomoz.decode),
        "JPEG XL e7": (
            lambda: imagecodecs.jpegxl_encode(shifted, effort=7, lossless=True, numthreads=threads or None),
            lambda data: imagecodecs.jpegxl_decode(data, numthreads=threads or None),
        ),
    }
    lines = ["| | bits a pixel | encode MP/s | decode MP/s |", "|---|---|---|---|"]
    for name, (encode, decode) in calls.items():
        data = encode()
        rates = [f"{image.size / 1e6 / median(work, repeats):.2f}" if work else ""
                 for work in (encode, decode and (lambda: decode(data)))]  # fmt: skip
        lines.append(f"| {name} | {8 * len(data) / image.size:.3f} | {rates[0]} | {rates[1]} |")
    return lines


def parts(image: np.ndarray, repeats: int) -> list[str]:
    """On one thread, so that processor time adds up: the codec's own threads take turns."""
    found = by_name("pyramid", 1)
    clock = Clock()
    found._networks = {phase: clock.timed(network, "network") for phase, network in found._networks.items()}
    clock.around(phases.Level, "describe", "inputs")
    clock.around(phases.Level, "put", "inputs")
    # With the threads of linear algebra; nothing else runs meanwhile.
    clock.around(model, "fit_level", "fitting", clock=time.process_time)
    clock.around(coder, "encode", "coder")
    clock.around(coder, "decode", "coder")
    data = dicompress.encode(image, model=found, verify=False, threads=1)
    columns = {}
    for name, work in {
        "encode": lambda: dicompress.encode(image, model=found, verify=False, threads=1),
        "decode": lambda: dicompress.decode(data, model=found, threads=1),
    }.items():
        runs = []
        for _ in range(repeats):
            clock.spent.clear()
            start = time.process_time()
            work()
            whole = time.process_time() - start
            runs.append(dict(clock.spent) | {"rest": whole - sum(clock.spent.values()), "all": whole})
        columns[name] = {part: float(np.median([run.get(part, 0.0) for run in runs])) for part in (*PARTS, "all")}
    lines = ["| part | encode ms | ns a pixel | decode ms | ns a pixel | |", "|---|---|---|---|---|---|"]
    for part in (*PARTS, "all"):
        cells = [f"{1e3 * column[part]:.1f} | {1e9 * column[part] / image.size:.0f}" for column in columns.values()]
        lines.append(f"| {part} | " + " | ".join(cells) + f" | {PARTS.get(part, '')} |")
    return lines


def coder_alone(image: np.ndarray, repeats: int) -> list[str]:
    """The coder on the tensors of the image, one thread, with every kind of vectors that this processor has."""
    found, values = by_name("pyramid", 1), Values(int(image.min()), int(image.max()))
    pixels = image.astype(np.int32)
    plan = found.plan(found.header(pixels, values), image.shape, values, found.levels(image.shape))
    tensors = found.analyse(plan, pixels)
    mixtures = [found.predict(plan, k, tensors[:k]) for k in range(len(tensors))]
    native = coder.native
    lines = ["| coder alone | encode ns a pixel | decode ns a pixel |", "|---|---|---|"]
    for kind in {native.Vectors.plain, native.best_vectors()}:
        took = {"encode": [], "decode": []}
        for _ in range(repeats):
            seconds = {"encode": 0.0, "decode": 0.0}
            for tensor, mixture in zip(tensors, mixtures):
                for first, last in mixture.bands(tensor.shape):
                    start = time.process_time()
                    coded = native.encode(tensor, *mixture.prediction, first, last, kind)
                    between = time.process_time()
                    native.decode(*coded, np.empty_like(tensor), *mixture.prediction, first, last, kind)
                    seconds["encode"] += between - start
                    seconds["decode"] += time.process_time() - between
            for name, spent in seconds.items():
                took[name].append(1e9 * spent / image.size)
        lines.append(
            f"| {str(kind).split('.')[-1]} | " + " | ".join(f"{np.median(t):.0f}" for t in took.values()) + " |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=0, help="0 for one a core")
    parser.add_argument("--parts-only", action="store_true", help="without the other codecs")
    arguments = parser.parse_args()
    image = pydicom.dcmread(arguments.image).pixel_array
    print(f"{image.shape[0]} x {image.shape[1]} pixels, {image.dtype}\n")
    if not arguments.parts_only:
        print("\n".join(beside_others(image, arguments.repeats, arguments.threads)) + "\n")
    print("\n".join(coder_alone(image, arguments.repeats)) + "\n")
    print("\n".join(parts(image, arguments.repeats)))


if __name__ == "__main__":
    main()
