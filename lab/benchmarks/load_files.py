"""The files of the load test: DICOM objects of many kinds, made of real images, no two of them equal."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    EnhancedSRStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    MRImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
    generate_uid,
)

from dicompress_lab.bench.images import Image, pixels, scan

DONE, PASSED_ON, DAMAGED = "compressed", "passed on", "damaged"
FRAMES = 16
LARGEST = 10  # so many radiographs are copied, so that each quarter of a run has the largest of them


@dataclass(frozen=True)
class File:
    """outcome: what `dicompress compress` is to make of it. pixels: as its summary counts them."""

    path: Path
    kind: str
    outcome: str
    pixels: int


@dataclass(frozen=True)
class Kind:
    """share: of all files, in percent. make: grey pixels and a number -> a Part 10 file. group: whose images it takes."""

    share: float
    make: Callable[[np.ndarray, int], bytes]
    group: str = "CT"
    outcome: str = DONE


def altered(image: np.ndarray, number: int) -> np.ndarray:
    """Flipped, rolled, and one pixel in a hundred one value higher or lower, within the values that there are."""
    chance = np.random.default_rng(number)
    image = np.roll(image[:: 1 - number % 2 * 2, :: 1 - number // 2 % 2 * 2], chance.integers(0, 64, 2), (0, 1))
    noise = (chance.random(image.shape) < 0.01) * chance.choice([-1, 1], image.shape)
    return np.clip(image + noise, image.min(), image.max()).astype(image.dtype)


def data_set(kind: str, number: int, storage: UID = CTImageStorage, modality: str = "CT") -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID, dataset.Modality, dataset.Manufacturer = storage, modality, "Load test"
    dataset.SOPInstanceUID = generate_uid(entropy_srcs=[kind, str(number)])
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=["study", str(number // 100)])
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=[kind, "series", str(number // 100)])
    dataset.PatientName, dataset.PatientID = f"Müller^{number}", f"{kind} {number}"
    dataset.StudyDate, dataset.InstanceNumber = "20260101", number
    return dataset


def with_pixels(dataset: Dataset, image: np.ndarray, samples: int = 1, interpretation: str = "MONOCHROME2") -> Dataset:
    shape = image.shape[:-1] if samples > 1 else image.shape
    dataset.Rows, dataset.Columns = shape[-2:]
    if len(shape) == 3:
        dataset.NumberOfFrames = shape[0]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = samples, interpretation
    if samples > 1:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = 8 * image.itemsize
    dataset.HighBit, dataset.PixelRepresentation = dataset.BitsStored - 1, 0
    dataset.PixelData = image.tobytes() + b"\0" * (image.nbytes % 2)
    dataset["PixelData"].VR = "OW" if image.itemsize == 2 else "OB"
    return dataset


def saved(dataset: Dataset, syntax: UID = ExplicitVRLittleEndian) -> bytes:
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def native(kind: str, storage: UID, modality: str, syntax: UID = ExplicitVRLittleEndian) -> Callable:
    return lambda image, number: saved(with_pixels(data_set(kind, number, storage, modality), image), syntax)


def frames(image: np.ndarray, number: int) -> bytes:
    stack = np.stack([np.roll(image[:192, :192], k, 0) for k in range(FRAMES)])
    return saved(with_pixels(data_set("frames", number, MultiFrameGrayscaleWordSecondaryCaptureImageStorage, "MR"), stack))


def shades(image: np.ndarray) -> np.ndarray:
    """The values as 8 bits, over their whole range."""
    low, high = int(image.min()), max(int(image.max()), int(image.min()) + 1)
    return ((image.astype(np.int64) - low) * 255 // (high - low)).astype(np.uint8)


def colour(image: np.ndarray, number: int) -> bytes:
    """Grey with an area in false colours, as a fused or Doppler image has it."""
    grey, hot = shades(image), np.roll(shades(image), 40, 0)
    picture = np.repeat(grey[..., np.newaxis], 3, 2)
    half = slice(grey.shape[0] // 4, grey.shape[0] // 2)
    picture[half, :, 0], picture[half, :, 2] = np.maximum(grey, hot)[half], 255 - hot[half]
    return saved(with_pixels(data_set("rgb", number, SecondaryCaptureImageStorage, "OT"), picture, 3, "RGB"))


def palette(image: np.ndarray, number: int) -> bytes:
    dataset = with_pixels(data_set("palette", number, SecondaryCaptureImageStorage, "NM"), shades(image), 1, "PALETTE COLOR")
    table = (np.arange(256, dtype="<u2") * 257).tobytes()
    for name in ("Red", "Green", "Blue"):
        dataset.add_new(f"{name}PaletteColorLookupTableDescriptor", "US", [256, 0, 16])
        dataset.add_new(f"{name}PaletteColorLookupTableData", "OW", table)
    return saved(dataset)


def encoded(kind: str, syntax: UID, encode: Callable, eight_bits: bool = False) -> Callable:
    def make(image: np.ndarray, number: int) -> bytes:
        image = shades(image) if eight_bits else image
        dataset = with_pixels(data_set(kind, number), image)
        dataset.PixelData = encapsulate([bytes(encode(image))])
        dataset["PixelData"].VR = "OB"
        return saved(dataset, syntax)

    return make


def rle(image: np.ndarray, number: int) -> bytes:
    dataset = with_pixels(data_set("rle", number), image)
    dataset.compress(RLELossless, generate_instance_uid=False)
    return saved(dataset, RLELossless)


def report(_: np.ndarray, number: int) -> bytes:
    dataset = data_set("report", number, EnhancedSRStorage, "SR")
    dataset.ContentSequence = [Dataset()]
    dataset.ContentSequence[0].TextValue = "Nothing of note. " * (number % 50 + 1)
    return saved(dataset)


def segments(image: np.ndarray, number: int) -> bytes:
    dataset = with_pixels(data_set("segments", number, SegmentationStorage, "SEG"), shades(image))
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 1, 1, 0
    dataset.PixelData = np.packbits(shades(image) > 127, axis=None, bitorder="little").tobytes()
    return saved(dataset)


def cut_short(image: np.ndarray, number: int) -> bytes:
    return native("broken", CTImageStorage, "CT")(image, number)[: -image.nbytes // 2]


def jpeg2000(image: np.ndarray) -> bytes:
    return imagecodecs.jpeg2k_encode(image, level=0, reversible=True, codecformat="j2k")


KINDS = {
    "CT": Kind(29, native("ct", CTImageStorage, "CT")),
    "MR, implicit VR": Kind(28, native("mr", MRImageStorage, "MR", ImplicitVRLittleEndian), "MR"),
    "radiographs": Kind(2, native("dx", DigitalXRayImageStorageForPresentation, "DX"), "CR"),
    f"{FRAMES} frames": Kind(3, frames, "MR"),
    "RGB": Kind(5, colour),
    "palette": Kind(5, palette, "MR"),
    "RLE": Kind(6, rle, "MR"),
    "JPEG 2000": Kind(5, encoded("j2k", JPEG2000Lossless, jpeg2000), "MR"),
    "JPEG-LS": Kind(5, encoded("jls", JPEGLSLossless, imagecodecs.jpegls_encode)),
    "deflated": Kind(4, native("deflated", CTImageStorage, "CT", DeflatedExplicitVRLittleEndian)),
    "JPEG Baseline": Kind(3, encoded("jpeg", JPEGBaseline8Bit, lambda a: imagecodecs.jpeg8_encode(a, level=90), True)),
    "reports": Kind(3, report, outcome=PASSED_ON),
    "1-bit segments": Kind(1.9, segments, outcome=PASSED_ON),
    "cut short": Kind(0.1, cut_short, outcome=DAMAGED),
}


def make_files(folder: Path, target: Path, count: int) -> list[File]:
    """About `count` files under `target`, at least one of each kind, the kinds mixed evenly in the order of names."""
    images, _ = scan([folder])
    groups = {name: [i for i in images if i.group.startswith(name)] for name in ("CT", "MR", "CR")}
    groups["CR"] = sorted(groups["CR"], key=lambda i: (-i.pixels, i.path))[:LARGEST]
    slots = []
    for name, kind in KINDS.items():
        amount = max(1, round(count * kind.share / 100))
        slots += [((k + 0.5) / amount, name, k) for k in range(amount)]
    target.mkdir()
    return [_file(target / f"{n:05}.dcm", name, k, groups) for n, (_, name, k) in enumerate(sorted(slots))]


def _file(path: Path, name: str, number: int, groups: dict[str, list[Image]]) -> File:
    kind = KINDS[name]
    image = altered(pixels(groups[kind.group][number % len(groups[kind.group])]), number)
    data = kind.make(image, number)
    path.write_bytes(data)
    dataset = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True)
    facts = [int(dataset.get(k) or 1) for k in ("NumberOfFrames", "Rows", "Columns")]
    return File(path, name, kind.outcome, int(np.prod(facts)) if kind.outcome == DONE else 0)
