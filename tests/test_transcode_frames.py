"""Single frames in a standard syntax: the same as in the whole file, and the others are not touched."""

import imagecodecs
import numpy as np
import pytest
from helpers.files import make, read
from helpers.images import phantom
from helpers.jpegs import FRAMES as GREY
from helpers.jpegs import jpeg_file, jpegs
from helpers.originals import colour
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, JPEGBaseline8Bit

from dicompress import StreamError, UnsupportedImageError
from dicompress.dicom import compress_file
from dicompress.dicom.part10 import parse
from dicompress.dicom.single import frames_as
from dicompress.dicom.standard import TARGETS
from dicompress.dicom.syntax import JPEG_XL_JPEG, JPEG_XL_LOSSLESS
from dicompress.dicom.transcode import transcode_file

FRAMES = np.stack([phantom(33, 41, s) for s in range(5)])
DECODE = {
    "jls": imagecodecs.jpegls_decode, "j2k": imagecodecs.jpeg2k_decode, "htj2k": imagecodecs.htj2k_decode,
    "jxl": imagecodecs.jpegxl_decode,
}  # fmt: skip


def sources() -> dict[str, bytes]:
    native = make(FRAMES, bits_stored=12)
    return {
        "native": native,
        "big-endian": make(FRAMES, ExplicitVRBigEndian, 12),
        "ours": compress_file(native, threads=1).data,
        "JPEG-LS": transcode_file(native, "jls", 1).data,
        "JPEG 2000": transcode_file(native, "j2k", 1).data,
    }


@pytest.mark.parametrize("to", TARGETS)
def test_frames_of_every_source_are_those_that_were_asked_for(to):
    for name, data in sources().items():
        found = frames_as(parse(data), to, [3, 1], 1)
        assert found.syntax == TARGETS[to].syntax and found.remark is None, name
        assert np.array_equal(np.stack([DECODE[to](frame) for frame in found.frames]), FRAMES[[3, 1]]), name
        assert found.verified or name in ("JPEG-LS", "JPEG 2000")
        native = frames_as(parse(data), "native", [4], 1)
        assert native.frames == [FRAMES[4].tobytes()] and native.syntax == ExplicitVRLittleEndian


@pytest.mark.parametrize("to", TARGETS)
def test_a_frame_is_the_one_of_the_transcoded_file(to):
    data = make(FRAMES, bits_stored=12)
    whole = list(generate_frames(read(transcode_file(data, to, 1).data).PixelData, number_of_frames=5))
    (frame,) = frames_as(parse(data), to, [2], 1).frames
    assert whole[2] == frame + b"\0" * (len(frame) % 2)


@pytest.mark.parametrize("to", TARGETS)
def test_other_frames_are_not_decoded(to):
    data = bytearray(compress_file(make(FRAMES, bits_stored=12), threads=1).data)
    first, *_ = generate_frames(read(bytes(data)).PixelData, number_of_frames=5)
    at = bytes(data).index(first) + len(first) // 2
    data[at] ^= 0xFF
    assert np.array_equal(DECODE[to](frames_as(parse(bytes(data)), to, [1], 1).frames[0]), FRAMES[1])
    with pytest.raises(StreamError):
        frames_as(parse(bytes(data)), to, [0], 1)


def test_colours_are_said_as_they_are_coded():
    part10 = parse(colour("RGB", 1))
    said = {to: (frames_as(part10, to, [0], 1).interpretation, frames_as(part10, to, [0], 1).planar) for to in TARGETS}
    assert said == {"jls": ("RGB", False), "j2k": ("YBR_RCT", False), "htj2k": ("YBR_RCT", False), "jxl": ("RGB", False)}
    native = frames_as(part10, "native", [0], 1)
    assert (native.interpretation, native.planar) == ("RGB", True) and native.frames == [bytes(part10.value)]


def test_what_a_target_does_not_hold_is_native_and_said():
    pixels = FRAMES.astype(np.int16) - 1000
    found = frames_as(parse(compress_file(make(pixels), threads=1).data), "jxl", [2], 1)
    assert found.syntax == ExplicitVRLittleEndian and found.frames == [pixels[2].tobytes()]
    assert found.remark.startswith("in native form: JPEG XL Lossless holds no signed values")


def test_jpeg_frames_that_jpeg_xl_holds_are_jpeg_or_jpeg_xl():
    part10 = parse(compress_file(jpeg_file(encapsulate(jpegs(3)), 3), threads=1).data)
    found = frames_as(part10, "htj2k", [2, 0])
    assert found.syntax == JPEGBaseline8Bit and [f.rstrip(b"\0") for f in found.frames] == [jpegs(3)[2], jpegs(3)[0]]
    assert "JPEG frames stay" in found.remark
    kept = frames_as(part10, "jxl", [1])
    assert kept.syntax == JPEG_XL_JPEG != JPEG_XL_LOSSLESS
    assert imagecodecs.jpegxl_decode(kept.frames[0]).shape == GREY[1].shape


def test_errors_name_what_is_not_there():
    data = parse(make(FRAMES))
    for number in (5, -1):
        with pytest.raises(IndexError, match=f"frame {number} of 5"):
            frames_as(data, "jls", [number])
    with pytest.raises(UnsupportedImageError, match="lossy"):
        frames_as(parse(jpeg_file(encapsulate(jpegs(1)), 1)), "jls", [0])
