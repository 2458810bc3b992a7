"""Write docs/colour.md: what `compress` makes of images in colour and of graphics, beside JPEG XL of the same pixels.

    python lab/benchmarks/colour.py DATA/wg04 -o docs/colour.md

Images: colour, palettes and drawings among the files of the folders, of pydicom's and of pydicom-data; scikit-image's photographs and
drawn text, made into DICOM files.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path

import imagecodecs
import numpy as np
from colour_files import drawings, photographs

import dicompress
from dicompress import DicompressError
from dicompress.dicom import PassedOn, compress_or_pass_on, describe, drawn
from dicompress.dicom.decoders import jpeg_pixels
from dicompress.dicom.items import source_frames
from dicompress.dicom.native import native_of
from dicompress.dicom.part10 import Part10, parse
from dicompress.dicom.pixels import GREY
from dicompress.dicom.recompress import number
from dicompress.dicom.syntax import DICOMPRESS, JPEG
from dicompress_lab.bench.environment import processor

LARGEST = 10_000_000  # pixels of a file; larger ones would take minutes at JPEG XL's highest effort
PEERS = (7, 9)
JPEG_FRAMES = ", JPEG"  # of a kind


@dataclass(frozen=True)
class Row:
    name: str
    kind: str
    frames: np.ndarray
    peers: dict[int, int]  # effort: bytes
    ours: int
    stream: int  # of the array, as `dicompress.encode` makes it
    form: str
    seconds: float

    @property
    def pixels(self) -> int:
        return int(np.prod(self.frames.shape[:3]))


def sources(folders: list[Path]) -> Iterator[tuple[str, bytes]]:
    found = {f"{folder.name}/{p.relative_to(folder).as_posix()}": p for folder in folders for p in sorted(folder.rglob("*"))}
    for name in ("pydicom", "data_store"):
        try:
            root = Path(importlib.import_module(name).__file__).parent / "data"
        except ImportError:
            continue
        found |= {f"{'pydicom-data' if name == 'data_store' else name}/{p.name}": p for p in sorted(root.rglob("*.dcm"))}
    for name, path in found.items():
        if path.is_file():
            yield name, path.read_bytes()
    yield from photographs()
    yield from drawings()


def frames_of(part10: Part10, data: bytes) -> tuple[np.ndarray, str] | None:
    """(frames, ...) unsigned, and Photometric Interpretation; None for a grey image that does not look drawn, and for no image."""
    if part10.syntax in JPEG:
        rows, columns, samples = (number(part10.dataset, name) for name in ("Rows", "Columns", "SamplesPerPixel"))
        if samples == 1:
            return None
        frames = source_frames(part10.value, number(part10.dataset, "NumberOfFrames"))
        pixels = np.stack([jpeg_pixels(frame, rows, columns, samples) for frame in frames])
        return pixels, f"{part10.dataset.PhotometricInterpretation}{JPEG_FRAMES}"
    native = native_of(part10, data)
    if native.image.interpretation in GREY and not drawn.may_win(native):
        return None
    kind = native.image.interpretation + (", signed" if native.image.signed else "")
    shift = min(0, int(native.pixels.min()))
    return (native.pixels.astype(np.int32) - shift).astype(f"u{native.pixels.itemsize}"), kind


def measure(name: str, data: bytes) -> Row | str | None:
    """A row; why there is none; or None for an image of another kind."""
    try:
        part10 = parse(data)
        found = frames_of(part10, data)
    except DicompressError:
        return None
    if found is None:
        return None
    frames, kind = found
    if np.prod(frames.shape[:3]) > LARGEST:
        return f"more than {LARGEST // 1_000_000} megapixels"
    start = time.process_time()
    result = compress_or_pass_on(data, threads=1)
    seconds = time.process_time() - start
    if isinstance(result, PassedOn):
        return result.reason
    info = describe(result.data)
    form = info.model if parse(result.data).syntax != DICOMPRESS or info.model == "pyramid" else f"{info.model}, wrapped"
    peers = {effort: sum(len(_peer(frame, effort)) for frame in frames) for effort in PEERS}
    array = frames if len(frames) > 1 else frames[0]
    stream = len(dicompress.encode(array, colour=frames.ndim > 3, threads=1))
    return Row(name, kind, frames, peers, info.coded_bytes, stream, form, seconds)


def _peer(frame: np.ndarray, effort: int) -> bytes:
    return imagecodecs.jpegxl_encode(np.ascontiguousarray(frame), lossless=True, effort=effort, numthreads=1)


def table(rows: list[Row]) -> str:
    lines = [
        "| image | kind | size | JPEG XL e7 | JPEG XL e9 | file | against e7 | against e9 | as | stream | against e7 |",
        "|---" * 11 + "|",
    ]
    for row in rows:
        size = " x ".join(map(str, row.frames.shape[1:3])) + (f" x {len(row.frames)}" if len(row.frames) > 1 else "")
        against = [f"{100 * (row.ours / peer - 1):+.2f} %" for peer in row.peers.values()]
        stream = [str(row.stream), f"{100 * (row.stream / row.peers[7] - 1):+.2f} %"]
        cells = [row.name, row.kind, size, *map(str, (*row.peers.values(), row.ours)), *against, row.form, *stream]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/colour.md"))
    arguments = parser.parse_args()
    rows, left, once = [], Counter(), set()
    for name, data in sources(arguments.folders):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = measure(name, data)
        if isinstance(found, str):
            left[f"{name}: {found}"] += 1
        elif found and (digest := (found.kind, found.frames.tobytes())) not in once:
            once.add(digest)
            rows.append(found)
            print(table([found]).splitlines()[-1], flush=True)
    ours, jpeg = ([row for row in rows if row.kind.endswith(JPEG_FRAMES) == kept] for kept in (False, True))
    worst = {effort: max(ours, key=lambda row: row.ours / row.peers[effort]) for effort in PEERS}
    told = "; ".join(
        f"against effort {effort} {100 * (row.ours / row.peers[effort] - 1):+.2f} % ({row.name})" for effort, row in worst.items()
    )
    largest = max(ours, key=lambda row: row.stream - row.peers[7])
    saved = {effort: 1 - sum(row.ours for row in ours) / sum(row.peers[effort] for row in ours) for effort in PEERS}
    speed = sum(row.pixels for row in ours) / 1e6 / sum(row.seconds for row in ours)
    libraries = ", ".join(f"{name} {version(name)}" for name in ("dicompress", "imagecodecs", "scikit-image", "pydicom"))
    arguments.output.write_text(f"""# Colour and graphics

What `compress` makes of files in colour, with palettes and with drawings, beside JPEG XL (libjxl, lossless, efforts 7 and 9) of the same
pixels. Bytes of the frames; an item has an even number of them. Files with the same pixels are shown once. A file also has its elements and
a restore record.

    pip install . ./lab && python lab/benchmarks/colour.py {" ".join(f"DATA/{folder.name}" for folder in arguments.folders)}

{date.today()}; {os.cpu_count()} cores, {processor()}, Python {platform.python_version()}; {libraries}.

{len(ours)} images. The largest difference: {told}.
All together take {100 * saved[7]:.1f} % fewer bytes than with effort 7 and
{100 * saved[9]:.1f} % fewer than with effort 9; {speed:.2f} megapixels a second of processor time, with proof, one thread.

"pyramid" is the model, "JPEG XL" the standard transfer syntax JPEG XL Lossless, "wrapped" JPEG XL in our own
([format](format.md#jpeg-xl)), with a head and a checksum a frame. A stream is what `dicompress.encode` makes of the same pixels as an array, which is
held against effort 7 alone: by {largest.stream - largest.peers[7]} bytes more ({100 * (largest.stream / largest.peers[7] - 1):+.2f} %) at
most ({largest.name}).

{table(ours)}

## JPEG frames

They are not coded anew: JPEG XL JPEG Recompression holds the JPEG itself, so that it comes back byte for byte, which its decoded pixels,
here under efforts 7 and 9, could not give. Of graphics of a few colours, as these test images are, the pixels would take less.

{table(jpeg)}

Not in the table:

{"".join(f"- {text}" + chr(10) for text in left)}""")


if __name__ == "__main__":
    main()
