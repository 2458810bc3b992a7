"""Inputs that once took gigabytes or long, or raised an error of another kind: tests/findings, named after what they did.

Bare streams are .dcmp, DICOM files .dcm. fuzz/README.md tells how such files are found.
"""

import resource
import time
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from helpers.mutations import take_apart

import dicompress
from dicompress import DicompressError, StreamError
from dicompress.dicom import compress_file, describe, restore_file
from dicompress.models import by_name

FINDINGS = sorted((Path(__file__).parent / "findings").iterdir())
SECONDS, MEMORY = 2, 256 << 10  # of processor time, in KiB


def of_today(stream: bytes) -> bytes:
    """As if the installed model had written it: an unknown model would be all that is wrong."""
    parts = take_apart(stream)
    return replace(parts, start=parts.start[:7] + by_name("pyramid").hash + parts.start[15:]).joined()


def decode(data: bytes) -> None:
    dicompress.decode(data, threads=1)


def restore(data: bytes) -> None:
    """Elements that were changed, the restore record among them, are no error where the pixels are sound."""
    if restore_file(data).edited:
        raise DicompressError("edited")


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.name)
def test_an_error_of_ours_soon_and_for_little_memory(path):
    bare = path.suffix == ".dcmp"
    data = of_today(path.read_bytes()) if bare else path.read_bytes()
    reading, decoding = (dicompress.inspect, [decode]) if bare else (describe, [restore, compress_file])
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pydicom
        for function in decoding:
            with pytest.raises(StreamError if bare else DicompressError):
                function(data)
        try:
            reading(data)
        except DicompressError:
            pass  # what is wrong may only show in decoding
    assert time.process_time() - start < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before.ru_maxrss < MEMORY
