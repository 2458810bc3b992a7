"""Bitmaps and arrays of few values: as labels, in no more bytes than JPEG XL or Zstandard take, frame by frame, with the same promises."""

import zlib

import imagecodecs
import numpy as np
import pytest
from helpers.images import phantom
from helpers.segments import bodies, labels

import dicompress
from dicompress import DicompressError, LimitError, StreamError, UnsupportedImageError, VerificationError
from dicompress.codec import labels as streams
from dicompress.codec import layout, zstandard
from dicompress.varint import write_varint

zstd = zstandard.library()
RNG = np.random.default_rng(0)
Y, X = np.mgrid[:70, :53]
ARRAYS = {
    "bodies": bodies(),
    "one bitmap": bodies(1)[0],
    "many frames": bodies(70, 40, 33),
    "noise": RNG.random((3, 33, 65)) < 0.5,
    "sparse": RNG.random((3, 100, 100)) < 0.01,
    "nothing": np.zeros((20, 64, 64), bool),
    "all": np.ones((4, 31, 17), bool),
    "a pixel": np.ones((1, 1), bool),
    "a row": (np.arange(500) % 7 < 3)[None],
    "a column": (np.arange(500) % 7 < 3)[:, None],
    "repeated": np.tile(RNG.random((16, 16)) < 0.5, (6, 6)),
    "the same frames": np.repeat(bodies(2), 40, 0),
    "labels": labels(),
    "labels, int16": labels(8, "int16", (-1024, -7, 0, 30000, 32767)),
    "labels, int8": labels(4, "int8", (-128, 127, 0)),
    "labels, uint16": labels(3, "uint16", (0, 65535, 300))[0],
    "256 labels": (Y // 5 * 16 + X // 4).astype(np.uint8),
    "one value": np.full((10, 10), 7, np.uint8),
    "noise of four": RNG.integers(0, 4, (50, 60)).astype(np.uint8),
    "fractions": np.round(bodies(6) * np.linspace(0.5, 1, 101) * 6).astype(np.uint8) * 40,
}  # fmt: skip
TINY = 32  # bytes of heads by which the smallest are larger than Zstandard


def peers(image: np.ndarray) -> list[int]:
    """Bytes of Zstandard at level 19, of bits packed, and of JPEG XL at effort 9."""
    frames = image if image.ndim == 3 else image[None]
    words = frames.view(np.uint8) if frames.dtype == bool else frames.view(f"u{frames.itemsize}")
    xl = [imagecodecs.jpegxl_encode(np.ascontiguousarray(frame), lossless=True, effort=9) for frame in words]
    plain = np.packbits(image).tobytes() if image.dtype == bool else image.tobytes()
    return [len(zstd.compress(plain, 19)), sum(map(len, xl))]


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_comes_back_in_no_more_than_its_peers_take(name):
    image = ARRAYS[name]
    data = dicompress.encode(image)
    back = dicompress.decode(data)
    assert back.dtype == image.dtype and np.array_equal(back, image) and layout(data) == (image.shape, image.dtype)
    assert data == dicompress.encode(image, threads=1) and np.array_equal(dicompress.decode(data, threads=1), image)
    assert len(data) <= min(peers(image)) + TINY
    info = dicompress.inspect(data)
    assert info.near == info.levels == 0 and info.level_bytes == [info.coded_bytes] == [len(data)] and not info.references
    assert info.bits_allocated == info.bits_stored == (1 if image.dtype == bool else 8 * image.itemsize)
    assert (info.frames, info.rows, info.columns) == (image.shape[0] if image.ndim == 3 else 1, *image.shape[-2:])
    for frame in range(0, info.frames, 3):
        assert np.array_equal(dicompress.decode(data, frame=frame), image[frame] if image.ndim == 3 else image)


def test_segments_take_half_of_what_their_peers_take():
    for name in ("bodies", "labels"):
        image = ARRAYS[name]
        assert dicompress.inspect(data := dicompress.encode(image)).model == "labels"
        assert len(data) < 0.7 * zstd_size(image)


def zstd_size(image: np.ndarray) -> int:
    return len(zstd.compress(np.packbits(image).tobytes() if image.dtype == bool else image.tobytes(), 19))


def test_empty_frames_and_frames_like_one_before_take_next_to_nothing():
    assert len(dicompress.encode(np.zeros((640, 128, 128), bool))) < 200
    same = ARRAYS["the same frames"]
    assert len(dicompress.encode(same[:64])) < len(dicompress.encode(same[[0, 40]])) + 20


def test_any_byte_order_and_strides():
    image = labels(4, "int16", (-5, 0, 900))
    for same in (
        image.astype(">i2"),
        image[:, ::-1, ::2],
        image.transpose(0, 2, 1),
        bodies(4)[::-1, :, ::3],
        np.asfortranarray(bodies(3)),
    ):
        assert np.array_equal(dicompress.decode(dicompress.encode(same)), same)


def test_a_photograph_is_left_to_the_model_and_so_is_one_that_is_named():
    assert dicompress.inspect(dicompress.encode(phantom(100, 100))).model == "pyramid"
    assert dicompress.inspect(dicompress.encode(labels(2), model="pyramid")).model == "pyramid"
    assert dicompress.inspect(dicompress.encode(labels(2), near=1)).model == "pyramid"


def test_what_bits_do_not_have_is_refused():
    image = bodies(2)
    for wrong in ({"model": "pyramid"}, {"colour": True}):
        with pytest.raises(UnsupportedImageError, match="bool array"):
            dicompress.encode(image, **wrong)
    with pytest.raises(ValueError, match="no error"):
        dicompress.encode(image, near=1)
    with pytest.raises(UnsupportedImageError):
        dicompress.encode(np.ma.masked_array(image, image))
    for shape in ((0, 4), (4,), (2, 3, 4, 5)):
        with pytest.raises(UnsupportedImageError):
            dicompress.encode(np.zeros(shape, bool))
    data = dicompress.encode(image)
    with pytest.raises(ValueError, match="level 1"):
        dicompress.decode(data, level=1)
    for frame in (-1, 2):
        with pytest.raises(IndexError, match=f"frame {frame} of 2"):
            dicompress.decode(data, frame=frame)


def test_encoding_verifies(monkeypatch):
    monkeypatch.setattr("dicompress.codec.api.decode", lambda data, **_: ~bodies(2))
    with pytest.raises(VerificationError):
        dicompress.encode(bodies(2))


def test_runs_do_not_lean_on_each_other():
    image = bodies(150, 60, 61)
    data = dicompress.encode(image)
    facts = streams.read(data)
    assert [count for count, _ in facts.runs] == [64, 64, 22]
    broken = bytearray(data)
    broken[len(facts.head) + facts.runs[0][1] + 9] ^= 8  # in the second run
    for frame in (0, 63, 128, 149):
        assert np.array_equal(dicompress.decode(bytes(broken), frame=frame), image[frame])
    for frame in (64, 127, None):
        with pytest.raises(StreamError, match="checksum"):
            dicompress.decode(bytes(broken), frame=frame)
    dense = RNG.random((40, 100, 101)) < 0.2  # runs of what takes long are shorter
    assert 16 <= streams.read(dicompress.encode(dense)).runs[0][0] < 40


@pytest.mark.parametrize("name", ["bodies", "labels, int16", "noise", "fractions"])
def test_any_damage_is_an_error(name):
    image = ARRAYS[name]
    data = dicompress.encode(image)
    for position in [*range(60), *range(60, len(data), max(1, len(data) // 60))]:
        for bit in (0, 3, 7):
            damaged = bytearray(data)
            damaged[position] ^= 1 << bit
            try:
                back = dicompress.decode(bytes(damaged))
            except DicompressError:
                continue
            assert back.dtype == image.dtype and np.array_equal(back, image)
    for size in (*range(3, 30), len(data) - 1):
        with pytest.raises(StreamError):
            dicompress.decode(data[:size])
    assert np.array_equal(dicompress.decode(data + b"\0"), image)  # an even length
    with pytest.raises(StreamError, match="left over"):
        dicompress.decode(data + b"\1")


@pytest.mark.parametrize("name", ["bodies", "labels", "noise of four"])
def test_damage_behind_a_right_checksum_is_an_error_or_an_image(name):
    image = ARRAYS[name]
    frames = image if image.ndim == 3 else image[None]
    facts = streams.read(streams.encode(frames, streams.table_of(frames), has_frames=True))
    run = RNG.bytes(400)
    for data in (b"", b"\0", b"\xff" * 90, run, run[:50]):
        head = streams._joined(facts.head[: facts.head.rindex(write_varint(facts.runs[0][0]))], [(len(frames), data)])
        try:
            back = dicompress.decode(head)
        except DicompressError:
            continue
        assert back.shape == frames.shape and back.dtype == frames.dtype


def test_claims_cost_nothing():
    def claim(flags: int, *numbers: int, bits: int = 1) -> bytes:
        return streams.MARK + bytes([flags, bits]) + b"".join(map(write_varint, numbers)) + bytes(40)

    frames, bits = streams.FRAMES, streams.BITS
    for stream in (claim(frames | bits, 1 << 40, 8, 8), claim(bits, 1 << 30, 1 << 30), claim(frames | bits, 30, 1 << 13, 1 << 14)):
        with pytest.raises(LimitError):
            dicompress.inspect(stream)
    for stream in (
        claim(bits, 0, 8), claim(bits, 8, 8, bits=2), claim(bits | streams.SIGNED, 8, 8), claim(32, 8, 8), claim(bits, 8, 8, 1, 99),
        claim(bits, 8, 8, 2, 9), claim(frames | bits, 3, 8, 8, 1, 9, 0, 9), claim(0, 8, 8, 1, 255, 255, 2, 1, 9, bits=8),
    ):  # fmt: skip
        with pytest.raises(StreamError):
            dicompress.inspect(stream)


def test_bytes_are_what_the_page_says():
    image = labels(3, "int16", (-7, 0, 300))
    data = streams.encode(image, streams.table_of(image), bits_stored=10, has_frames=True)
    head = b"DCLB" + bytes([streams.SIGNED | streams.WIDE | streams.FRAMES, 10, 3, 90, 101, 2])
    head += write_varint(32768 - 7) + write_varint(6) + write_varint(299)
    run = data[len(streams.read(data).head) :]
    head += bytes([3]) + write_varint(len(run))
    assert data == head + run and run[:4] == zlib.crc32(head + run[4:]).to_bytes(4, "little")
