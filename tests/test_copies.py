"""Copies in restore records: what is far back in the elements is not stored again."""

import time

import numpy as np
import pytest
from helpers.files import change, make
from helpers.images import phantom
from helpers.objects import Writer, insert
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dicompress import LimitError, StreamError
from dicompress.dicom import compress_file, restore_file
from dicompress.dicom.copies import SHORTEST, find, pack, unpack
from dicompress.varint import write_varint

BYTES = np.random.default_rng(0).bytes(100_000)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 90_000), st.integers(0, 9_000), st.binary(max_size=300)), max_size=8))
def test_any_pieces_of_the_source_in_any_order(pieces):
    target = b"".join(BYTES[start : start + length] + between for start, length, between in pieces)
    packed = pack(target, BYTES)
    assert unpack(packed, BYTES) == target
    long = sum(length for _, length, _ in pieces if length >= SHORTEST + 1100)
    assert len(packed) <= len(target) - long + 1200 * len(pieces) + 1


@pytest.mark.parametrize("source", [b"", bytes(70_000), BYTES, BYTES + bytes(5000) + BYTES])
@pytest.mark.parametrize("target", [b"", b"\1", bytes(90_000), BYTES[5:], BYTES[::-1], BYTES[:50_000] + b"x" + BYTES[50_000:]])
def test_round_trip(source, target):
    packed = pack(target, source)
    assert unpack(packed, source) == target
    assert len(packed) <= len(target) + 1 + 7 * len(find(target, source))


def test_two_changed_bytes_cost_little():
    target = bytearray(BYTES)
    target[1000] ^= 1
    target[70_001] ^= 1
    assert len(pack(bytes(target), BYTES)) < 1000


def test_a_long_search_for_nothing_is_short():
    start = time.process_time()
    assert find(np.random.default_rng(1).bytes(4_000_000), BYTES) == []
    assert time.process_time() - start < 30  # it takes a tenth of a second; every place would take minutes


@pytest.mark.parametrize(
    "instructions, error",
    [
        ((0, 99_990, 20), StreamError),
        ((5, 0, 10), StreamError),
        ((0, 0), StreamError),
        ((0, 0, 100_000) * 300_000, LimitError),
    ],
    ids=["behind the end", "bytes that are not there", "cut short", "thirty gigabytes"],
)
def test_nonsense(instructions, error):
    packed = b"".join(map(write_varint, instructions))
    with pytest.raises(error):
        unpack(write_varint(len(packed)) + packed + b"abc", BYTES)


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("behind", [False, True])
def test_large_elements_before_and_behind_the_pixels_are_stored_once(implicit, behind):
    large = Writer(implicit).element(0x7FE11010 if behind else 0x00291010, "OB", BYTES)
    file = make(phantom(64, 64), ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian)
    original = file + large if behind else insert(file, large)
    compressed = compress_file(original, threads=1).data
    assert len(compressed) < len(BYTES) + 6500
    assert restore_file(compressed, threads=1).data == original
    edited = restore_file(change(compressed, StudyID="another"), threads=1)
    assert edited.edited and BYTES in edited.data
