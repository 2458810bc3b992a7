"""The elements of a file on disk before its pixels, without reading these."""

from __future__ import annotations

from typing import BinaryIO

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from ..errors import FileError
from .part10 import check_begins, parse
from .reading import readable

START = 4096  # bytes in which group 2 says whether the data set is deflated


def read_header(file: BinaryIO) -> Dataset:
    """NotDicomError if it is none, FileError if it cannot be read."""
    start = file.read(START)
    check_begins(start)
    file.seek(0)
    if DeflatedExplicitVRLittleEndian.encode() in start:
        return parse(file.read()).dataset
    with readable("the data set cannot be read", FileError):
        return pydicom.dcmread(file, stop_before_pixels=True, force=True)
