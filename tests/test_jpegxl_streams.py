"""Arrays that JPEG XL codes in fewer bytes than the model are streams that hold JPEG XL, with the same promises."""

import imagecodecs
import numpy as np
import pytest
from helpers.drawings import drawing
from helpers.images import phantom

import dicompress
from dicompress import DicompressError, LimitError, StreamError
from dicompress.codec import encode_with_result, layout, wrapped
from dicompress.varint import write_varint


def samples(count: int, dtype=np.uint8, frames: int = 0) -> np.ndarray:
    pixels = np.stack([np.stack([drawing(9 * f + k) for k in range(count)], -1) for f in range(frames or 1)])
    return (pixels if frames else pixels[0]).astype(dtype)


DRAWN = {  # array, settings
    "grey": (drawing().astype(np.uint8), {}),
    "grey, signed": ((drawing() - 100).astype(np.int16), {"bits_stored": 9}),
    "frames": (np.stack([drawing(k) for k in range(3)]).astype(np.uint16), {}),
    "RGB": (samples(3), {"colour": True}),
    "RGB, frames": (samples(3, np.uint16, 2), {"colour": True}),
    "two samples, signed": ((samples(2, np.int16) - 90).astype(np.int8), {"colour": True}),
    "four samples": (samples(4), {"colour": True}),
}


def coded(name: str) -> bytes:
    """In JPEG XL, also where labels would take fewer bytes, as of few values in grey."""
    image, settings = DRAWN[name]
    if settings.get("colour"):
        return dicompress.encode(image, **settings)
    frames = image if image.ndim == 3 else image[None]
    return wrapped.encode(frames[..., None], wrapped.EFFORT, 0, settings.get("bits_stored", 0), image.ndim == 3)


@pytest.mark.parametrize("name", DRAWN)
def test_an_array_comes_back_in_no_more_than_jpeg_xl_takes(name):
    image, settings = DRAWN[name]
    data = coded(name)
    back = dicompress.decode(data)
    assert back.dtype == image.dtype and np.array_equal(back, image) and layout(data) == (image.shape, image.dtype)
    colour = settings.get("colour", False)
    frames = image.reshape(-1, *image.shape[image.ndim - 2 - colour :])
    unsigned = (frames.astype(int) - np.iinfo(image.dtype).min).astype(f"u{image.itemsize}")
    peer = sum(len(imagecodecs.jpegxl_encode(np.ascontiguousarray(frame), lossless=True, effort=7)) for frame in unsigned)
    assert len(dicompress.encode(image, **settings)) <= len(data) <= peer + 20 + 7 * len(frames)
    info = dicompress.inspect(data)
    assert info.model == "JPEG XL" and info.near == info.levels == 0 and info.level_bytes == [len(data)]
    assert (info.frames, info.rows, info.columns, info.samples) == (len(frames), 90, 120, image.shape[-1] if colour else 1)
    assert info.bits_stored == settings.get("bits_stored", 8 * image.itemsize) and len(info.checksums) == len(frames)
    assert info.signed == (image.dtype.kind == "i")


def test_a_big_endian_array_and_one_with_gaps():
    image = drawing().astype(">i2")[::2, ::3] - 99
    data = dicompress.encode(image)
    assert not data.startswith(b"DCMP") and np.array_equal(dicompress.decode(data), image)


def test_photographs_and_images_of_patients_stay_the_models():
    body = phantom(300, 300)
    assert dicompress.inspect(dicompress.encode(body)).model == "pyramid"
    padded = np.where(np.hypot(*np.mgrid[-150:150, -150:150]) < 90, body, 0)
    for image in (padded, padded.astype(np.int16) - 900):  # the signed one is not looked at twice: flat around, not in the middle
        assert dicompress.inspect(dicompress.encode(image)).model == "pyramid"
    photograph = np.stack([phantom(300, 300, seed, noise=90) >> 4 for seed in range(3)], -1).astype(np.uint8)
    data = dicompress.encode(photograph, colour=True)
    assert dicompress.inspect(data).model == "pyramid" and data == encode_with_result(photograph, colour=True)[0]


def test_a_model_that_is_named_is_taken_and_so_it_is_with_an_error():
    image = samples(3)
    assert dicompress.inspect(dicompress.encode(image, colour=True, model="pyramid")).model == "pyramid"
    assert dicompress.inspect(dicompress.encode(image, colour=True, near=1)).model == "pyramid"


def test_one_frame_is_decoded_alone():
    image, settings = DRAWN["RGB, frames"]
    data = dicompress.encode(image, **settings)
    facts = wrapped.read(data)
    broken = bytearray(data)
    broken[len(facts.head) + facts.lengths[0] // 2] ^= 8
    assert np.array_equal(dicompress.decode(bytes(broken), frame=1), image[1])
    with pytest.raises(StreamError):
        dicompress.decode(bytes(broken), frame=0)
    for frame in (-1, 2):
        with pytest.raises(IndexError, match=f"frame {frame} of 2"):
            dicompress.decode(data, frame=frame)
    with pytest.raises(ValueError, match="level 1"):
        dicompress.decode(data, level=1)


@pytest.mark.parametrize("name", DRAWN)
def test_any_damage_is_an_error(name):
    image, data = DRAWN[name][0], coded(name)
    head = len(wrapped.read(data).head)
    for position in [*range(head + 8), *range(head + 8, len(data), 7)]:
        for bit in (0, 3, 7):
            damaged = bytearray(data)
            damaged[position] ^= 1 << bit
            try:
                back = dicompress.decode(bytes(damaged))
            except DicompressError:
                continue
            assert back.dtype == image.dtype and np.array_equal(back, image)
    for size in (3, 6, head - 1, head, head + 3, len(data) - 1):
        with pytest.raises(StreamError):
            dicompress.decode(data[:size])
    assert np.array_equal(dicompress.decode(data + b"\0"), image)  # an even length
    for more in (b"\1", b"\0\0"):
        with pytest.raises(StreamError, match="left over"):
            dicompress.decode(data + more)


def test_claims_cost_nothing():
    def claim(flags: int, *numbers: int, bits: int = 8) -> bytes:
        return wrapped.MARK + bytes([flags, bits]) + b"".join(map(write_varint, numbers)) + bytes(40)

    for stream in (claim(wrapped.FRAMES, 1 << 40, 8, 8), claim(0, 1 << 30, 1 << 30, 5), claim(wrapped.FRAMES, 30, 1 << 13, 1 << 14)):
        with pytest.raises(LimitError):
            dicompress.inspect(stream)
    for stream in (claim(0, 0, 8, 5), claim(0, 8, 8, 5, bits=9), claim(4 << wrapped.SAMPLES, 8, 8, 5), claim(0, 8, 8, 99)):
        with pytest.raises(StreamError):
            dicompress.inspect(stream)


def test_numbers_of_a_palette_are_tried():
    """Whose neighbours have nothing in common as numbers."""
    palette = np.random.default_rng(0).permutation(256).astype(np.uint8)
    indices = palette[phantom(300, 300, noise=16.0) >> 6]
    data = dicompress.encode(indices)
    assert dicompress.inspect(data).model == "JPEG XL" and np.array_equal(dicompress.decode(data), indices)
    assert len(data) < len(encode_with_result(indices)[0])
