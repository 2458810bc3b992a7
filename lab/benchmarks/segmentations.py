"""Segmentations: what dicompress makes of their pixels and files, beside deflate, Zstandard, JPEG XL, Blosc2 and JBIG2 (docs/segmentations.md).

    pip install . ./lab highdicom blosc2 && python lab/benchmarks/segmentations.py DATA/volumes/dev > table.md

Masks are thresholds of volumes, as they are and smoothed; highdicom writes them as objects. JBIG2 is jbig2enc's generic regions, where the
program `jbig2` is at hand.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import blosc2
import highdicom
import imagecodecs
import numpy as np
import pydicom
from highdicom.seg import Segmentation, SegmentDescription
from pydicom.data import get_testdata_file
from pydicom.sr.codedict import codes
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, generate_uid
from scipy import ndimage

from dicompress.codec import zstandard
from dicompress.dicom.compress import compress_file
from dicompress.dicom.describe import describe
from dicompress.dicom.restore import restore_file
from dicompress.series.pack import pack_series

zstd = zstandard.library()
HU = (-500, 50, 200)  # air, soft tissue, bone
PARTS = (30, 70, 92)  # percentiles, of other modalities
REAL = ("liver.dcm", "liver_1frame.dcm", "liver_expb.dcm", "liver_expb_1frame.dcm")


def volumes(folder: Path) -> Iterator[tuple[str, np.ndarray, list[float], list[pydicom.Dataset]]]:
    """Name, values, thresholds and data sets of each volume."""
    for place in sorted({path.parent for path in folder.rglob("*.dcm")}):
        slices = [pydicom.dcmread(path) for path in sorted(place.glob("*.dcm"))]
        first = slices[0]
        stored = np.stack([found.pixel_array for found in slices]).astype(np.float64)
        values = stored * float(first.get("RescaleSlope") or 1) + float(first.get("RescaleIntercept") or 0)
        part = values[values > np.percentile(values, 30)]
        yield place.name, values, list(HU) if first.Modality == "CT" else list(np.percentile(part, PARTS)), slices


def objects(folder: Path) -> Iterator[tuple[str, str, bytes]]:
    """Kind, name and bytes of each file."""
    for name in REAL:
        yield "BINARY, real", name, Path(get_testdata_file(name)).read_bytes()
    for name, values, thresholds, slices in volumes(folder):
        smooth = ndimage.gaussian_filter(values, (0.5, 1.5, 1.5))
        masks = np.stack([smooth > threshold for threshold in thresholds], -1)
        yield "BINARY", name, made("BINARY", masks[..., 1:].astype(np.uint8), slices)
        yield "BINARY, rough", name, made("BINARY", (values > thresholds[1]).astype(np.uint8), slices)
        soft = ndimage.gaussian_filter(masks[..., 2].astype(np.float32), (0, 1, 1))
        yield "FRACTIONAL", name, made("FRACTIONAL", np.clip(soft, 0, 1), slices)
        yield "FRACTIONAL, tenths", name, made("FRACTIONAL", np.clip(np.rint(soft * 10) / 10, 0, 1), slices)
        yield "LABELMAP", name, made("LABELMAP", masks.sum(-1).astype(np.uint8), slices)


def made(kind: str, pixels: np.ndarray, slices: list[pydicom.Dataset]) -> bytes:
    """By highdicom, native. pixels: (frames, rows, columns[, segments])."""
    series, frame = generate_uid(entropy_srcs=["series"]), generate_uid(entropy_srcs=["frame"])
    sources = []
    for k, found in enumerate(slices):
        dataset = pydicom.Dataset()
        dataset.update({tag: found[tag] for tag in found.keys() if tag.group != 0x7FE0})  # noqa: SIM118
        dataset.file_meta = found.file_meta
        dataset.SOPInstanceUID, dataset.ImagePositionPatient = generate_uid(entropy_srcs=[f"{kind} {k}"]), [0, 0, float(k)]
        dataset.ImageOrientationPatient, dataset.FrameOfReferenceUID = [1, 0, 0, 0, 1, 0], frame
        dataset.StudyInstanceUID = dataset.SeriesInstanceUID = series
        for name in ("PatientID", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate", "StudyTime"):
            setattr(dataset, name, "")
        dataset.PatientName = dataset.ReferringPhysicianName = ""
        sources.append(dataset)
    count = pixels.shape[3] if pixels.ndim > 3 else int(pixels.max()) if kind == "LABELMAP" else 1
    program = highdicom.AlgorithmIdentificationSequence("threshold", codes.cid7162.ArtificialIntelligence, "1")
    described = [
        SegmentDescription(n + 1, f"{n}", codes.SCT.Organ, codes.SCT.Liver, "AUTOMATIC", algorithm_identification=program)
        for n in range(count)
    ]
    found = Segmentation(
        sources, pixels, kind, described, series, 1, generate_uid(entropy_srcs=[kind]), 1, "m", "m", "1", "1",
        transfer_syntax_uid=ExplicitVRLittleEndian,
    )  # fmt: skip
    buffer = io.BytesIO()
    found.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def peers(pixels: np.ndarray, is_bits: bool) -> dict[str, int]:
    """Bytes of the pixels, (frames, rows, columns), by others."""
    plain = np.packbits(pixels, bitorder="little").tobytes() if is_bits else pixels.tobytes()
    frames = [np.packbits(frame, bitorder="little").tobytes() if is_bits else frame.tobytes() for frame in pixels]
    found = {
        "native": len(plain),
        "deflate": len(zlib.compress(plain, 9)),
        "deflated frames": sum(len(zlib.compress(frame, 9)) for frame in frames),
        "zstd -19": len(zstd.compress(plain, 19)),
        "blosc2": len(
            blosc2.compress2(pixels, codec=blosc2.Codec.ZSTD, clevel=9, filters=[blosc2.Filter.BITSHUFFLE], typesize=pixels.itemsize)
        ),
        "JPEG XL e9": sum(len(imagecodecs.jpegxl_encode(frame, lossless=True, effort=9, numthreads=2)) for frame in pixels),
    }
    return found | ({"JBIG2": jbig2(pixels)} if is_bits and shutil.which("jbig2") else {})


def jbig2(pixels: np.ndarray) -> int:
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.pbm"
        for frame in pixels:
            path.write_bytes(b"P4\n%d %d\n" % frame.shape[::-1] + np.packbits(frame, axis=1).tobytes())
            total += len(subprocess.run(["jbig2", "-p", str(path)], capture_output=True, check=True).stdout)
    return total


def deflated(data: bytes) -> int:
    """The file in Deflated Explicit VR Little Endian, as pydicom writes it."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    if not dataset.original_encoding[1]:
        return 0
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return len(buffer.getvalue())


def archived(data: bytes) -> int:
    with tempfile.TemporaryDirectory() as folder:
        pack_series([pydicom.dcmread(io.BytesIO(data))], Path(folder) / "a.dcma")
        return (Path(folder) / "a.dcma").stat().st_size


def timed(work: Callable[[], bytes]) -> tuple[bytes, float]:
    start = time.perf_counter()
    return work(), time.perf_counter() - start


def main(folder: Path) -> None:
    warnings.simplefilter("ignore")
    pixels_of: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    files_of: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    spent: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    seen: dict[str, set[bytes]] = defaultdict(set)
    lines = []
    for kind, name, data in objects(folder):
        dataset = pydicom.dcmread(io.BytesIO(data))
        pixels = np.ascontiguousarray(dataset.pixel_array).reshape(-1, dataset.Rows, dataset.Columns)
        if pixels.tobytes() in seen[kind]:
            continue
        seen[kind].add(pixels.tobytes())
        small, there = timed(lambda data=data: compress_file(data).data)
        restored, back = timed(lambda small=small: bytes(restore_file(small).data))
        assert restored == data
        info = describe(small)
        found = {"dicompress": info.coded_bytes} | peers(pixels, dataset.BitsAllocated == 1)
        files = {"native": len(data), "dicompress": len(small), "deflated": deflated(data), "archive": archived(data)}
        for key, value in found.items():
            pixels_of[kind][key] += value
        for key, value in files.items():
            files_of[kind][key] += value
        spent[kind] = [a + b for a, b in zip(spent[kind], (pixels.size, there, back))]
        lines.append(
            f"| {kind} | {name} | {' x '.join(map(str, pixels.shape))} | {info.model} | "
            + " | ".join(str(found.get(k, "")) for k in COLUMNS)
            + " |"
        )
        print(lines[-1], file=sys.stderr, flush=True)
    table(
        "Pixels, bytes by kind",
        ["kind", *COLUMNS],
        [[kind, *(found.get(k, "") for k in COLUMNS)] for kind, found in pixels_of.items()],
    )
    rows = [
        [kind, *found.values(), *(f"{spent[kind][0] / 1e6 / s:.1f}" for s in spent[kind][1:])] for kind, found in files_of.items()
    ]
    table(
        "Files, bytes by kind",
        ["kind", "native", "dicompress", "deflated file", "archive", "compress, MP/s", "decompress, MP/s"],
        rows,
    )
    print("\n".join(["| kind | object | size | as | " + " | ".join(COLUMNS) + " |", "|" + "---|" * (4 + len(COLUMNS)), *lines]))


COLUMNS = ["native", "dicompress", "deflate", "deflated frames", "zstd -19", "blosc2", "JPEG XL e9", "JBIG2"]


def table(title: str, head: list[str], rows: list[list[object]]) -> None:
    print("\n".join([title, "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]))
    print("\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows), end="\n\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
