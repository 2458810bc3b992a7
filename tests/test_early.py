"""Early pictures of frames: pixels of the original on a coarse grid, in its size, in a small part of its bytes."""

import imagecodecs
import numpy as np
import pytest
from helpers.files import change, make, pydicom_file, read
from helpers.images import phantom
from helpers.originals import colour

from dicompress import StreamError, UnsupportedImageError
from dicompress.dicom import compress_file
from dicompress.dicom.early import between, early_frame, level
from dicompress.dicom.part10 import parse
from dicompress.dicom.single import frames_as
from dicompress.dicom.transcode import transcode_file

FRAMES = np.stack([phantom(150, 301, s) for s in range(3)])
SHARE = 0.15  # of the exact frame's bytes, at most


def decoded(data: bytes, number: int = 0) -> np.ndarray:
    return imagecodecs.htj2k_decode(early_frame(parse(data), number, 1), planar=False)


def of_every_source(native: bytes) -> dict[str, bytes]:
    return {
        "native": native,
        "ours": compress_file(native, threads=1).data,
        "JPEG-LS": transcode_file(native, "jls", 1).data,
        "HTJ2K": transcode_file(native, "htj2k", 1).data,
    }


def test_every_fourth_pixel_is_the_original_s_and_the_size_is_too():
    for name, data in of_every_source(make(FRAMES, bits_stored=12)).items():
        for number, frame in enumerate(FRAMES):
            found = decoded(data, number)
            assert found.shape == frame.shape and np.array_equal(found[::4, ::4], frame[::4, ::4]), name
            assert not np.array_equal(found, frame)


def test_what_lies_between_is_between():
    wide = between(np.array([[0, 100], [40, 60]], np.int16), (6, 5), 2)
    assert wide[0].tolist() == [0, 25, 50, 75, 100] and wide[:, 0].tolist() == [0, 10, 20, 30, 40, 40]
    assert between(np.array([[-32768, 32767]], np.int16), (1, 2), 1).tolist() == [[-32768, -1]]
    assert between(np.array([[65535, 65535]], np.uint16), (2, 4), 1).tolist() == [[65535] * 4] * 2


@pytest.mark.parametrize("signed", [False, True])
def test_it_takes_a_small_part_of_the_exact_frame(signed):
    frame = phantom(512, 512)
    data = make(frame.astype(np.int16) - 1024 if signed else frame, bits_stored=16 if signed else 12)
    exact = frames_as(parse(data), "htj2k", [0], 1).frames[0]
    assert len(early_frame(parse(data), 0, 1)) < SHARE * len(exact)
    assert np.array_equal(decoded(data)[::4, ::4], read(data).pixel_array[::4, ::4])


def test_colours_and_16_bits_keep_their_values():
    for planar in (0, 1):
        data = colour("RGB", planar)
        assert np.array_equal(decoded(data)[::4, ::4], read(data).pixel_array[::4, ::4])
    high = (phantom(200, 200).astype(np.uint16) << 4) + 7
    assert np.array_equal(decoded(make(high, bits_stored=16))[::4, ::4], high[::4, ::4])


def test_of_ours_only_what_it_needs_is_decoded():
    data = bytearray(compress_file(make(phantom(256, 256), bits_stored=12), threads=1).data)
    whole = decoded(bytes(data))
    data[-100] ^= 0xFF  # of the finest pixels
    with pytest.raises(StreamError):
        frames_as(parse(bytes(data)), "native", [0], 1)
    assert np.array_equal(decoded(bytes(data)), whole)


def test_large_frames_are_coarser_and_small_ones_have_none():
    assert [level(n, 10) for n in (127, 128, 1023, 1024, 4096)] == [0, 2, 2, 3, 4]
    frame = phantom(1024, 1030)
    assert np.array_equal(decoded(make(frame, bits_stored=12))[::8, ::8], frame[::8, ::8])
    with pytest.raises(UnsupportedImageError, match="64 x 64 pixels"):
        early_frame(parse(make(phantom(64, 64), bits_stored=12)), 0, 1)


def test_what_has_nothing_between_two_pixels_has_none():
    for data in (
        pydicom_file("OBXXXX1A.dcm"),
        pydicom_file("JPEG-lossy.dcm"),
        change(make(FRAMES[0] >> 4), PhotometricInterpretation="PALETTE COLOR"),
    ):
        with pytest.raises(UnsupportedImageError):
            early_frame(parse(data), 0, 1)
    with pytest.raises(IndexError):
        early_frame(parse(make(FRAMES, bits_stored=12)), 3, 1)
