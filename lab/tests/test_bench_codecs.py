"""The codecs to compare with: lossless ones give every image back, damaged streams are errors, known properties hold."""

import struct
import zlib

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicompress_lab.bench import native
from dicompress_lab.bench.codecs import all_codecs, cbpc2, compact, programs

CODECS = all_codecs()
NEURAL = ("L3C", "SReC", "reference")
WRITTEN_HERE = pytest.mark.parametrize("codec", [compact, cbpc2], ids=["CompaCT", "CBPC2"])


def images() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:37, :53]
    ramp = 30 * y + 17 * x
    found = {"1x1": np.array([[200]], np.uint8), "one pixel wide": rng.integers(0, 256, (41, 1)).astype(np.uint8)}
    found["one pixel high"] = (65535 - 900 * np.arange(70, dtype=np.uint16)[None]).astype(np.uint16)
    for dtype in (np.uint8, np.uint16):
        top, name = np.iinfo(dtype).max, np.dtype(dtype).name
        found[f"noise {name}"] = rng.integers(0, top + 1, (33, 35)).astype(dtype)
        found[f"extremes {name}"] = rng.choice(np.array([0, top], dtype), (34, 40))
        found[f"black {name}"] = np.zeros((16, 24), dtype)
        found[f"white {name}"] = np.full((25, 19), top, dtype)
        found[f"ramp {name}"] = (ramp * top // ramp.max()).astype(dtype)
        found[f"noisy ramp {name}"] = np.clip(ramp / 10 + rng.normal(30, 3, ramp.shape), 0, top).astype(dtype)
    found["12 bits"] = np.clip(2000 + ramp + rng.normal(0, 20, ramp.shape), 0, 4095).astype(np.uint16)
    return found


IMAGES = images()
SMALL = ("1x1", "extremes uint16", "12 bits")  # for slow codecs


def test_the_codecs_of_the_tables_are_all_there_in_their_order():
    assert [*CODECS][:4] == ["deflate", "zstd", "rle", "png"] and [*CODECS][-4:] == ["l3c", "srec", "reference", "pyramid"]
    assert len(CODECS) == 20 and all(codec.origin for codec in CODECS.values())
    assert [codec.name for codec in CODECS.values() if not codec.lossless] == ["lossy wavelet"]


@pytest.mark.parametrize("codec", [c for c in CODECS.values() if c.lossless], ids=lambda codec: codec.key)
def test_lossless_codecs_give_every_image_back(codec):
    if codec.missing:
        pytest.skip(codec.missing)
    for name in SMALL if codec.name in NEURAL else IMAGES:
        image = IMAGES[name]
        data = codec.encode(image)
        back = codec.decode(data, image.shape, image.dtype)
        assert isinstance(data, bytes)
        assert back.dtype == image.dtype and np.array_equal(back, image), name


def test_the_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("dicompress_lab.bench.codecs.packages.find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    found = all_codecs()
    assert found["png"].missing == "needs imagecodecs: pip install imagecodecs"
    assert found["lossy-wavelet"].missing == "needs pywavelets: pip install pywavelets"
    assert found["flif"].missing and not found["deflate"].missing and not found["compact"].missing


def test_webp_says_what_is_too_large_for_it():
    pytest.importorskip("imagecodecs")
    with pytest.raises(ValueError, match="16383"):
        CODECS["webp"].encode(np.zeros((1, 16384), np.uint16))


def test_flif_gets_and_gives_whole_images(monkeypatch):
    """A program that copies stands in for flif: the PGM that goes in comes out."""

    def run(command, cwd, **_):
        source, target = (f"{cwd}/{name}" for name in command[2:])
        with open(source, "rb") as read, open(target, "wb") as write:
            write.write(read.read())

    monkeypatch.setattr("subprocess.run", run)
    for image in IMAGES.values():
        data = programs.flif_encode(image)
        assert len(data) < image.nbytes + 20
        assert np.array_equal(programs.flif_decode(data, image.shape, image.dtype), image)
    with pytest.raises(ValueError, match="PGM"):
        programs.flif_decode(data, (3, 5), np.uint16)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40), st.sampled_from((np.uint8, np.uint16)),
       st.integers(1, 65536), st.integers(1, 30))  # fmt: skip
def test_any_image_comes_back_from_compact_and_cbpc2(seed, rows, columns, dtype, values, patch):
    """Random levels of which patches are constant: runs, jumps and small differences."""
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, min(values, np.iinfo(dtype).max + 1), (-(-rows // patch), -(-columns // patch)))
    image = np.kron(levels, np.ones((patch, patch), int))[:rows, :columns].astype(dtype)
    for codec in (compact, cbpc2):
        assert np.array_equal(codec.decode(codec.encode(image), image.shape, image.dtype), image)


@WRITTEN_HERE
def test_damaged_streams_are_errors(codec):
    image, rng = IMAGES["12 bits"], np.random.default_rng(1)
    data = codec.encode(image)
    for end in (0, 1, 4, len(data) // 2, len(data) - 1):
        with pytest.raises(ValueError):
            codec.decode(data[:end], image.shape, image.dtype)
    for _ in range(200):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        with pytest.raises(ValueError):
            codec.decode(bytes(damaged), image.shape, image.dtype)
    for shape in ((36, 53), (38, 53), (53, 38)):
        with pytest.raises(ValueError):
            codec.decode(data, shape, image.dtype)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(1, 30), st.integers(1, 30), st.sampled_from((np.uint8, np.uint16)))
def test_streams_with_right_checksums_that_no_encoder_wrote_are_images_or_errors(content, rows, columns, dtype):
    pixels = np.empty((rows, columns), np.uint16)
    for decode in (
        lambda: compact.decode(zlib.compress(content), (rows, columns), dtype),
        lambda: native.cbpc2_decode(content, 8 * np.dtype(dtype).itemsize, pixels),
    ):
        try:
            decode()
        except ValueError:
            pass


def test_a_bomb_is_not_unpacked():
    with pytest.raises(ValueError, match="does not end"):
        compact.decode(zlib.compress(bytes(10**6)), (4, 4), np.dtype(np.uint8))


def test_the_curve_visits_every_pixel_once_and_mostly_its_neighbour_next():
    for rows in range(1, 25):
        for columns in range(1, 25):
            places = compact.curve(rows, columns)
            assert np.array_equal(np.sort(places), np.arange(rows * columns))
            steps = np.abs(np.diff(np.stack(np.divmod(places, columns)), axis=1))
            diagonal = np.count_nonzero(steps.sum(axis=0) > 1)
            assert steps.max(initial=0) <= 1
            assert diagonal <= 1 and not (diagonal and rows % 2 == columns % 2 == 0)


def test_jumping_blocks_find_a_partner():
    low, high = np.zeros(16, np.uint16), np.full(16, 1000, np.uint16)
    pattern = np.where(np.arange(16) % 2, high, low)
    pixels = np.concatenate([pattern, low, low, pattern + np.uint16(5)])
    distances = native.mesh(pixels)
    order = np.empty(64, np.int32)
    assert distances == bytes([3, 0, 0]) and native.unmesh(distances, order) == 3
    assert order[:4].tolist() == [0, 48, 1, 49] and np.array_equal(np.sort(order), np.arange(64))


def test_the_four_codes_of_compact():
    pixels = np.array([64, 1, 1, 1, 1, 66, 8322, 67, 9000], np.uint16)
    expected = bytes([127, 0, 0b11000001, 0x80, 0, 0x9F, 0xFF, 0xBF, 0xFF, 0xE0])
    data = native.pack(pixels)
    assert data == expected + struct.pack(">H", 9000)
    back = np.empty_like(pixels)
    native.unpack(data, back)
    assert np.array_equal(back, pixels)


def test_constant_areas_cost_next_to_nothing():
    assert len(cbpc2.encode(np.full((512, 512), 3000, np.uint16))) < 1000
    assert len(compact.encode(np.full((512, 512), 3000, np.uint16))) < 200


def test_cbpc2_is_near_jpeg_ls(ct_pixels):
    ic = pytest.importorskip("imagecodecs")
    image = ct_pixels.astype(np.uint16)
    assert len(cbpc2.encode(image)) < 1.06 * len(ic.jpegls_encode(image))


def test_the_wavelet_is_as_good_as_it_says(ct_path):
    pytest.importorskip("pywt")
    image, wavelet = pydicom.dcmread(ct_path).pixel_array.astype(np.uint16), CODECS["lossy-wavelet"]
    back = wavelet.decode(wavelet.encode(image), image.shape, image.dtype)
    error = np.mean((back.astype(float) - image) ** 2)
    assert 24 < 10 * np.log10(float(np.ptp(image)) ** 2 / error) < 31
    assert back.min() >= image.min() and back.max() <= image.max()
    for name, odd in IMAGES.items():
        back = wavelet.decode(wavelet.encode(odd), odd.shape, odd.dtype)
        assert back.shape == odd.shape and back.dtype == odd.dtype
        assert np.array_equal(back, odd) or not name.startswith(("black", "white", "1x1"))
