"""atheris: DICOM files through `describe`, `restore_file` and `compress_file` (README.md).

An error of ours, or the right file: what is restored is one of the originals, what was edited has the pixels of one, and
what is compressed has been restored and compared by `compress_file` itself.
"""

import io
import logging
import os
import sys
import time
import warnings
from pathlib import Path

import atheris
import harness

sys.path.append(str(Path(__file__).parent.parent / "tests"))
os.environ.setdefault("DICOMPRESS_MAX_PIXELS", "30000")  # what an execution may cost

with atheris.instrument_imports(include=["dicompress"]):
    import dicompress
    import dicompress.codec
    import dicompress.dicom
    import dicompress.models.pyramid
import imagecodecs
import numpy as np
import pydicom
from helpers.mutations import Mutator
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from dicompress.dicom import compress_file, describe, restore_file
from dicompress.dicom.items import pixel_element
from dicompress.dicom.part10 import parse
from dicompress.dicom.pixels import layout
from dicompress.dicom.restore import frames_of
from dicompress.dicom.syntax import DICOMPRESS, JPEG, NATIVE

SIDE = 32
SECONDS = 5  # of processor time, for all that is done with a file
warnings.simplefilter("ignore")
logging.disable()


def originals() -> list[bytes]:
    """The CT that comes with pydicom, cut down to SIDE x SIDE pixels, in all native transfer syntaxes; frames; colour."""
    files = []
    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian):
        for frames, colour in ((1, False), (2, False), (1, True)):
            dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
            pixels = dataset.pixel_array[20 : 20 + frames * SIDE, 40 : 40 + SIDE]
            dataset.walk(lambda data, element: data.pop(element.tag) if element.tag.is_private else None)
            dataset.Rows = dataset.Columns = SIDE
            if frames > 1:
                dataset.NumberOfFrames = frames
            if colour:
                pixels = np.stack([pixels & 255, pixels >> 1 & 255, pixels >> 2 & 255], -1).astype(np.uint8)
                dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 1
                dataset.BitsAllocated = dataset.BitsStored = 8
                dataset.HighBit, dataset.PixelRepresentation = 7, 0
            dataset.file_meta.TransferSyntaxUID = syntax
            dataset["PixelData"].VR = "OB" if colour else "OW"
            stored = pixels.astype(pixels.dtype.newbyteorder(">")) if syntax == ExplicitVRBigEndian else pixels
            dataset["PixelData"].value = stored.tobytes()
            plain, buffer = Dataset({element.tag: element for element in dataset}), io.BytesIO()
            plain.file_meta = dataset.file_meta
            plain.save_as(buffer, enforce_file_format=True)
            files.append(buffer.getvalue())
    return files


def with_jpeg_frames(data: bytes) -> bytes:
    """A file of grey 8-bit pixels of which each frame is a JPEG, as JPEG XL recompresses them."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    frames = (dataset.pixel_array.reshape(-1, SIDE, SIDE) & 255).astype(np.uint8)
    dataset.file_meta.TransferSyntaxUID, dataset.NumberOfFrames = JPEGBaseline8Bit, len(frames)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 8, 8, 7, 0
    dataset.PixelData = encapsulate([imagecodecs.jpeg8_encode(frame, level=98) for frame in frames])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def compressed(data: bytes, allowance: dicompress.Allowance | None = None) -> list[bytes]:
    """None of a file that would not get smaller."""
    try:
        return [compress_file(data, allowance=allowance).data]
    except dicompress.UnsupportedImageError:
        return []


ORIGINALS = originals()
ORIGINALS += [with_jpeg_frames(data) for data in ORIGINALS[:2]]
COMPRESSED = [small for data in ORIGINALS for small in compressed(data)]
COMPRESSED += [small for data in ORIGINALS[:2] for small in compressed(data, dicompress.Allowance(near=2))]
RESTORED = {bytes(restore_file(data).data) for data in COMPRESSED}


def pixels_of(data: bytes) -> bytes:
    part10 = parse(data)
    value = bytes(part10.value)
    return value[::-1] if part10.syntax == ExplicitVRBigEndian else value


PIXELS = {pixels_of(data) for data in RESTORED}


def try_file(data: bytes) -> None:
    start = time.process_time()
    try_all(data)
    assert time.process_time() - start < SECONDS, "too long"


def try_all(data: bytes) -> None:
    try:
        part10 = parse(data)
    except dicompress.DicompressError:
        return
    try:
        describe(data)
    except dicompress.DicompressError:
        pass
    try:
        restored = restore_file(data, threads=1)
    except dicompress.DicompressError:
        pass
    else:
        if restored.remark:
            assert pixels_of(restored.data) in PIXELS, "other pixels"
        else:
            assert bytes(restored.data) in RESTORED, "another file"
    if part10.syntax in NATIVE | JPEG:  # the decoders of other syntaxes are not ours to test
        try:
            compress_file(data, threads=1)
        except dicompress.DicompressError:
            pass


def forge(data: bytes, mutator: Mutator, change) -> bytes:
    """With a changed stream in place of the last frame's. DicompressError if there is none."""
    part10 = parse(data)
    streams = list(map(bytes, frames_of(part10, layout(part10.dataset))))
    streams[-1] = mutator.forge(streams[-1], change)
    return b"".join((data[: part10.pixels.element], *pixel_element(streams), data[part10.pixels.end :]))


def mutate(data: bytes, max_size: int, seed: int) -> bytes:
    mutator = Mutator(seed, STREAMS)
    kind = mutator.below(4)
    if kind == 0:
        return atheris.Mutate(data, max_size)
    if kind == 1:
        try:
            return forge(data, mutator, None)[:max_size]
        except dicompress.DicompressError:
            pass
    if kind == 2:  # within a short part: an element, the restore record
        at = mutator.below(max(1, len(data)))
        part = data[at : at + 64]
        return (data[:at] + mutator.change(part) + data[at + 64 :])[:max_size]
    return mutator.change(data)[:max_size]


def streams_of(files: list[bytes]) -> list[bytes]:
    parts = map(parse, files)
    return [bytes(stream) for part in parts for stream in frames_of(part, layout(part.dataset))]


STREAMS = streams_of([data for data in COMPRESSED if parse(data).syntax == DICOMPRESS])


if __name__ == "__main__":
    harness.run(lambda: [*ORIGINALS, *COMPRESSED], try_file, mutate)
