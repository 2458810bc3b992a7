"""Streams are progressive: every level of the image comes from its range of the bytes, and only from there."""

import numpy as np
import pytest
from helpers.images import phantom
from helpers.models import Halves
from helpers.streams import joined, stream_parts
from hypothesis import given, settings
from hypothesis import strategies as st

import dicompress
from dicompress import DicompressError, StreamError
from dicompress.varint import Reader, write_varint


def assert_levels(image):
    data = dicompress.encode(image, model=Halves(1), threads=1)
    info = dicompress.inspect(data)
    assert info.levels == Halves().levels(image.shape[-2:]) and info.level_bytes[0] == info.coded_bytes == len(data)
    for k, count in enumerate(info.level_bytes):
        expected = image[..., :: 1 << k, :: 1 << k]
        for prefix in (data[:count], data):
            restored = dicompress.decode(prefix, level=k, model=Halves(1), threads=1)
            assert restored.dtype == image.dtype and np.array_equal(restored, expected)
        if image.ndim == 3:
            last = dicompress.decode(data[:count], level=k, frame=len(image) - 1, model=Halves(1), threads=1)
            assert np.array_equal(last, expected[-1])
        for short in (count - 1, count - 5):
            with pytest.raises(StreamError, match=f"level {k} takes {count} bytes|ends in the heads"):
                dicompress.decode(data[:short], level=k, model=Halves())
    return data


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)), st.lists(st.booleans(), max_size=4), st.integers(0, 2**32),
    st.sampled_from([1, 16, 257]), st.sampled_from(["uint16", "int16"]),
)  # fmt: skip
def test_images_of_any_size_spacing_and_number_of_frames(shape, constant, seed, step, dtype):
    image = np.random.default_rng(seed).integers(0, 100, (len(constant) or 1, *shape)) * step
    image[np.flatnonzero(constant)] = seed % 100
    assert_levels((image if constant else image[0]).astype(dtype))


@pytest.mark.parametrize("shape", [(1100, 1041), (2, 1030, 24), (18433, 2)])
def test_tiles_make_up_the_picture_of_the_frame(shape):
    rows, columns = shape[-2:]
    image = phantom(rows, columns)
    assert_levels(image if len(shape) == 2 else np.stack([image, image // 16 * 16]))


def test_constant_frames_leave_the_sections_empty():
    data = assert_levels(np.full((3, 9, 11), -7, np.int16))
    _, _, *sections = stream_parts(data)
    assert sections == [b"", b"", b""]


def test_the_layout_is_as_documented():
    image = np.stack([phantom(30, 21), np.full((30, 21), 5, np.uint16)])
    data = dicompress.encode(image, model=Halves(), bits_stored=12)
    header, heads, *sections = stream_parts(data)
    numbers = (2, 30, 21, 1, 0, 2, len(heads), *map(len, sections))
    assert header == b"DCMP\x04\x02\x0chalves!!\x01" + b"".join(map(write_varint, numbers))
    first, second = Reader(heads), Reader(heads)
    second.take(first.varint() + 1)
    assert first.varint() == 0  # references
    assert [first.take(8).hex(), second.take(second.varint())[1:9].hex()] == dicompress.inspect(data).checksums
    coarse = Reader(sections[0])
    chunk = Reader(coarse.take(coarse.varint()))
    coarse.finish()
    chunk.take(chunk.varint())
    chunk.finish()
    ends = np.cumsum([len(part) + 4 for part in (header, heads, *sections)])
    assert dicompress.inspect(data).level_bytes == ends[:1:-1].tolist()


@pytest.fixture(scope="module")
def small():
    image = np.stack([phantom(19, 22), np.full((19, 22), 77, np.uint16), phantom(19, 22, 1) // 16 * 16])
    return image, dicompress.encode(image, model=Halves())


def test_a_flipped_byte_disturbs_its_level_and_finer_ones_only(small):
    image, data = small
    level_bytes = dicompress.inspect(data).level_bytes
    for position in range(len(data)):
        damaged = data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :]
        for k, count in enumerate(level_bytes):
            if position < count:
                with pytest.raises(DicompressError):
                    dicompress.decode(damaged, level=k, model=Halves(1), threads=1)
            else:
                restored = dicompress.decode(damaged, level=k, model=Halves(1), threads=1)
                assert np.array_equal(restored, image[:, :: 1 << k, :: 1 << k])


def test_data_that_ends_early_says_where_and_what_is_needed(small):
    _, data = small
    whole, half, quarter = dicompress.inspect(data).level_bytes
    for level, length, message in [
        (0, half + 1, f"ends in level 0, at byte {half + 1}; level 0 takes {whole} bytes"),
        (0, half, f"ends in level 0, at byte {half}"),
        (0, quarter, f"ends in level 1, at byte {quarter}; level 0 takes {whole} bytes"),
        (1, quarter - 1, f"ends in level 2, at byte {quarter - 1}; level 1 takes {half} bytes"),
    ]:
        with pytest.raises(StreamError, match=message):
            dicompress.decode(data[:length], level=level, model=Halves())


class Whole(Halves):
    def levels(self, shape):
        return 0


def test_levels_and_frames_that_are_not_there(small):
    _, data = small
    for level in (-1, 3):
        with pytest.raises(ValueError, match="levels 0 to 2"):
            dicompress.decode(data, level=level, model=Halves())
    for frame in (-1, 3):
        with pytest.raises(IndexError):
            dicompress.decode(data, frame=frame, level=1, model=Halves())
    with pytest.raises(StreamError, match="2 levels are claimed"):
        dicompress.decode(data, model=Whole())


def test_inspect_needs_header_and_heads_alone(small):
    _, data = small
    header, heads, *_ = stream_parts(data)
    enough = len(header) + len(heads) + 8
    info = dicompress.inspect(data)
    assert dicompress.inspect(data[:enough]) == dicompress.inspect(data[:-1]) == info
    assert dicompress.inspect(data + b"\0").coded_bytes == len(data)
    for length in range(enough):
        with pytest.raises(StreamError):
            dicompress.inspect(data[:length])


def test_padding_may_follow_the_last_section_only_once(small):
    image, data = small
    assert np.array_equal(dicompress.decode(data + b"\0", model=Halves()), image)
    for wrong in (b"\1", b"\0\0"):
        with pytest.raises(StreamError):
            dicompress.decode(data + wrong, model=Halves())


def test_one_frame_is_decoded_without_the_others(small):
    image, data = small
    model = Halves()
    assert np.array_equal(dicompress.decode(data, frame=2, level=1, model=model), image[2, ::2, ::2])
    assert len(model.plans) == 1
    assert np.array_equal(dicompress.decode(data, frame=1, model=model), image[1])
    assert len(model.plans) == 1


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_lies_with_good_checksums_are_errors_or_pixels(small, data):
    """Any part may be changed, cut or grown: nothing but our own errors, and no wrong pixels at level 0."""
    image, stream = small
    parts = stream_parts(stream)
    number = data.draw(st.sampled_from([0, 0, 1, 1, *range(2, len(parts))]))
    start = data.draw(st.integers(16 if number == 0 else 0, len(parts[number])))
    removed = data.draw(st.integers(0, 3))
    added = data.draw(st.one_of(st.binary(max_size=3), st.integers(0, 2**63 - 1).map(write_varint)))
    parts[number] = parts[number][:start] + added + parts[number][start + removed :]
    if data.draw(st.booleans()):  # lengths in the header that fit what is there
        reader = Reader(parts[0])
        reader.take(16)
        try:
            kept = [reader.varint() for _ in range(6)]
        except StreamError:
            kept = []
        parts[0] = parts[0][:16] + b"".join(map(write_varint, [*kept, *map(len, parts[1:])]))
    for level in (0, 1, 2):
        try:
            restored = dicompress.decode(joined(parts), level=level, model=Halves(1), threads=1)
        except (DicompressError, ValueError) as error:
            assert isinstance(error, DicompressError) or "it has levels" in str(error)
        else:
            assert level or np.array_equal(restored, image)
