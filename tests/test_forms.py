"""Files that others refuse or that bend the standard: compressed and given back, or passed on with the reason."""

import io
import warnings

import imagecodecs
import numpy as np
import pydicom
import pytest
from helpers.files import change, make, pydicom_file, read
from helpers.images import phantom
from helpers.kinds import HEADERLESS, SOURCES, as_implicit
from helpers.objects import PIXEL_DATA, Writer, encapsulated, encapsulated_file, fragment, head_of, insert
from pydicom.datadict import DicomDictionary, RepeatersDictionary
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
)

import dicompress.pydicom  # noqa: F401
from dicompress.dicom import PassedOn, compress_file, compress_or_pass_on, describe, restore_file

PIXELS = phantom(64, 64)
W, IMPLICIT = Writer(), Writer(implicit=True)
END = b"\xfe\xff\xdd\xe0" + bytes(4)
ITEM_END = b"\xfe\xff\x0d\xe0" + bytes(4)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("behind", [END, END * 2, ITEM_END + END, END + W.element(0xFFFCFFFC, "OB", b"\1\2")])
def test_delimiters_behind_native_pixels(syntax, behind):
    if syntax == ImplicitVRLittleEndian:
        behind = behind.replace(W.element(0xFFFCFFFC, "OB", b"\1\2"), IMPLICIT.element(0xFFFCFFFC, "", b"\1\2"))
    original = insert(make(PIXELS, syntax), behind=behind)
    compressed = compress_file(original).data
    assert restore_file(compressed).data == original
    assert np.array_equal(read(compressed).pixel_array, PIXELS)


@pytest.mark.parametrize("original", [make(PIXELS), make(PIXELS.astype(np.uint8)), pydicom_file("CT_small.dcm")])
@pytest.mark.filterwarnings("ignore:Expected explicit")
def test_explicit_claimed_and_implicit_written(original):
    data = as_implicit(original)
    assert read(data).file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    compressed = compress_file(data).data
    assert restore_file(compressed).data == data
    assert np.array_equal(read(compressed).pixel_array, read(original).pixel_array)
    assert read(compressed).get("PatientName") == read(original).get("PatientName")


def ambiguous() -> list[tuple[int, str]]:
    """Every tag of PS3.6 whose VR depends on something else, and its VRs; of repeating groups the first and the last."""
    tags = [(tag, entry[0]) for tag, entry in DicomDictionary.items() if " or " in entry[0]]
    for pattern, entry in RepeatersDictionary.items():
        if " or " in entry[0]:
            tags += [(int(pattern.replace("xx", n), 16), entry[0]) for n in ("00", "1E")]
    return [(tag, vrs) for tag, vrs in sorted(tags) if tag != 0x7FE00010]


@pytest.mark.parametrize("tag, vrs", ambiguous(), ids=lambda v: f"{v:08X}" if isinstance(v, int) else v)
@pytest.mark.parametrize("signs", [0, 1])
@pytest.mark.parametrize("value", [b"", b"\xff\xff", b"\1\2\3\4\5\6", bytes(range(256)) * 300], ids=len)
def test_ambiguous_vrs_in_implicit_files(tag, vrs, signs, value):
    original = make(PIXELS.astype(np.int16) if signs else PIXELS, ImplicitVRLittleEndian)
    element, at = IMPLICIT.element(tag, "", value), original.index(PIXEL_DATA)
    original = original[:at] + element + original[at:] if tag < 0x7FE00010 else original + element
    compressed = compress_file(original).data
    assert restore_file(compressed).data == original
    found = read(compressed).get_item(tag)
    assert found.value in (value, value or None) and len(found.VR) == 2
    assert found.VR in vrs or (found.VR == "UN" and len(value) > 0xFFFF)
    if vrs == "US or SS" and len(value) < 0xFFFF:
        assert found.VR == ("SS" if signs else "US")


def test_ambiguous_vrs_within_sequences():
    inner = IMPLICIT.element(0x00280106, "", b"\xfe\xff") + IMPLICIT.element(0x00283006, "", b"\1\2\3\4")
    for signs, vr in ((b"\0\0", "US"), (b"\1\0", "SS")):
        own = IMPLICIT.element(0x00280103, "", signs)
        original = insert(make(PIXELS, ImplicitVRLittleEndian), IMPLICIT.nested(0x00880200, own + inner))
        compressed = compress_file(original).data
        assert restore_file(compressed).data == original
        found = read(compressed)[0x00880200][0]
        assert (found.get_item(0x00280106).VR, found.get_item(0x00283006).VR) == (vr, "OW")


@pytest.mark.parametrize("vr", ["UR", "UC", "UT", "UN", "OB", "OW", "OV", "SV", "SQ", "LT", "XX"])
def test_elements_of_any_vr_in_group_2(vr):
    original = make(PIXELS)
    length = int.from_bytes(original[140:144], "little")
    more = W.element(0x00020031, vr, b"" if vr == "SQ" else b"http://x")
    head = original[:140] + (length + len(more)).to_bytes(4, "little") + original[144 : 144 + length] + more
    data = head + original[144 + length :]
    assert restore_file(compress_file(data).data).data == data


@pytest.mark.parametrize("shape", [(64, 64), (2, 40, 62), (67, 30)])
def test_pairs_of_pixels_that_share_their_colour(shape):
    rows_and_columns = shape[-2:]
    frames = shape[0] if len(shape) == 3 else 1
    value = np.concatenate([(phantom(rows_and_columns[0], 2 * rows_and_columns[1], k) >> 4).astype(np.uint8) for k in range(frames)])
    original = change(
        make(np.zeros((frames, *rows_and_columns), np.uint8)), SamplesPerPixel=3, PhotometricInterpretation="YBR_FULL_422",
        PlanarConfiguration=0, PixelData=value.tobytes(), DerivationDescription="x" * 1000,
    )  # fmt: skip
    compressed = compress_or_pass_on(original)
    if isinstance(compressed, PassedOn):
        pytest.fail(compressed.reason)
    assert restore_file(compressed.data).data == original
    dataset = read(compressed.data)
    assert np.array_equal(dataset.pixel_array, read(original).pixel_array)
    assert describe(compressed.data).columns == rows_and_columns[1]
    dataset.decompress(generate_instance_uid=False, as_rgb=False)
    assert dataset.PhotometricInterpretation == "YBR_FULL"


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("columns", [40, 41])
def test_eight_bits_in_big_endian_words(frames, columns):
    pixels = np.stack([(phantom(64, columns, k) >> 4).astype(np.uint8) for k in range(frames)])
    dataset = read(make(pixels, ExplicitVRBigEndian))
    dataset.PixelData = pixels.reshape(-1).view(np.uint16).byteswap().tobytes()
    dataset["PixelData"].VR = "OW"
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    original = buffer.getvalue()
    assert np.array_equal(read(original).pixel_array, pixels if frames > 1 else pixels[0])
    compressed = compress_file(original).data
    assert restore_file(compressed).data == original
    assert np.array_equal(read(compressed).pixel_array, read(original).pixel_array)


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("dtype, bits", [("uint8", 8), ("uint16", 12), ("int16", 12), ("uint16", 16)])
@pytest.mark.parametrize("frames", [1, 3])
def test_encapsulated_sources(name, dtype, bits, frames):
    syntax, encode = SOURCES[name]
    pixels = np.stack([phantom(64, 60, k) >> (4 if bits == 8 else 0) for k in range(frames)]).astype(dtype)
    if dtype == "int16":
        pixels -= 1000
    words = pixels.view(f"u{pixels.itemsize}")
    if name == "JPEG XL Lossless" and bits == 12:
        words = words & 0xFFF  # which it cannot sign
    original = encapsulated_file(syntax, [encode(w) for w in words], pixels, bits_stored=bits)
    compressed = compress_or_pass_on(original)
    if isinstance(compressed, PassedOn):
        assert "instead of" in compressed.reason  # smaller than ours, which happens to deflate and to JPEG XL
        return
    restored = read(restore_file(compressed.data).data)
    assert restored.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
    assert np.array_equal(restored.pixel_array.reshape(pixels.shape), pixels)
    assert np.array_equal(read(compressed.data).pixel_array.reshape(pixels.shape), pixels)


@pytest.mark.parametrize("name", SOURCES)
def test_frames_of_another_size_are_passed_on(name):
    syntax, encode = SOURCES[name]
    data = encapsulated_file(syntax, [encode(PIXELS[:32])], PIXELS)
    assert isinstance(compress_or_pass_on(data), PassedOn)
    broken = encapsulated_file(syntax, [encode(PIXELS)[:50] + b"\0\0"], PIXELS)
    assert isinstance(compress_or_pass_on(broken), PassedOn)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_jpeg_lossless_without_a_plug_in_of_pydicom(monkeypatch, dtype):
    """imagecodecs decodes it."""
    pixels = (phantom(160, 160) >> (4 if dtype == "uint8" else 0)).astype(dtype)
    data = encapsulated_file(JPEGLosslessSV1, [imagecodecs.ljpeg_encode(pixels)], pixels)
    from pydicom.pixels.decoders import JPEGLosslessSV1Decoder

    monkeypatch.setattr(JPEGLosslessSV1Decoder, "_available", {})
    with pytest.raises(RuntimeError):
        read(data).pixel_array
    restored = restore_file(compress_file(data).data).data
    assert np.array_equal(read(restored).pixel_array, pixels)


@pytest.mark.parametrize("name", HEADERLESS)
def test_files_without_preamble_or_meta_information(name):
    original = HEADERLESS[name]()
    compressed = compress_file(original).data
    assert restore_file(compressed).data == original
    dataset = read(compressed)
    before = pydicom.dcmread(io.BytesIO(original), force=True)
    if name == "magic without preamble":
        return
    if "TransferSyntaxUID" not in before.file_meta:
        before.file_meta.TransferSyntaxUID = {"implicit": ImplicitVRLittleEndian, "big-endian": ExplicitVRBigEndian}.get(
            name, ImplicitVRLittleEndian if name == "pydicom-data" else ExplicitVRLittleEndian
        )
    assert np.array_equal(dataset.pixel_array, before.pixel_array)
    assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID


@pytest.mark.parametrize("value", ["4.1", "", "1e3", "x"])
def test_odd_numbers_are_no_warning_of_ours(value):
    original = make(PIXELS, ImplicitVRLittleEndian)
    at = original.index(PIXEL_DATA)
    odd = IMPLICIT.element(0x00200013, "", value.encode().ljust(4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = original[:at] + odd + original[at:]
        assert restore_file(compress_file(data).data).data == data


def test_fragments_of_a_frame_are_joined():
    frame = imagecodecs.jpegxl_encode(PIXELS, lossless=True, effort=1)
    original = encapsulated_file("1.2.840.10008.1.2.4.110", [frame], PIXELS)
    half = len(frame) // 4 * 2
    parts = (frame[:half], frame[half:] + b"\0" * (len(frame) % 2))
    data = head_of(original) + encapsulated(*parts)
    assert fragment(parts[0]) in data
    result = compress_or_pass_on(data)
    if not isinstance(result, PassedOn):
        assert np.array_equal(read(restore_file(result.data).data).pixel_array, PIXELS)
    else:
        assert "instead of" in result.reason
