"""Memory and time of packing and reading a long series, made of a short one by shifting and mirroring its slices.

    python lab/benchmarks/series_memory.py DATA/volumes/dev/ct/05c2abeb --slices 1000

Peaks of the process, in MB, before, behind packing and behind reading every slice once.
"""

from __future__ import annotations

import argparse
import io
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from dicompress.dicom.pixels import GREY
from dicompress.errors import DicompressError
from dicompress.series import Archive
from dicompress.series.order import facts_of
from dicompress.series.pack import write
from dicompress.series.packing import Content, Settings
from dicompress.series.writer import Source


def long_series(folder: Path, count: int) -> Iterator[Source]:
    """The files of a folder forth and back again and again, shifted by a row and a column more each time, and mirrored every other."""
    short = [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"))]
    pixels = [dataset.pixel_array for dataset in short]
    for number in range(count):
        turn, k = divmod(number, len(short))
        k = k if turn % 2 == 0 else len(short) - 1 - k
        yield source_of(short[k], pixels[k], number, turn)


def source_of(dataset: Dataset, pixels: np.ndarray, number: int, turn: int) -> Source:
    def read() -> bytes:
        made = pydicom.dcmread(io.BytesIO(head))
        image = np.roll(pixels[:, ::-1] if turn % 4 > 1 else pixels, (turn, turn), (0, 1))
        made.PixelData = np.ascontiguousarray(image).tobytes()
        made["PixelData"].VR = "OW"
        return saved(made)

    empty = pydicom.Dataset({tag: element for tag, element in dataset.items() if tag != 0x7FE00010})
    empty.file_meta = pydicom.dataset.FileMetaDataset(dataset.file_meta)
    empty.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    empty.SOPInstanceUID = empty.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
    empty.InstanceNumber, empty.ImagePositionPatient = number + 1, [0, 0, number]
    head = saved(empty)
    return Source(f"{number:05d}.dcm", facts_of(empty, GREY), read)


def saved(dataset: Dataset) -> bytes:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def tell(source: Source, found: Content | DicompressError, _: int) -> None:
    if isinstance(found, DicompressError):
        raise SystemExit(f"{source.path}: {found}")


def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of one series")
    parser.add_argument("--slices", type=int, default=1000)
    parser.add_argument("--cached", type=int, default=64 << 20, help="bytes of decoded slices that the reader keeps")
    options = parser.parse_args()
    sources, start, before = list(long_series(options.folder, options.slices)), time.perf_counter(), peak()
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "a.dcma")
        write(path, "", sources, Settings("pyramid", None, 1), tell, replace=False)
        packed, size, middle = peak(), path.stat().st_size, time.perf_counter()
        with Archive(path, options.cached) as archive:
            for number in sorted(archive.entries, key=lambda n: archive.entries[n].place):
                archive.restore(number, 1)
        seconds = middle - start, time.perf_counter() - middle
    print(
        f"{options.slices} slices, {size} bytes: {before:.0f} MB before, {packed:.0f} MB packed in {seconds[0]:.0f} s, "
        f"{peak():.0f} MB read in {seconds[1]:.0f} s"
    )


if __name__ == "__main__":
    main()
