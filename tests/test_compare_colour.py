"""The page of `dicompress compare` for colours: what is shown, and the figures over all samples."""

import base64
import re
from pathlib import Path

import numpy as np
import pytest
from helpers.drawings import colour
from helpers.files import change, pydicom_file, read
from helpers.originals import ORIGINALS
from pydicom.pixels import apply_color_lut, convert_color_space

imagecodecs = pytest.importorskip("imagecodecs")
metrics = pytest.importorskip("skimage.metrics")

from dicompress.cli.compare import run as compare  # noqa: E402
from dicompress.dicom import Allowance, compress_file  # noqa: E402
from dicompress.errors import DicompressError  # noqa: E402


@pytest.fixture
def page(tmp_path):
    """Two files to the page of their comparison."""

    def run(original: bytes, compressed: bytes) -> str:
        paths = [tmp_path / name for name in ("original.dcm", "compressed.dcm")]
        for path, data in zip(paths, (original, compressed)):
            path.write_bytes(data)
        assert compare(*paths, tmp_path / "page.html") == 0
        return Path(tmp_path / "page.html").read_text("utf-8")

    return run


def pictures(html: str) -> list[np.ndarray]:
    """Original, restored, error."""
    found = re.findall(r'<img (?:id="error" )?src="data:image/png;base64,([^"]+)" width', html)
    return [imagecodecs.png_decode(base64.b64decode(data)) for data in found]


def cell(html: str, name: str) -> float:
    return float(re.search(f'id="{name}">([-+.0-9e]+)', html.replace("&minus;", "-"))[1])


def test_rgb_is_shown_as_it_is_and_figures_are_over_all_samples(page):
    original = ORIGINALS["RGB"]()
    a = read(original).pixel_array
    b = a.copy()
    b[3, 5] += np.array([1, 0, 2], np.uint8)
    b[8, 9, 1] -= 3
    html = page(original, change(original, PixelData=b.tobytes()))
    shown, restored, error = pictures(html)
    assert np.array_equal(shown, a) and np.array_equal(restored, b)
    changed = {(3, 5): 2, (8, 9): -3}
    assert {tuple(map(int, p)) for p in np.argwhere((error != 48).any(-1))} == set(changed)
    assert len({tuple(error[place]) for place in changed}) == 2 and "of the sample that is off most" in html
    mse = (1 + 4 + 9) / a.size
    assert cell(html, "mse") == pytest.approx(mse, rel=1e-3) and cell(html, "max_error") == 3
    assert cell(html, "psnr") == pytest.approx(10 * np.log10(255**2 / mse), abs=0.005)
    assert f"({128 * 128 - 2:,} of {128 * 128:,})" in html
    ssim = metrics.structural_similarity(a, b, data_range=255, channel_axis=-1)
    assert cell(html, "ssim") == pytest.approx(min(ssim, 0.999999), abs=1e-6)


def test_a_derived_image_in_colour(page):
    original = ORIGINALS["YBR_FULL"]()
    compressed = compress_file(original, allowance=Allowance(near=2)).data
    html = page(original, compressed)
    assert cell(html, "near") == 2 and 1 <= cell(html, "max_error") <= 2 and "warning" not in html.split("<body>")[1]
    before = read(original)
    before.pixel_array_options(raw=True)
    assert np.array_equal(pictures(html)[0], convert_color_space(before.pixel_array, "YBR_FULL", "RGB"))
    assert "YBR_FULL, as RGB" in html
    assert cell(html, "ratio_allocated") == pytest.approx(24 / cell(html, "bits_per_pixel"), rel=1e-3)


def test_sixteen_bits_are_shown_by_eight(page):
    original = colour(dtype=np.uint16)
    shown = pictures(page(original, compress_file(original).data))[0]
    assert shown.dtype == np.uint8 and np.array_equal(shown, np.rint(read(original).pixel_array / 257))


def test_a_palette_is_shown_in_its_colours_or_grey_if_it_is_damaged(page):
    original = pydicom_file("examples_palette.dcm")
    html = page(original, compress_file(original).data)
    dataset = read(original)
    assert np.array_equal(pictures(html)[0], apply_color_lut(dataset.pixel_array, dataset) >> 8)
    assert "PALETTE COLOR, as RGB" in html and "JPEG XL Lossless" in html
    damaged = change(original, RedPaletteColorLookupTableData=b"\0\0")
    assert pictures(page(damaged, compress_file(damaged).data))[0].ndim == 2


@pytest.mark.parametrize("name", ["SC_ybr_full_422_uncompressed.dcm", "examples_ybr_color.dcm"])
def test_halved_colours_are_those_of_each_pixel(name, page):
    original = pydicom_file(name)
    html = page(original, compress_file(original).data)
    dataset = read(original)
    dataset.pixel_array_options(index=int(dataset.get("NumberOfFrames") or 1) // 2)
    assert np.abs(pictures(html)[0].astype(int) - dataset.pixel_array).max() <= 1 and "pixels are identical" in html
    assert cell(html, "ratio_allocated") == pytest.approx(16 / cell(html, "bits_per_pixel"), rel=1e-2)


def test_colours_that_a_decoder_turned_into_rgb(page):
    original = pydicom_file("examples_jpeg2k.dcm")
    assert read(original).PhotometricInterpretation == "YBR_RCT"
    assert "pixels are identical" in page(original, compress_file(original).data)


def test_other_colours_do_not_fit_together(page):
    original = colour()
    with pytest.raises(DicompressError, match=r"Photometric Interpretation \(0028,0004\) is YBR_FULL, in .* it is RGB"):
        page(original, change(original, PhotometricInterpretation="YBR_FULL"))
