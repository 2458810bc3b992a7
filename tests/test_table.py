"""Tables of the values that occur: they come back, take few bytes, and what is no table is refused."""

import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicompress import StreamError
from dicompress.native import coder as native

RNG = np.random.default_rng(3)


def every(step, range_=65536):
    return np.arange(0, range_, step)


def rescaled(*gaps, range_=65536):
    return np.cumsum(np.tile(gaps, range_ // sum(gaps)))


def subset(density, range_=65536):
    return np.flatnonzero(RNG.random(range_) < density)


LISTS = {
    "two": np.array([-5, 4000]), "every 2nd": every(2), "every 16th": every(16), "every 257th": every(257),
    "all": every(1), "rescaled": rescaled(2, 3, 2, 2, 3), "rescaled unevenly": (np.arange(3000) * 1.0717).astype(int),
    "a tenth": subset(0.1), "half": subset(0.5), "nine tenths": subset(0.9), "half of a small range": subset(0.5, 1000),
    "half of the widest range": np.sort(RNG.choice(131071, 65535, replace=False)),
    "two groups": np.r_[0:500, 65000:65536],
    "CT with padding": np.unique(np.r_[-2000, np.clip(RNG.normal(50, 350, 200000), -1024, 3071).astype(int)]),
    "CT with rare values": np.unique(np.r_[-2000, np.clip(RNG.standard_t(2, 260000) * 200 - 500, -1024, 3071).astype(int)]),
    "the widest range": np.array([-65535, 65536]),
}  # fmt: skip


def deflated(values):
    used = np.zeros(values[-1] - values[0] + 1, np.uint8)
    used[values - values[0]] = 1
    return zlib.compress(np.packbits(used).tobytes(), 9)


@pytest.mark.parametrize("values", LISTS.values(), ids=LISTS)
def test_lists_come_back_from_fewer_bytes_than_a_deflated_bit_map(values):
    table = native.write_table(values.astype(np.int32))
    assert np.array_equal(native.read_table(table, int(values[0]), int(values[-1])), values)
    assert 1 <= len(table) < len(deflated(values))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 9) | st.integers(1, 3000), min_size=1, max_size=60), st.integers(-65535, 0), st.integers(1, 9))
def test_any_list_comes_back(gaps, low, times):
    values = np.cumsum([low, *(gaps * times)])
    values = values[values <= low + 131071].astype(np.int32)
    table = native.write_table(values)
    assert np.array_equal(native.read_table(table, int(values[0]), int(values[-1])), values)


@pytest.mark.parametrize("values", [[3], [], [3, 3], [4, 3], [0, 131072], range(65537)])
def test_what_is_no_list_of_a_table_is_refused(values):
    with pytest.raises(ValueError):
        native.write_table(np.array(values, np.int32))


def test_cut_and_longer_tables_are_refused():
    values = subset(0.1)
    table, low, high = native.write_table(values.astype(np.int32)), int(values[0]), int(values[-1])
    for wrong in (b"", table[: len(table) // 2], table + bytes(9)):
        with pytest.raises(StreamError):
            native.read_table(wrong, low, high)
    for range_ in ((high, low), (0, 0), (-65536, 65536), (low, high - 1)):
        with pytest.raises(StreamError):
            native.read_table(table, *range_)


def test_any_bytes_are_a_list_of_the_range_or_refused():
    errors = 0
    for _ in range(3000):
        low = int(RNG.integers(-65535, 0))
        high = low + int(RNG.integers(1, 131072))
        try:
            values = native.read_table(RNG.bytes(int(RNG.integers(0, 24))), low, high)
        except StreamError:
            errors += 1
            continue
        assert values[0] == low and values[-1] == high and (np.diff(values) > 0).all() and values.size <= 65536
    assert errors > 1000
