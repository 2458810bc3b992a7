import signal

import pydicom
import pytest
from pydicom.data import get_testdata_file

pytest.register_assert_rewrite("helpers")

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
