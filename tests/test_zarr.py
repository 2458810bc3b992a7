"""Zarr arrays, versions 2 and 3, whose chunks are dicompress streams."""

import json
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
from helpers.drawings import drawing
from helpers.images import phantom
from helpers.series import volume

import dicompress
from dicompress import StreamError, UnknownModelError, UnsupportedImageError

numcodecs = pytest.importorskip("numcodecs")
zarr = pytest.importorskip("zarr", minversion="3.1")

from zarr.registry import register_codec  # noqa: E402

from dicompress.numcodecs import Dicompress  # noqa: E402
from dicompress.zarr import DicompressCodec  # noqa: E402

VOLUME = np.stack([phantom(36, 50, s) for s in range(5)])
IMAGES = {
    "uint16": VOLUME,
    "int16": VOLUME.astype(np.int16) - 1000,
    "uint8": (VOLUME >> 4).astype(np.uint8),
    "int8": ((VOLUME >> 4) - 60).astype(np.int8),
    "two-dimensional": VOLUME[0],
    "one slice": VOLUME[:1],
}


@pytest.fixture(autouse=True)
def registered():
    """As the entry points do."""
    numcodecs.register_codec(Dicompress)
    register_codec("dicompress", DicompressCodec)


def options(version: int, **settings) -> dict:
    if version == 2:
        return {"zarr_format": 2, "compressors": Dicompress(**settings)}
    return {"zarr_format": 3, "serializer": DicompressCodec(**settings), "compressors": None}


@pytest.fixture
def stored(tmp_path):
    """A function that writes an array and gives it as opened again."""

    def write(data: np.ndarray, chunks: tuple[int, ...], version: int, shards=None, **settings) -> zarr.Array:
        path = tmp_path / str(len(list(tmp_path.iterdir())))
        zarr.create_array(path, data=data, chunks=chunks, shards=shards, **options(version, **settings))
        return zarr.open_array(path)

    return write


def first_chunk(array: zarr.Array) -> Path:
    return array.store.root / ("0.0.0" if array.metadata.zarr_format == 2 else "c/0/0/0")


@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES)
def test_the_codec_alone(image):
    codec = numcodecs.get_codec(json.loads(json.dumps(Dicompress("pyramid", bits_stored=7).get_config())))
    assert codec == Dicompress("pyramid", 0, 7) != Dicompress() and "dicompress" in codec.get_config().values()
    data = codec.encode(image)
    assert dicompress.inspect(data).model == "pyramid" and dicompress.inspect(data).bits_stored == 7
    for buffer in (data, bytearray(data), memoryview(data), np.frombuffer(data, np.uint8)):
        decoded = codec.decode(buffer)
        assert decoded.dtype == image.dtype and np.array_equal(decoded, image)
    out = np.empty_like(image)
    assert codec.decode(data, out) is not data and np.array_equal(out, image)
    with pytest.raises(ValueError):
        codec.decode(data, out[..., 1:].copy())


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("name", IMAGES)
def test_arrays_come_back(stored, name, version):
    image = IMAGES[name]
    array = stored(image, (*(2,) * (image.ndim - 2), 36, 50), version)
    assert array.metadata.zarr_format == version and array.dtype == image.dtype
    assert np.array_equal(array[:], image) and np.array_equal(array[-1], image[-1])


@pytest.mark.parametrize("version", [2, 3])
def test_chunks_are_streams_of_their_own(stored, version):
    array = stored(VOLUME, (2, 36, 50), version)
    data = first_chunk(array).read_bytes()
    assert np.array_equal(dicompress.decode(data), VOLUME[:2])
    assert np.array_equal(dicompress.decode(data, frame=1), VOLUME[1])


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("chunks", [(1, 36, 50), (5, 36, 50), (3, 20, 30)])
def test_parts_are_read_and_written(stored, version, chunks):
    array, wanted = stored(VOLUME, chunks, version), VOLUME.copy()
    array[1, 5:30, 7:40] = wanted[1, 5:30, 7:40] = 1234
    assert np.array_equal(array[:], wanted) and np.array_equal(array[1:3, 4:9, 30:], wanted[1:3, 4:9, 30:])


@pytest.mark.parametrize("version", [2, 3])
def test_near_lossless(stored, version):
    array = stored(VOLUME, (2, 36, 50), version, near=3)
    assert 0 < np.abs(array[:].astype(int) - VOLUME).max() <= 3
    settings = array.compressors[0] if version == 2 else array.serializer
    assert (settings.model, settings.near, settings.bits_stored) == (None, 3, None)


@pytest.mark.parametrize("version", [2, 3])
def test_slices_of_a_chunk_lean_on_each_other_where_that_pays(stored, version):
    like = volume(6, (64, 72))
    array = stored(like, (6, 64, 72), version)
    data = first_chunk(array).read_bytes()
    assert np.array_equal(array[:], like) and np.array_equal(dicompress.decode(data), like)
    assert len(data) < 0.8 * len(dicompress.encode(like)) and data == dicompress.encode(like, neighbours=True)
    unlike = np.random.default_rng(0).integers(0, 4000, (3, 30, 40)).astype(np.uint16)
    assert len(first_chunk(stored(unlike, (3, 30, 40), version)).read_bytes()) < 1.01 * len(dicompress.encode(unlike))


@pytest.mark.parametrize("version", [2, 3])
def test_drawings_are_in_jpeg_xl_unless_a_model_is_named(stored, version):
    drawn = np.stack([drawing(k).astype(np.uint8) for k in range(2)])
    array = stored(drawn, drawn.shape, version)
    assert np.array_equal(array[:], drawn) and dicompress.inspect(first_chunk(array).read_bytes()).model == "JPEG XL"
    array = stored(drawn, drawn.shape, version, model="pyramid")
    assert np.array_equal(array[:], drawn) and dicompress.inspect(first_chunk(array).read_bytes()).model == "pyramid"


def test_arrays_that_name_their_model_are_read(stored):
    """As all did that were written when `pyramid` was the default."""
    array = stored(VOLUME, (2, 36, 50), 3, model="pyramid")
    written = json.loads((array.store.root / "zarr.json").read_text())["codecs"][0]
    assert written["configuration"] == {"model": "pyramid", "near": 0, "bits_stored": None}
    assert np.array_equal(array[:], VOLUME) and numcodecs.get_codec({"id": "dicompress", "model": "pyramid"}) == Dicompress("pyramid")
    stored_by_default = json.loads((stored(VOLUME, (2, 36, 50), 3).store.root / "zarr.json").read_text())["codecs"][0]
    assert stored_by_default["configuration"]["model"] is None


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("dtype", ["u4", "i4", "f4", "f8"])
def test_values_of_32_and_64_bits(stored, version, dtype):
    values = (VOLUME * np.float64(1.75) - 40).astype(dtype)
    assert np.array_equal(stored(values, (2, 36, 50), version)[:], values)


def test_shards_and_other_layouts_of_version_3(stored):
    assert np.array_equal(stored(VOLUME, (1, 36, 50), 3, shards=(5, 36, 50))[3], VOLUME[3])
    assert np.array_equal(stored(VOLUME.astype(">u2"), (1, 36, 50), 3)[:], VOLUME)
    assert np.array_equal(stored(np.asfortranarray(VOLUME), (1, 36, 50), 3)[:], VOLUME)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize(
    "data, message",
    [
        (VOLUME.astype(np.float16), "float16 .*not supported"),
        (VOLUME.astype(np.int64), "int64 .*not supported"),
        (VOLUME[0, 0], r"shape \(50,\)"),
        (VOLUME[None], r"shape \(1, 5, 36, 50\)"),
    ],
)
def test_arrays_that_cannot_be_coded_say_why(stored, data, message, version):
    with pytest.raises(UnsupportedImageError, match=message):
        stored(data, data.shape, version)


def test_version_2_refuses_what_it_would_give_back_in_another_order():
    for wrong in (VOLUME.astype(">u2"), np.asfortranarray(VOLUME), VOLUME[:, ::2]):
        with pytest.raises(UnsupportedImageError, match="little-endian|C order"):
            Dicompress().encode(wrong)
    with pytest.raises(UnsupportedImageError, match=r"shape \(8,\)"):
        Dicompress().encode(b"no array")


@pytest.mark.parametrize("make", [Dicompress, DicompressCodec])
def test_settings_that_make_no_sense(make):
    for wrong in ({"near": -1}, {"near": 256}, {"bits_stored": 0}, {"bits_stored": 17}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            make(**wrong)
    with pytest.raises(UnknownModelError, match="'none' is no model for archives; there is pyramid"):
        make(model="none")


@pytest.mark.parametrize("version", [2, 3])
def test_damaged_chunks_are_errors(stored, version):
    array = stored(VOLUME, (5, 36, 50), version)
    path = first_chunk(array)
    data = path.read_bytes()
    for position in (0, 5, 30, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:position] + bytes([data[position] ^ 0x10]) + data[position + 1 :])
        with pytest.raises((StreamError, UnknownModelError)):
            array[:]


@pytest.mark.parametrize("other", [VOLUME[:, :18], VOLUME.astype(np.int16)], ids=["shape", "type"])
def test_version_3_compares_chunks_with_the_array(stored, other):
    array, other = stored(VOLUME, (5, 36, 50), 3), stored(other, other.shape, 3)
    first_chunk(array).write_bytes(first_chunk(other).read_bytes())
    with pytest.raises(StreamError, match="the array says"):
        array[:]


@pytest.mark.parametrize("group, codec", [("numcodecs.codecs", Dicompress), ("zarr.codecs", DicompressCodec)])
def test_the_installed_package_names_its_codecs(group, codec):
    (entry,) = entry_points(group=group, name="dicompress")
    assert entry.load() is codec
