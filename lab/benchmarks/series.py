"""Archives of series: their bytes against other ways to keep the same files, and what one slice costs.

    python lab/benchmarks/series.py DATA/volumes/dev DATA/volumes/train

One row a folder of files of single frames. Every archive is unpacked and compared. No library at hand has Part 2 of JPEG 2000 for volumes
or JP3D: imagecodecs and OpenJPEG have Part 1 and 15, slice by slice.
"""

from __future__ import annotations

import argparse
import io
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pydicom
import tomoz

import dicompress
from dicompress.dicom import compress_file, restore_file
from dicompress.dicom.pixels import GREY
from dicompress.errors import DicompressError
from dicompress.series import Archive
from dicompress.series.heads import zstd
from dicompress.series.order import facts_of
from dicompress.series.pack import write
from dicompress.series.packing import Content, Settings
from dicompress.series.writer import Source
from dicompress_lab.bench.codecs.libraries import codecs

ZSTD_LEVEL = 19
SLICED = ("JPEG XL e9", "JPEG 2000")
CODECS = {codec.name: codec for codec in codecs() if codec.name in SLICED}
REPEATS = 5


@dataclass(frozen=True)
class Volume:
    """files: by name, of one series. folder: where they lie, with the kind of image before it."""

    folder: str
    files: dict[str, bytes]

    @cached_property
    def compressed(self) -> list[bytes]:
        return [compress_file(data).data for data in self.files.values()]

    @cached_property
    def native(self) -> dict[str, bytes]:
        """The files as they are uncompressed, which most of them were not."""
        return {name: bytes(restore_file(small).data) for name, small in zip(self.files, self.compressed, strict=True)}

    @cached_property
    def pixels(self) -> np.ndarray:
        """(slices, rows, columns)."""
        return np.stack([pydicom.dcmread(io.BytesIO(data)).pixel_array for data in self.native.values()])

    def sources(self) -> list[Source]:
        heads = [pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True) for data in self.files.values()]
        return [
            Source(name, facts_of(head, GREY), lambda data=data: data)
            for head, (name, data) in zip(heads, self.files.items(), strict=True)
        ]


def volumes(folder: Path) -> Iterator[Volume]:
    for place in sorted({path.parent for path in folder.rglob("*.dcm")}):
        yield Volume(f"{place.parent.name}/{place.name}", {p.name: p.read_bytes() for p in sorted(place.glob("*.dcm"))})


def packed(volume: Volume, path: Path) -> int:
    """Bytes of the streams in the archive that it writes."""
    streams = 0

    def tell(source: Source, found: Content | DicompressError, _: int) -> None:
        nonlocal streams
        if isinstance(found, DicompressError):
            raise SystemExit(f"{source.path}: {found}")
        streams += len(found.data)

    sources = volume.sources()
    write(path, sources[0].facts.series, sources, Settings("pyramid"), tell, replace=False)
    with Archive(path) as archive:
        for number, entry in archive.entries.items():
            given = volume.files[entry.path] if entry.original_size is None else volume.native[entry.path]
            if archive.restore(number) != given:
                raise SystemExit(f"{entry.path} does not come back")
    return streams


def tar_zstd(files: dict[str, bytes]) -> int:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            facts = tarfile.TarInfo(name)
            facts.size = len(data)
            tar.addfile(facts, io.BytesIO(data))
    return len(zstd.compress(buffer.getvalue(), ZSTD_LEVEL))


def sliced(name: str, pixels: np.ndarray) -> int:
    """Bytes of a codec's images, one a slice; signed values with the sign bit inverted, so that they ascend."""
    words = pixels.view(f"u{pixels.itemsize}")
    words = words ^ words.dtype.type(1 << 8 * pixels.itemsize - 1) if pixels.dtype.kind == "i" else words
    return sum(len(CODECS[name].encode(np.ascontiguousarray(image))) for image in words)


def sizes(volume: Volume, path: Path) -> list[int]:
    """Archive, streams in it, files one by one, tar + zstd of what was given and of native files; pixels by others."""
    streams = packed(volume, path)
    tars = [tar_zstd(volume.files), tar_zstd(volume.native)]
    others = [len(tomoz.encode(volume.pixels)), *(sliced(name, volume.pixels) for name in SLICED)]
    return [path.stat().st_size, streams, sum(map(len, volume.compressed)), *tars, *others]


def seconds(call: Callable[[], object]) -> float:
    """The least of several runs."""
    found = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def needed(archive: Archive, number: int) -> set[int]:
    """All that a slice leans on, directly or not."""
    found = set(archive.entries[number].references)
    return found.union(*(needed(archive, n) for n in found))


def times(volume: Volume, path: Path, threads: int) -> tuple[int, float, float, float]:
    """How many others the deepest slice needs; how often the time of a slice alone it takes; MP/s of a sweep, and of decoding alone."""
    alone = [dicompress.encode(image, verify=False, model="pyramid") for image in volume.pixels]
    usual = seconds(lambda: [dicompress.decode(data, threads=threads) for data in alone])
    with Archive(path) as archive:
        numbers = sorted(archive.entries, key=lambda n: archive.entries[n].place)
        deepest = max(numbers, key=lambda n: len(needed(archive, n)))
        others = len(needed(archive, deepest))

    def random() -> None:
        with Archive(path) as archive:
            archive.pixels(deepest, threads)

    def sweep() -> None:
        with Archive(path) as archive:
            for number in numbers:
                archive.pixels(number, threads)

    mega = volume.pixels.size / 1e6
    return others, seconds(random) / (usual / len(alone)), mega / seconds(sweep), mega / usual


def change(size: float, other: float) -> str:
    return f"{100 * (size / other - 1):+.2f} %"


def rows(folder: Path, threads: int) -> None:
    """Both tables, and what all volumes of a kind take together."""
    totals, timed = dict[str, list[int]](), list[str]()
    heads = [
        "archive",
        "its streams",
        "`compress`",
        "change",
        "tar, zstd -19: as given",
        "native",
        "tomoz",
        *SLICED,
        "archive against tomoz",
    ]
    print(f"\n| {folder.name} | slices | " + " | ".join(heads) + " |\n|" + "---|" * (len(heads) + 2))

    def row(name: str, count: int | str, found: list[int]) -> None:
        archive, streams, files, given, native, other, *images = found
        parts = [archive, f"{100 * streams / archive:.2f} %", files, change(archive, files), given, native, other, *images]
        print(f"| {name} | {count} | " + " | ".join(map(str, parts)) + f" | {change(archive, other)} |", flush=True)

    with tempfile.TemporaryDirectory() as place:
        for number, volume in enumerate(volumes(folder)):
            path = Path(place, f"{number}.dcma")
            found = sizes(volume, path)
            kind = volume.folder.split("/")[0]
            totals[kind] = [a + b for a, b in zip(totals.get(kind, [0] * len(found)), found, strict=True)]
            row(volume.folder, len(volume.files), found)
            others, ratio, sweep, usual = times(volume, path, threads)
            timed.append(f"| {volume.folder} | {others} | {ratio:.2f} | {sweep:.2f} | {usual:.2f} |")
    for kind, found in totals.items():
        row(f"{kind}, all", "", found)
    print(f"\n| {folder.name} | needs | times a slice alone | sweep MP/s | `decode`, alone, MP/s |\n|---|---|---|---|---|")
    print("\n".join(timed), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="of volumes, a folder each")
    parser.add_argument("--threads", type=int, default=1, help="of decoding; 1")
    options = parser.parse_args()
    for folder in options.folders:
        rows(folder, options.threads)


if __name__ == "__main__":
    main()
