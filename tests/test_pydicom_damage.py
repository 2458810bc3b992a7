"""pydicom's own functions on damaged compressed files: an error, never a wrong picture."""

import numpy as np
import pytest
from helpers.files import change, make, read
from helpers.images import phantom
from helpers.objects import RECORD
from helpers.originals import FRAMES
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels import iter_pixels, pixel_array

import dicompress.pydicom  # noqa: F401
from dicompress import DicompressError, LimitError, StreamError, UnsupportedImageError
from dicompress.dicom import DICOMPRESS, compress_file

pytestmark = pytest.mark.usefixtures("no_warnings")


def test_any_flipped_byte_is_an_error_or_the_right_picture():
    compressed = read(compress_file(make(FRAMES[:2, :20, :24])).data)
    value, wanted = compressed.PixelData, FRAMES[:2, :20, :24]
    errors = 0
    for position in [*range(60), *range(60, len(value), 19)]:
        compressed.PixelData = value[:position] + bytes([value[position] ^ 0x20]) + value[position + 1 :]
        for index in (None, 0, 1):
            try:
                pixels = pixel_array(compressed, index=index)
            except (DicompressError, RuntimeError):
                errors += index is None
            else:
                assert index is not None and np.array_equal(pixels, wanted[index])
    assert errors == len([*range(60), *range(60, len(value), 19)])


def test_a_damaged_frame_tells_the_user_what_is_wrong_and_leaves_the_data_set_alone():
    compressed = read(compress_file(make(FRAMES)).data)
    damaged = bytearray(compressed.PixelData)
    damaged[-20] ^= 1
    compressed.PixelData = bytes(damaged)
    for use in (lambda: compressed.pixel_array, lambda: list(iter_pixels(compressed)), compressed.decompress):
        with pytest.raises(RuntimeError, match="dicompress: the stream is damaged: the CRC-32"):
            use()
    assert compressed.file_meta.TransferSyntaxUID == DICOMPRESS and RECORD[0] in compressed


def test_items_that_are_not_one_a_frame_in_their_order_are_errors():
    compressed = read(compress_file(make(FRAMES)).data)
    streams = list(generate_frames(compressed.PixelData, number_of_frames=4))
    value = encapsulate(streams, has_bot=True)
    swapped = value[:8] + value[12:16] + value[8:12] + value[16:]  # offsets of frames 0 and 1
    split = encapsulate(streams, fragments_per_frame=2)
    for wrong in (swapped, split, encapsulate(streams[:3]), b"", value[:20], b"junk" * 9):
        compressed.PixelData = wrong
        for use in (lambda: pixel_array(compressed, index=1), lambda: compressed.pixel_array, compressed.decompress):
            with pytest.raises(StreamError, match=r"Pixel Data \(7FE0,0010\)"):
                use()


def test_an_extended_offset_table_decides_nothing():
    compressed = read(compress_file(make(FRAMES)).data)
    compressed.ExtendedOffsetTable = compressed.ExtendedOffsetTableLengths = bytes(32)
    assert np.array_equal(pixel_array(compressed, index=3), FRAMES[3])
    assert np.array_equal(compressed.pixel_array, FRAMES)


def test_contradicting_elements_are_errors():
    compressed = compress_file(make(phantom(64, 64))).data
    for wrong in (
        {"Rows": 32, "Columns": 128}, {"PixelRepresentation": 1}, {"BitsAllocated": 8, "BitsStored": 8},
        {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0},
    ):  # fmt: skip
        with pytest.raises(RuntimeError, match="the elements say"):
            read(change(compressed, **wrong)).pixel_array
    with pytest.raises(StreamError, match="1 frames .* 2 are expected"):
        read(change(compressed, NumberOfFrames=2)).pixel_array
    with pytest.raises(LimitError, match="60000 x 60000"):
        read(change(compressed, Rows=60000, Columns=60000)).pixel_array
    with pytest.raises(UnsupportedImageError, match="HSV"):
        read(change(compressed, PhotometricInterpretation="HSV")).pixel_array
