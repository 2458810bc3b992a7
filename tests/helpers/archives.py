"""Archives of made series, by the command line in this process."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pydicom
from pydicom.data import get_testdata_file

from dicompress.cli import main

SERIES = "1.2.3.4"


@dataclass(frozen=True)
class Ended:
    status: int
    out: str
    err: str

    @property
    def outcomes(self) -> dict[str, dict]:
        """By source, of a run with --json."""
        return {line["source"]: line for line in map(json.loads, self.out.splitlines())}

    @property
    def statuses(self) -> dict[str, str]:
        """By the names of the sources."""
        return {os.path.basename(name): line["status"] for name, line in self.outcomes.items()}


def call(*arguments) -> Ended:
    """A run of the command line."""
    out, err, status = io.StringIO(), io.StringIO(), 0
    with patch.object(sys, "argv", ["dicompress", *map(str, arguments)]), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            status = ended.code or 0
    return Ended(status, out.getvalue(), err.getvalue())


def pack(source, target, *options) -> Ended:
    sources = source if isinstance(source, list) else [source]
    return call("pack", *sources, "-o", target, "--jobs", 1, "--json", *options)


def unpack(source, target, *options) -> Ended:
    return call("unpack", source, "-o", target, "--jobs", 1, "--json", *options)


def ct_slice(number: int, series: str = SERIES, seed: int = 0, noise: int = 3, **attributes) -> bytes:
    """The small CT, moved and shifted, and so many values of noise."""
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    dataset.SeriesInstanceUID, dataset.InstanceNumber = series, number
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = f"{series}.{number}"
    dataset.ImagePositionPatient = [0, 0, 2.5 * number]
    added = np.random.default_rng(number + 1000 * seed).integers(0, noise, (128, 128))
    dataset.PixelData = (np.roll(dataset.pixel_array, number, 0) + added).astype(np.int16).tobytes()
    for name, value in attributes.items():
        setattr(dataset, name, value)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def make_series(folder: Path, numbers=range(4), series: str = SERIES, **attributes) -> Path:
    """Files 00.dcm, 01.dcm ... of slices."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"{number:02}.dcm").write_bytes(ct_slice(number, series, **attributes))
    return folder
