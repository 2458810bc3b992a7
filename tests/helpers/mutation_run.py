"""What test_mutations.py runs in a process of its own, whose memory can be measured: `python -m helpers.mutation_run KIND COUNT`.

Prints one line of JSON: how many calls had which outcome, the slowest call in seconds of processor time, the memory that the
calls took beyond what a decoded image had taken, in bytes, and every case that went wrong, by its number.
"""

import hashlib
import io
import json
import logging
import os
import resource
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
from pydicom.data import get_testdata_file

import dicompress
from dicompress import Allowance
from dicompress.dicom import PassedOn, compress_file, compress_or_pass_on, describe, restore_file
from dicompress.dicom.items import pixel_element
from dicompress.dicom.part10 import parse
from dicompress.dicom.pixels import layout, reader_values
from dicompress.dicom.restore import frames_of
from dicompress.dicom.stored import stored_pixels
from dicompress.models.registry import by_hash

from .kinds import originals
from .mutations import HOSTILE, Mutator, head_fields, replaced, take_apart, written

GOLDEN = {path.stem: path.read_bytes() for path in sorted((Path(__file__).parents[1] / "golden").glob("*.dcmp"))}
ATTEMPTS = 3  # at a call that takes too long, as other processes' use of the caches is no fault of ours
SECONDS = 2
HUGE = ((1 << 29, 1), (1, 1 << 29), (23170, 23170), (1024, 1024), (8192, 1024))
KIB = 1024 if sys.platform == "linux" else 1  # unit of ru_maxrss


class Run:
    """Calls and their outcomes."""

    def __init__(self):
        self.outcomes, self.slowest, self.wrong = Counter(), 0.0, []

    def call(self, name: str, number: object, function: Callable, data: bytes, is_right: Callable[[object], bool]):
        """The result, or None after an error of ours. `is_right` judges the result; anything else is wrong."""
        result, outcome, seconds = None, "right", float("inf")
        for _ in range(ATTEMPTS):
            start = time.process_time()
            try:
                result = function(data)
            except dicompress.DicompressError as error:
                outcome = type(error).__name__
            except Exception as error:
                outcome = f"{type(error).__name__}: {error}"
                self.wrong.append([name, number, outcome])
            seconds = min(seconds, time.process_time() - start)
            if seconds < SECONDS:
                break
        else:
            self.wrong.append([name, number, f"{seconds:.1f} s"])
        if result is not None and not is_right(result):
            outcome = "wrong"
            self.wrong.append([name, number, "a wrong result"])
        self.outcomes[f"{name}: {outcome}"] += 1
        self.slowest = max(self.slowest, seconds)
        return result


def decode(data: bytes) -> np.ndarray:
    return dicompress.decode(data, threads=1)


def planes(image: np.ndarray, samples: int) -> Iterator[bytes]:
    """A digest of every plane of a decoded image, which tells its shape and type, too."""
    whole = image[..., None] if samples == 1 else image
    for frame in whole.reshape(-1, *whole.shape[-3:]):
        for k in range(samples):
            plane = np.ascontiguousarray(frame[..., k])
            yield hashlib.sha256(f"{plane.dtype.str}{plane.shape}".encode() + plane.tobytes()).digest()


class Streams:
    """Judges of what comes of changed streams."""

    def __init__(self, run: Run):
        self.run = run
        self.images = {name: decode(data) for name, data in GOLDEN.items()}
        self.infos = {name: dicompress.inspect(data) for name, data in GOLDEN.items()}
        self.planes = {p for name, image in self.images.items() for p in planes(image, self.infos[name].samples)}

    def changed(self, number: object, data: bytes) -> None:
        """The checksums were left alone: the right image, or an error.

        Of any of the streams, as a piece of another may be the whole of it.
        """
        self.run.call("decode", number, decode, data, self.is_image)
        self.run.call("inspect", number, dicompress.inspect, data, lambda it: it in self.infos.values())

    def is_image(self, found: np.ndarray) -> bool:
        return any(found.dtype == image.dtype and np.array_equal(found, image) for image in self.images.values())

    def forged(self, number: object, data: bytes) -> None:
        """The checksums were made right again: planes that were coded, or an error."""
        info = self.run.call("inspect forged", number, dicompress.inspect, data, lambda it: is_said(it, data))

        def is_right(image: np.ndarray) -> bool:
            expected = (info.frames, info.rows, info.columns, info.samples)
            return image.size == np.prod(expected) and self.planes.issuperset(planes(image, info.samples))

        image = self.run.call("decode forged", number, decode, data, is_right if info else lambda it: False)
        if info and info.levels and image is None:
            # No digest covers the smaller pictures: any of the right size, or an error.
            small = info.frames * -(-info.rows >> info.levels) * -(-info.columns >> info.levels) * info.samples
            self.run.call("decode a level", number, lambda d: coarsest(d, info.levels), data, lambda it: it.size == small)


def coarsest(data: bytes, levels: int) -> np.ndarray:
    return dicompress.decode(data, level=levels, threads=1)


def is_said(info: dicompress.StreamInfo, data: bytes) -> bool:
    """Whether `info` is what the header says."""
    try:
        parts = take_apart(data)
    except dicompress.StreamError:
        return True  # not whole
    frames, rows, columns = parts.numbers[:3]
    return (info.frames, info.rows, info.columns, info.samples, info.near) == (
        frames or 1, rows, columns, parts.samples, parts.near,
    )  # fmt: skip


def run_streams(run: Run, count: int) -> None:
    judge, names = Streams(run), list(GOLDEN)
    for number in range(count):
        mutator = Mutator(number, list(GOLDEN.values()))
        name = mutator.one_of(names)
        if number % 2:
            judge.forged(number, mutator.forge(GOLDEN[name]))
        else:
            data = GOLDEN[name]
            for _ in range(1 + mutator.below(2)):
                data = mutator.change(data)
            judge.changed(number, data)


def run_hostile(run: Run, count: int) -> None:
    """Every number of header and heads set to every hostile value, and huge images; of `count` streams."""
    judge = Streams(run)
    for name in sorted(GOLDEN, key=lambda name: "constant" not in name)[:count]:
        parts = take_apart(GOLDEN[name])
        for at in range(len(parts.numbers)):
            for value in HOSTILE:
                hostile = replace(parts, numbers=replaced(parts.numbers, at, value))
                judge.forged([name, "number", at, value], hostile.joined())
        for shape in HUGE:
            levels = by_hash(parts.start[7:15]).levels(shape)
            sections = (*parts.sections, *parts.sections[-1:] * levels)[: levels + 1]
            numbers = (parts.numbers[0], *shape, *parts.numbers[3:-1], levels)
            judge.forged([name, *shape], replace(parts, numbers=numbers, sections=sections).joined())
        fields = head_fields(parts.heads[-1], (len(parts.heads) - 1) % parts.samples, parts.near)
        for at, field in enumerate(fields):
            for value in HOSTILE if isinstance(field, int) else ():
                head = written([*fields[:at], value, *fields[at + 1 :]])
                hostile = replace(parts, heads=(*parts.heads[:-1], head))
                judge.forged([name, "head", at, value], hostile.joined())


def small_file() -> bytes:
    """The CT that comes with pydicom, cut down to 40 x 40 pixels."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    dataset.PixelData = np.ascontiguousarray(dataset.pixel_array[40:80, 40:80]).tobytes()
    dataset.Rows = dataset.Columns = 40
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def run_files(run: Run, count: int) -> None:
    """Changed compressed files: what `dicompress info` shows, and the original or, if elements were changed, its pixels."""
    warnings.simplefilter("ignore")
    logging.disable()
    original = small_file()
    compressed = compress_file(original).data
    part10 = parse(compressed)
    stream = bytes(*frames_of(part10, layout(part10.dataset)))
    before, behind = compressed[: part10.pixels.element], compressed[part10.pixels.end :]
    pixels = parse(original).value

    def is_right(restored) -> bool:
        return parse(restored.data).value == pixels if restored.remark else restored.data == original

    for number in range(count):
        mutator = Mutator(number, [stream, *GOLDEN.values()])
        if number % 3:
            data = mutator.change(compressed)
        else:
            data = b"".join((before, *pixel_element([mutator.forge(stream)]), behind))
        run.call("describe", number, describe, data, lambda it: True)
        run.call("restore", number, lambda d: restore_file(d, threads=1), data, is_right)


def run_originals(run: Run, count: int) -> None:
    """Changed originals, without loss and with each kind of allowance: compressed and given back, or passed on with a reason."""
    warnings.simplefilter("ignore")
    logging.disable()
    os.environ["DICOMPRESS_MAX_PIXELS"] = str(1 << 16)
    allowances = (None, Allowance(near=2), Allowance(hu=2), Allowance(psnr=50), Allowance(near=200, quantitative=True, strict=True))
    kinds = originals(small_file())

    def is_right(result) -> bool:
        if isinstance(result, PassedOn):
            return bool(result.reason) and "\n" not in result.reason
        restored = restore_file(result.data, threads=1)
        if result.near:
            return read_values(restored.data, result.near)
        return restored.data == data or "byte for byte" not in describe(result.data).guarantee

    def read_values(restored: bytes, near: int) -> bool:
        before, after = (stored(parse(file)) for file in (data, restored))
        return before.shape == after.shape and int(np.abs(before.astype(int) - after).max()) <= near

    for number in range(count):
        mutator = Mutator(number, [*GOLDEN.values()])
        data = kinds[number % len(kinds)]
        at = mutator.below(len(data))
        if number % 2:  # within a short part: an element or two
            data = data[:at] + mutator.change(data[at : at + 40]) + data[at + 40 :]
        else:
            data = mutator.change(data)
        allowance = allowances[number // len(kinds) % len(allowances)]
        result = run.call("compress", number, lambda d: compress_or_pass_on(d, threads=1, allowance=allowance), data, is_right)
        run.outcomes[type(result).__name__] += 1


def stored(part10) -> np.ndarray:
    image = layout(part10.dataset)
    return reader_values(stored_pixels(part10, image), image)


def main(kind: str, count: str) -> None:
    run = Run()
    for data in GOLDEN.values():
        decode(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    {"streams": run_streams, "hostile": run_hostile, "files": run_files, "originals": run_originals}[kind](run, int(count))
    memory = KIB * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    facts = {"outcomes": dict(sorted(run.outcomes.items())), "slowest": round(run.slowest, 3), "memory": memory}
    print(json.dumps(facts | {"wrong": run.wrong}))


if __name__ == "__main__":
    main(*sys.argv[1:])
