import signal
import zlib

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

# In a background job Ctrl-C is ignored, also by whatever the tests start; they want it heard.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def ct_path():
    """A 128 x 128 CT that comes with pydicom, Explicit VR Little Endian."""
    return get_testdata_file("CT_small.dcm")


@pytest.fixture
def ct(ct_path):
    return pydicom.dcmread(ct_path)


@pytest.fixture(scope="session")
def ct_pixels(ct_path):
    return pydicom.dcmread(ct_path).pixel_array


@pytest.fixture(scope="session")
def mr_pixels():
    return pydicom.dcmread(get_testdata_file("MR_small.dcm")).pixel_array


def phantom(rows: int, columns: int, seed: int = 0, noise: float = 4.0) -> np.ndarray:
    """A disc, a ramp and noise: uint16 (rows, columns), 12 bits."""
    y, x = np.mgrid[:rows, :columns]
    disc = 800.0 * ((y - rows / 2) ** 2 + (x - columns / 2) ** 2 < (min(rows, columns) / 3) ** 2)
    values = 200 + disc + 0.3 * x + np.random.default_rng(seed).normal(0, noise, (rows, columns))
    return np.clip(np.rint(values), 0, 4095).astype(np.uint16)


def with_crc(part: bytes) -> bytes:
    return part + zlib.crc32(part).to_bytes(4, "little")


def stream_parts(data: bytes) -> list[bytes]:
    """Header, heads and sections of a stream, without the CRC-32 that follows each; joined(parts) is the inverse."""
    parts, start = [], 0
    for end in range(len(data) - 3):
        if end >= start + 16 * (not parts) and data[end : end + 4] == with_crc(data[start:end])[-4:]:
            parts.append(data[start:end])
            start = end + 4
    return parts


def joined(parts: list[bytes]) -> bytes:
    return b"".join(map(with_crc, parts))
