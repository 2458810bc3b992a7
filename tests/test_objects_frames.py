"""Encapsulated originals of all kinds: fragments, offset tables, frames that are missing or empty."""

import numpy as np
import pytest
from helpers.files import change, read, rle
from helpers.images import phantom
from helpers.objects import Writer, assert_same_image, elements, encapsulated, fragment, head_of
from pydicom.encaps import encapsulate_extended, generate_frames

from dicompress import FileError, StreamError, UnsupportedImageError, decompress_dataset
from dicompress.dicom import compress_file, restore_file

W = Writer()
PIXELS = np.stack([phantom(64, 64, seed) for seed in range(3)])
ORIGINAL = rle(PIXELS)
HEAD = head_of(ORIGINAL)
FRAMES = list(generate_frames(read(ORIGINAL).PixelData, number_of_frames=3))
EXTENDED, OFFSETS, LENGTHS = encapsulate_extended(FRAMES)


def tables(offsets: bytes = OFFSETS, lengths: bytes = LENGTHS) -> bytes:
    return W.element(0x7FE00001, "OV", offsets) + W.element(0x7FE00002, "OV", lengths)


def halves(frames: list[bytes]) -> list[bytes]:
    return [half for f in frames for half in (f[: len(f) // 4 * 2], f[len(f) // 4 * 2 :])]


def table_of(frames: list[bytes]) -> bytes:
    """A basic offset table for frames of two fragments each."""
    starts = np.cumsum([0, *(len(f) + 16 for f in frames)])
    return starts[:-1].astype("<u4").tobytes()


def broken(*items: bytes) -> bytes:
    """Pixel Data of these bytes instead of fragments."""
    return W.element(0x7FE00010, "OB", b"".join(items), undefined=True)


SOUND = {
    "no basic offset table": encapsulated(*FRAMES),
    "several fragments a frame": encapsulated(*halves(FRAMES), table=table_of(FRAMES)),
    "extended offset table": tables() + encapsulated(*FRAMES),
    "extended offset table and group length": W.element(0x7FE00000, "UL", b"\1\2\0\0") + tables() + encapsulated(*FRAMES),
    "lengths only": W.element(0x7FE00002, "OV", LENGTHS) + encapsulated(*FRAMES),
    "extended offset table as UN": W.element(0x7FE00001, "UN", OFFSETS) + W.element(0x7FE00002, "UN", LENGTHS)
    + encapsulated(*FRAMES),
    "OW": W.element(0x7FE00010, "OW", fragment() + b"".join(map(fragment, FRAMES)), undefined=True),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
def test_frames_come_back(name):
    compressed = assert_same_image(HEAD + SOUND[name])
    assert np.array_equal(decompress_dataset(compressed).pixel_array, PIXELS)


def test_the_length_of_the_encapsulated_stream_is_left_out():
    length = W.element(0x7FE00003, "UV", len(EXTENDED).to_bytes(8, "little"))
    compressed = compress_file(HEAD + length + encapsulated(*FRAMES), threads=1).data
    assert 0x7FE00003 not in read(compressed) and 0x7FE00003 not in read(restore_file(compressed, threads=1).data)


def test_empty_extended_offset_tables():
    """pydicom by itself does not decode such a file."""
    restored = restore_file(compress_file(HEAD + tables(b"", b"") + encapsulated(*FRAMES), threads=1).data, threads=1).data
    assert np.array_equal(read(restored).pixel_array, PIXELS)


@pytest.mark.parametrize("number", [None, "", "0"])
@pytest.mark.filterwarnings("ignore:A value of")
def test_number_of_frames_that_says_nothing_is_one(number):
    original = rle(PIXELS[0]) if number is None else change(rle(PIXELS[0]), NumberOfFrames=number)
    assert np.array_equal(decompress_dataset(assert_same_image(original)).pixel_array, PIXELS[0])


UNSOUND = {
    "an empty frame": (encapsulated(FRAMES[0], b"", FRAMES[2]), "cannot decode RLE Lossless: .*RLE header"),
    "fewer items than frames": (encapsulated(*FRAMES[:2]), "cannot decode RLE Lossless: .*fewer fragments than frames"),
    "more items than frames": (encapsulated(*FRAMES, FRAMES[0]), "items do not make up 3 frames"),
    "an empty item more": (encapsulated(*FRAMES, b""), "items do not make up 3 frames"),
    "fragments that no table divides": (encapsulated(*halves(FRAMES)), "items do not make up 3 frames"),
    "a table that divides them otherwise": (encapsulated(*FRAMES[:2], table=bytes(4)), "items do not make up 3 frames"),
    "an extended table that is wrong": (tables(bytes(24)) + encapsulated(*FRAMES), "cannot decode RLE Lossless: .*4088"),
    "no items": (broken(), "cannot decode RLE Lossless: ."),
    "no frames": (encapsulated(), "fewer fragments than frames"),
    "defined length": (W.element(0x7FE00010, "OB", fragment() + fragment(FRAMES[0])), "of defined length, which RLE"),
    "native pixels": (W.element(0x7FE00010, "OW", PIXELS.tobytes()) + W.element(0xFFFCFFFC, "OB"), "of defined length"),
}


@pytest.mark.parametrize("name", UNSOUND)
@pytest.mark.filterwarnings("ignore")
def test_frames_that_do_not_add_up_are_passed_on_with_the_reason(name):
    pixel_data, reason = UNSOUND[name]
    with pytest.raises(UnsupportedImageError, match=reason) as caught:
        compress_file(HEAD + pixel_data)
    assert "\n" not in str(caught.value)


def test_bytes_between_items_are_damage():
    with pytest.raises(FileError, match=r"\(7FE0,0010\): neither item nor delimiter at byte \d+"):
        compress_file(HEAD + broken(fragment(), fragment(FRAMES[0]), b"garbage!"))


@pytest.mark.filterwarnings("ignore:4 frames")
def test_more_frames_than_it_says_are_an_error():
    table = np.cumsum([0, *(len(f) + 8 for f in FRAMES)]).astype("<u4").tobytes()
    with pytest.raises(FileError, match=r"pixels have shape \(4, 64, 64\), not \(3, 64, 64\)"):
        compress_file(HEAD + encapsulated(*FRAMES, FRAMES[0], table=table))


@pytest.mark.parametrize("end", [-8, -9, -200])
def test_pixel_data_without_its_end_is_an_error(end):
    with pytest.raises(FileError, match="cut short"):
        compress_file(ORIGINAL[:end])


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_overlays_in_the_bits_above_high_bit(dtype):
    pixels = (PIXELS[0] | 0xA000).view(dtype)
    compressed = assert_same_image(change(rle(pixels), BitsStored=12, HighBit=11))
    assert decompress_dataset(compressed).PixelData == pixels.tobytes()


@pytest.mark.parametrize(
    "change", [lambda f: [f[0], b"", f[2]], lambda f: f[:2], lambda f: [*f, b""], lambda f: [*f, f[0]], lambda f: []]
)
@pytest.mark.filterwarnings("ignore")
def test_frames_missing_in_a_compressed_file_are_an_error(change):
    compressed = compress_file(ORIGINAL, threads=1).data
    streams = list(generate_frames(read(compressed).PixelData, number_of_frames=3))
    with pytest.raises(StreamError, match="Pixel Data"):
        restore_file(head_of(compressed) + encapsulated(*change(streams)), threads=1)


def test_elements_behind_stay_where_they_are():
    behind = W.element(0x7FE10010, "LO", b"ACME") + W.element(0x7FE11001, "OB", b"abcd")
    restored = restore_file(compress_file(ORIGINAL + behind, threads=1).data, threads=1).data
    assert restored.endswith(behind) and elements(read(restored))[-1].value == b"abcd"
