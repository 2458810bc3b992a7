import gc
import signal
import time
import warnings

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


@pytest.fixture(scope="module")
def no_garbage():
    gc.collect()  # a file that another module's test left open is not this one's error


@pytest.fixture
def no_warnings(no_garbage):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.fixture(scope="session")
def postgresql_server():
    pytest.importorskip("psycopg")
    from helpers.archive import postgresql

    with postgresql() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def index_url(request):
    """Of an empty index."""
    pytest.importorskip("sqlalchemy")
    if request.param == "sqlite":
        yield "index.sqlite"
        return
    from helpers.archive import database

    with database(request.getfixturevalue("postgresql_server"), f"test{time.monotonic_ns()}") as url:
        yield url


@pytest.fixture
def store(tmp_path, index_url):
    """An empty store with an index of each kind."""
    from dicompress.store import Store

    with Store.create(tmp_path / "store", index=index_url) as store:
        yield store
