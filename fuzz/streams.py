"""atheris: bare streams through `inspect` and `decode`; the fuzzer's changes are made behind the checksums (README.md).

An error of ours, or an image. If the whole image comes, its smaller pictures must be the ones that belong to it.
"""

import os
import sys
from pathlib import Path

import atheris
import harness

TESTS = Path(__file__).parent.parent / "tests"
sys.path.append(str(TESTS))
os.environ.setdefault("DICOMPRESS_MAX_PIXELS", "30000")  # what an execution may cost; the largest seed has 25200

with atheris.instrument_imports(include=["dicompress", "dicompress_lab"]):
    import dicompress
    import dicompress.codec
    import dicompress.models.pyramid
    import dicompress_lab.models.l3c
    import dicompress_lab.models.srec  # noqa: F401
import numpy as np  # noqa: E402
from helpers.mutations import Mutator  # noqa: E402
from seeds import GOLDEN, small_streams  # noqa: E402


def try_stream(data: bytes) -> None:
    try:
        info = dicompress.inspect(data)
    except dicompress.DicompressError:
        info = None
    try:
        image = dicompress.decode(data, threads=1)
    except dicompress.DicompressError:
        image = None
    if info is None:
        assert image is None, "what `inspect` refuses decodes"
        return
    pictures = {}
    for level in range(1, info.levels + 1):
        try:
            pictures[level] = dicompress.decode(data, level=level, threads=1)
        except dicompress.DicompressError:
            pass
    if image is None:
        return
    rows, columns = image.shape[-2 - (info.samples > 1) :][:2]
    assert (rows, columns, image.size) == (info.rows, info.columns, info.frames * rows * columns * info.samples)
    assert image.dtype == np.dtype(f"{'i' if info.signed else 'u'}{info.bits_allocated // 8}")
    whole = image.reshape(-1, rows, columns, info.samples)
    for level in range(1, info.levels + 1):
        picture = whole[:, :: 1 << level, :: 1 << level]
        assert np.array_equal(pictures[level].reshape(picture.shape), picture), f"level {level} is another image"


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    mutator = Mutator(seed, GOLDEN)
    if not mutator.below(8):
        data = mutator.one_of(GOLDEN)
    try:
        changed = mutator.forge(data, mutator.one_of((None, lambda part: atheris.Mutate(part, len(part) + 64))))
    except dicompress.StreamError:
        changed = mutator.change(data)
    return changed[:max_size]


if __name__ == "__main__":
    harness.run(lambda: [*GOLDEN, *small_streams()], try_stream, mutate)
