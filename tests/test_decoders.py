"""Compressed sources: imagecodecs decodes what pydicom's plug-ins decode, to the same pixels; where neither can, it is told."""

import importlib.util
import json
import subprocess
import sys
import warnings
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from helpers.images import phantom
from helpers.objects import encapsulated_file
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless

from dicompress import DicompressError
from dicompress.dicom import PassedOn, compress_or_pass_on, decoders
from dicompress.dicom.part10 import parse
from dicompress.dicom.pixels import layout

PATH = Path(__file__).parents[1] / "tools" / "conformance.py"
WITHOUT_EXTRAS = "import sys\nfor name in ('gdcm', 'pylibjpeg', 'openjpeg', 'onnxruntime'): sys.modules[name] = None\n"


def files() -> list[Path]:
    spec = importlib.util.spec_from_file_location("conformance", PATH)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return list(tool.files().values())


def both(path: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """Pixels by imagecodecs, and by pydicom's plug-ins; None for a file without frames that both decode."""
    try:
        part10 = parse(path.read_bytes())
        image = layout(part10.dataset)
        if part10.syntax not in decoders.LIBRARY_DECODERS or image.frames > 10:
            return None
        tables = decoders.offset_tables(part10.dataset)
        expected, interpretation = decoders._by_pydicom(part10.value, tables, image, part10.syntax)
    except DicompressError:
        return None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoders, "_by_pydicom", None)
        found, named = decoders.decoded_pixels(part10.value, part10.dataset, image, part10.syntax)
    assert named == interpretation, path
    return found, expected


@pytest.mark.slow
def test_two_decoders_give_the_same_pixels_of_every_file_at_hand():
    pytest.importorskip("gdcm")
    pytest.importorskip("openjpeg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pairs = {path.name: pair for path in files() if (pair := both(path))}
    assert len(pairs) >= 20
    for name, (found, expected) in pairs.items():
        assert found.dtype == expected.dtype and np.array_equal(found, expected), name


MADE = {
    "JPEG Lossless": (JPEGLosslessSV1, imagecodecs.ljpeg_encode),
    "JPEG-LS": (JPEGLSLossless, imagecodecs.jpegls_encode),
    "JPEG 2000": (JPEG2000Lossless, lambda p: imagecodecs.jpeg2k_encode(p, level=0, reversible=True, codecformat="j2k")),
    "HTJ2K": ("1.2.840.10008.1.2.4.201", imagecodecs.htj2k_encode),
}


@pytest.mark.parametrize("name", MADE)
def test_lossless_sources_need_no_extra(name, tmp_path):
    pixels = phantom(64, 80)
    (tmp_path / "a.dcm").write_bytes(encapsulated_file(MADE[name][0], [MADE[name][1](pixels)], pixels))
    np.save(tmp_path / "a.npy", pixels)
    code = (
        WITHOUT_EXTRAS
        + f"""
import numpy as np
from pathlib import Path
from dicompress.dicom.native import native_of
from dicompress.dicom.part10 import parse
data = Path({str(tmp_path / "a.dcm")!r}).read_bytes()
assert np.array_equal(native_of(parse(data), data).pixels[0], np.load({str(tmp_path / "a.npy")!r}))
"""
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_needs_an_extra_names_the_syntax_and_the_extra(tmp_path):
    pixels = np.stack([phantom(40, 40, k) >> 4 for k in range(3)], -1).astype(np.uint8)
    frame = imagecodecs.jpeg8_encode(pixels, lossless=True, colorspace="RGB", outcolorspace="RGB")
    facts = {"SamplesPerPixel": 3, "PhotometricInterpretation": "YBR_FULL", "PlanarConfiguration": 0}
    from helpers.files import change

    data = change(encapsulated_file(JPEGLosslessSV1, [frame], pixels[..., 0]), **facts)
    (tmp_path / "a.dcm").write_bytes(data)
    code = (
        WITHOUT_EXTRAS
        + f"""
import json
from pathlib import Path
from dicompress.dicom import compress_or_pass_on
print(json.dumps(compress_or_pass_on(Path({str(tmp_path / "a.dcm")!r}).read_bytes()).reason))
"""
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    reason = json.loads(done.stdout)
    assert reason.startswith("JPEG Lossless, Non-Hierarchical, First-Order") and "'dicompress[decoders]'" in reason


def test_decoders_that_do_not_agree_are_not_believed(monkeypatch):
    pixels = phantom(64, 64)
    data = encapsulated_file(JPEGLosslessSV1, [imagecodecs.ljpeg_encode(pixels)], pixels)
    part10 = parse(data)
    image = layout(part10.dataset)
    assert np.array_equal(decoders.decoded_pixels(part10.value, part10.dataset, image, part10.syntax)[0][0], pixels)
    monkeypatch.setattr(imagecodecs, "jpeg8_decode", lambda frame: pixels ^ 1)
    monkeypatch.setattr(decoders, "get_decoder", lambda syntax: type("None", (), {"is_available": False}))
    assert isinstance(found := compress_or_pass_on(data), PassedOn) and "do not agree" in found.reason


def test_a_signed_code_stream_is_no_unsigned_image(monkeypatch):
    pixels = phantom(64, 64).astype(np.int16) - 500
    frame = imagecodecs.jpeg2k_encode(pixels, level=0, reversible=True, codecformat="j2k")
    monkeypatch.setattr(decoders, "get_decoder", lambda syntax: type("None", (), {"is_available": False}))
    assert compress_or_pass_on(encapsulated_file(JPEG2000Lossless, [frame], pixels)).near == 0
    found = compress_or_pass_on(encapsulated_file(JPEG2000Lossless, [frame], pixels.view(np.uint16)))
    assert "int16" in found.reason and "uint16" in found.reason


def test_colours_of_jpeg_stay_as_they_are_coded():
    pixels = np.stack([phantom(40, 40, k) >> 4 for k in range(3)], -1).astype(np.uint8)
    coded = imagecodecs.jpeg8_encode(pixels, level=100, subsampling="444")  # as YCbCr
    kept = decoders.jpeg_pixels(coded, 40, 40, 3)
    shown = imagecodecs.jpeg8_decode(coded)
    assert np.abs(shown.astype(int) - pixels).max() < 4 < np.abs(kept.astype(int) - pixels).max()
    with pytest.raises(DicompressError, match=f"the elements say uint8 {(40, 41, 3)}".replace("(", r"\(").replace(")", r"\)")):
        decoders.jpeg_pixels(coded, 40, 41, 3)
    assert JPEGBaseline8Bit in decoders.LIBRARY_DECODERS
