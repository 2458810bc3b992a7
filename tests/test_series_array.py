"""Series as arrays, in threads and processes, and from data sets of pydicom."""

import multiprocessing
import os
import pickle
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from helpers.drawings import colour
from helpers.files import make, read, rle, written
from helpers.series import SERIES, files_of, pack, shuffled, sliced, volume

import dicompress
from dicompress import FileError, UnsupportedImageError
from dicompress.dicom.allowance import Allowance
from dicompress.series import Archive, open_series, pack_series

PIXELS = volume(9, (40, 48))
FILES = files_of(PIXELS)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("series") / "a.dcma"
    pack(path, dict(shuffled(FILES.items())) | {"colour": colour(), "text": b"text" * 20, "frames": make(PIXELS[:3, :20])})
    return path


@pytest.fixture
def series(path):
    with open_series(path) as found:
        yield found


def test_what_the_array_is_like(series):
    assert (series.shape, series.dtype, series.ndim, len(series)) == ((9, 40, 48), np.int16, 3, 9)
    assert (series.size, series.nbytes, series.groups) == (PIXELS.size, PIXELS.nbytes, 2)
    assert series.paths == [*FILES] and "(9, 40, 48) int16" in repr(series)


@pytest.mark.parametrize(
    "key",
    [
        0, -1, 8, np.int64(3), slice(None), slice(2, 7), slice(None, None, -2), slice(20, 30), slice(0, 0), ..., (),
        (3, 4), (3, 4, 5), (slice(2), 4), (slice(None), slice(3, 9), -1), (..., 5), (2, ...), (2, ..., 5), (..., 2, slice(4)),
        (..., slice(None), 2, 3), (slice(None, None, 3), ..., slice(0, 48, 7)), (1, 2, 3, ...), (..., 1, 2, 3),
        [1, 5, 5], [-1], [], np.array([3, 0]), np.arange(9) % 2 == 0, [True] * 4 + [False] * 5, ([0, 2], slice(3), 7),
        np.array([[0, 1], [2, 3]]), ([0, 1], [2, 3]), (slice(None), [5, 6]), (4, [5, 6]), None, (None, 2), (0, None), True, np.array(4),
        np.arange(9 * 40 * 48).reshape(9, 40, 48) % 7 == 0, np.arange(9 * 40).reshape(9, 40) % 5 == 1,
    ],
    ids=repr,
)  # fmt: skip
def test_every_kind_of_index_gives_what_numpy_gives(series, key):
    found, wanted = series[key], PIXELS[key]
    assert np.shape(found) == wanted.shape and found.dtype == PIXELS.dtype and np.array_equal(found, wanted)


@pytest.mark.parametrize(
    "key", [9, -10, (0, 40), (0, 0, 48), (0, 0, 0, 0), (slice(2), 99), [9], "a", 1.5, (..., ...), [True] * 8, (0, "a")], ids=repr
)
def test_an_index_that_numpy_refuses_is_refused_in_the_same_way(series, key):
    with pytest.raises(IndexError) as wanted:
        PIXELS[key]
    with pytest.raises(type(wanted.value)):
        series[key]


def test_iterating_and_arrays_of_all(series):
    assert all(np.array_equal(found, wanted) for found, wanted in zip(series, PIXELS, strict=True))
    assert np.array_equal(np.asarray(series), PIXELS) and np.asarray(series, np.float32).dtype == np.float32
    assert np.array_equal(np.mean(series, axis=0), PIXELS.mean(axis=0)) and np.max(series) == PIXELS.max()
    assert np.stack([series[2], series[3]]).shape == (2, 40, 48)
    with pytest.raises(ValueError, match="no array to share"):
        np.array(series, copy=False)
    with pytest.raises(ValueError, match="read-only"):
        series[3][0, 0] = 1
    series[2:4][0, 0, 0] = 1


def test_images_of_several_frames_are_a_group_each(path):
    with open_series(path, group=1) as series:
        assert series.shape == (3, 20, 48) and np.array_equal(series[1:], PIXELS[1:3, :20]) and len(series.paths) == 1
        assert np.array_equal(series.dataset(2).pixel_array, PIXELS[:3, :20])
        assert len([*series.datasets()]) == 1
    for group in (2, -1):
        with pytest.raises(UnsupportedImageError, match=f"group {group} of 2"):
            open_series(path, group)


def test_an_archive_without_grey_images_is_no_array(tmp_path):
    pack(tmp_path / "a.dcma", {"colour": colour()})
    with pytest.raises(UnsupportedImageError, match="group 0 of 0"):
        open_series(tmp_path / "a.dcma")


def test_data_sets_are_the_originals(series):
    for k, (found, original) in enumerate(zip(series.datasets(), FILES.values(), strict=True)):
        assert found == read(original) and found.file_meta == read(original).file_meta
        assert np.array_equal(found.pixel_array, series[k])
    assert series.dataset(-1) == read(FILES["008.dcm"])
    with pytest.raises(IndexError):
        series.dataset(9)


@pytest.mark.parametrize("cached", [0, 8000, 1 << 20])
def test_threads_share_a_series(path, cached):
    with open_series(path, cached=cached) as series, ThreadPoolExecutor(8) as pool:
        for k, found in zip([*range(9)] * 6, pool.map(series.slice, shuffled([*range(9)]) and [*range(9)] * 6), strict=True):
            assert np.array_equal(found, PIXELS[k])
        numbers = shuffled([*series.archive.entries] * 4)
        for number, found in zip(numbers, pool.map(series.archive.restore, numbers), strict=True):
            assert len(found) == series.archive.entries[number].size
        held = sum(pixels.nbytes for pixels in series.archive._cache.values())
        assert held == series.archive._held <= max(cached, 40 * 48 * 2 * 3)


def summed(series, k: int) -> int:
    return int(series[k].sum())


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_processes_share_a_series(series, method):
    with ProcessPoolExecutor(2, multiprocessing.get_context(method)) as pool:
        assert [*pool.map(summed, [series] * 9, range(9))] == [int(image.sum()) for image in PIXELS]
    again = pickle.loads(pickle.dumps(series))
    assert np.array_equal(again[4], PIXELS[4]) and again.paths == series.paths
    again.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_forked_processes_read_one_file_at_once(path):
    """They share its position, which nobody uses."""
    with open_series(path, cached=0) as series, ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        globals()["inherited"] = series
        found = pool.map(sum_of_inherited, [*range(9)] * 20)
        assert [summed(series, k % 9) for k in range(180)] == [*found]


def sum_of_inherited(k: int) -> int:
    return summed(globals()["inherited"], k)


def test_data_sets_of_pydicom_become_an_archive(tmp_path):
    datasets = [read(FILES[f"{k:03d}.dcm"]) for k in shuffled(range(9))] + [read(rle())]
    pack_series(iter(datasets), tmp_path / "new" / "a.dcma", threads=1)
    with open_series(tmp_path / "new" / "a.dcma") as series:
        assert np.array_equal(series, PIXELS) and series.archive.series == SERIES
        assert series.paths[3] == f"0004-{SERIES}.4.dcm"
        assert all(found == read(data) for found, data in zip(series.datasets(), FILES.values(), strict=True))
        assert series.archive.restore(series.archive.find(f"{SERIES}.2")) == written(read(FILES["001.dcm"]))
    with pytest.raises(FileError, match="exists"):
        pack_series(datasets, tmp_path / "new" / "a.dcma")


def test_data_sets_with_an_error(tmp_path):
    datasets = [read(sliced(image, k, RescaleSlope="1", RescaleIntercept="0")) for k, image in enumerate(PIXELS)]
    pack_series(datasets, tmp_path / "a.dcma", allowance=Allowance(near=3), threads=1)
    with open_series(tmp_path / "a.dcma") as series:
        assert np.abs(np.asarray(series, int) - PIXELS).max() == 3


def test_data_sets_that_cannot_be_packed_leave_nothing(tmp_path):
    bad = read(FILES["000.dcm"])
    bad.Rows = "many"
    for datasets in ([], [read(FILES["001.dcm"]), bad]):
        with pytest.raises(UnsupportedImageError):
            pack_series(datasets, tmp_path / "a.dcma")
    assert not [*tmp_path.iterdir()]


def test_public_names():
    assert dicompress.open_series is open_series and dicompress.pack_series is pack_series
    assert dicompress.series.Archive is Archive
