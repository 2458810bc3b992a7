"""What is drawn in YBR_FULL or signed values is in JPEG XL inside our own transfer syntax, with the same promises."""

import imagecodecs
import numpy as np
import pydicom
import pytest
from helpers.drawings import check_commands, colour, drawing
from helpers.files import change, make, pydicom_file, read
from helpers.images import phantom
from helpers.objects import RECORD

from dicompress import DicompressError, StreamError, decompress_dataset
from dicompress.codec import wrapped
from dicompress.dicom import DICOMPRESS, compress_file, describe, drawn, restore_file, resume, strip_file
from dicompress.dicom.native import native_of
from dicompress.dicom.part10 import parse
from dicompress.dicom.pixels import layout
from dicompress.dicom.restore import decode_frame


def signed(dtype=np.int16, shift: int = 100, **attributes) -> bytes:
    pixels = np.stack([drawing(k, 4095 if dtype == np.int16 else 255) // 2 - shift for k in range(2)]).astype(dtype)
    return make(pixels, **attributes)


WRAPPED = {
    "YBR_FULL": lambda: change(colour(), PhotometricInterpretation="YBR_FULL"),
    "YBR_FULL, planar frames": lambda: change(colour(3, planar=1), PhotometricInterpretation="YBR_FULL"),
    "pydicom-data": lambda: pydicom_file("SC_ybr_full_uncompressed.dcm"),
    "YBR_FULL_422": lambda: pydicom_file("SC_ybr_full_422_uncompressed.dcm"),
    "signed": signed,
    "signed, 8 bits": lambda: signed(np.int8),
    "signed, 12 bits": lambda: signed(shift=50, bits_stored=12),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_it_comes_back(name):
    original = WRAPPED[name]()
    compressed = compress_file(original).data
    assert restore_file(compressed).data == original
    before, after = read(original), read(compressed)
    assert after.file_meta.TransferSyntaxUID == DICOMPRESS
    assert np.array_equal(before.pixel_array, after.pixel_array)
    info = describe(compressed)
    assert info.model == "JPEG XL" and info.guarantee == "the original file, byte for byte" and info.near == 0
    items = list(pydicom.encaps.generate_frames(after.PixelData, number_of_frames=info.frames))
    assert len(items) == info.frames and all(item.startswith(wrapped.MARK) for item in items)
    assert resume.is_compressed(original, compressed, None, 1)


@pytest.mark.parametrize("name", WRAPPED)
def test_it_is_no_larger_than_jpeg_xl_of_the_same_pixels(name):
    original = WRAPPED[name]()
    frames = native_of(parse(original), original).pixels
    unsigned = (frames.astype(int) - min(0, frames.min())).astype(f"u{frames.itemsize}")
    peer = sum(len(imagecodecs.jpegxl_encode(frame, lossless=True, effort=7)) for frame in unsigned)
    assert describe(compress_file(original).data).coded_bytes <= peer + 20 * len(frames)


@pytest.mark.parametrize("name", ["YBR_FULL, planar frames", "YBR_FULL_422", "signed"])
def test_without_the_record_and_in_memory(name):
    original = WRAPPED[name]()
    compressed = compress_file(original).data
    bare = compress_file(original, record=False).data
    assert bare == strip_file(compressed).data and not any(tag in read(bare) for tag in RECORD)
    assert np.array_equal(read(bare).pixel_array, read(original).pixel_array)
    for data in (compressed, bare):
        assert np.array_equal(decompress_dataset(read(data)).pixel_array, read(original).pixel_array)
    changed = restore_file(change(compressed, PatientName="Somebody^Else"))
    assert changed.edited and np.array_equal(read(changed.data).pixel_array, read(original).pixel_array)


def test_any_damage_is_an_error():
    original = WRAPPED["YBR_FULL"]()
    bare = compress_file(original, record=False).data
    expected = read(original).pixel_array
    for position in range(bare.index(wrapped.MARK), len(bare) - 9, 5):
        damaged = bare[:position] + bytes([bare[position] ^ 16]) + bare[position + 1 :]
        try:
            assert np.array_equal(read(restore_file(damaged).data).pixel_array, expected)
        except DicompressError:
            pass


def test_a_frame_of_another_size_or_kind_is_an_error():
    pixels = drawing().astype(np.uint8)
    image = layout(read(make(pixels)))
    assert np.array_equal(decode_frame(wrapped.encode(pixels[None, ..., None], 7, 1), image), pixels)
    for other in (pixels[:-1, :, None], pixels[..., None].astype(np.uint16), np.stack([pixels] * 3, -1)):
        with pytest.raises(StreamError, match="the frame is"):
            decode_frame(wrapped.encode(other[None], 7, 1), image)


def test_a_photograph_in_signed_values_is_not_looked_at_twice():
    native = native_of(parse(data := make(phantom(300, 300).astype(np.int16) - 500)), data)
    assert not drawn.may_win(native) and drawn.tried(native, "pyramid", 1) is None


@pytest.mark.slow
def test_commands(tmp_path):
    check_commands(tmp_path, {name: WRAPPED[name]() for name in ("YBR_FULL_422", "signed")})
