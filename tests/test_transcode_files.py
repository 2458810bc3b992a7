"""Every file of pydicom and pydicom-data in every standard syntax: equal values by another reader, or the stated reason."""

import importlib.util
import warnings
from pathlib import Path

import numpy as np
import pytest
from helpers.transcoded import readings

from dicompress.dicom import PassedOn
from dicompress.dicom.part10 import parse
from dicompress.dicom.stored import whole_pixels
from dicompress.dicom.transcode import CHOICES, transcode_or_pass_on

TOOL = Path(__file__).parents[1] / "tools" / "conformance.py"
LARGEST = 1 << 20  # bytes of a file
REASONS = (
    "already", "no Pixel Data", "Bits Allocated (0028,0100)", "is lossy, or not known to be lossless", "holds no ", "cut short",
    "not a DICOM file", "the Image Pixel attributes are incomplete", "an odd number of 8-bit pixels in big-endian words",
    "is not written of values of 32 bits",
)  # fmt: skip


def files() -> list[Path]:
    spec = importlib.util.spec_from_file_location("conformance", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return [path for path in tool.files().values() if path.stat().st_size <= LARGEST]


@pytest.mark.slow
@pytest.mark.parametrize("to", CHOICES)
def test_every_file_at_hand(to):
    transcoded = 0
    for path in files():
        data = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = transcode_or_pass_on(data, to, 1)
            if isinstance(result, PassedOn):
                assert any(reason in result.reason for reason in REASONS), (path, result.reason)
                continue
            transcoded += 1
            assert len(result.verified) == (1 if to == "jxl" else 2), path
            before, after = whole_pixels(parse(data)), whole_pixels(parse(result.data))
            assert np.array_equal(before[0], after[0]), path
            if to in ("jls", "htj2k"):
                assert all(np.array_equal(p.reshape(after[0].shape), after[0]) for p in readings(result.data).values()), path
    assert transcoded >= (30 if to == "native" else 60)
