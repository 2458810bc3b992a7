"""The page of `dicompress compare`: right pictures, right figures, and what it says where files do not fit."""

import base64
import io
import re
from html import unescape
from pathlib import Path

import numpy as np
import pydicom
import pytest
from helpers.files import make
from helpers.images import phantom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames

imagecodecs = pytest.importorskip("imagecodecs")
metrics = pytest.importorskip("skimage.metrics")

from dicompress.cli import compare  # noqa: E402
from dicompress.compare import pictures  # noqa: E402
from dicompress.compare.window import grey  # noqa: E402
from dicompress.dicom import Allowance, compress_file  # noqa: E402
from dicompress.errors import DicompressError  # noqa: E402

CT, MR = (Path(get_testdata_file(f"{name}_small.dcm")) for name in ("CT", "MR"))


class Page:
    """What a page shows, read from its HTML."""

    def __init__(self, path: Path):
        self.html = path.read_text(encoding="utf-8")
        assert not re.search(r"https?:|url\(|@import|<link|<script src|src=\"(?!data:image/png;base64,)", self.html)
        cells = re.findall(r'<td class="[^"]*" id="([^"]+)">([^<]*)</td>', self.html)
        self.cells = {name: unescape(text).replace("−", "-") for name, text in cells}
        views = re.findall(r'<img (?:id="error" )?src="data:image/png;base64,([^"]+)" width', self.html)
        self.original, self.restored, self.error = (imagecodecs.png_decode(base64.b64decode(v)) for v in views)
        self.text = unescape(re.sub(r"<[^>]+>", " ", self.html.split("<script>")[0]))

    def number(self, name: str) -> float:
        return float(re.match(r"[-+.\de]+", self.cells[name])[0])


@pytest.fixture
def show(tmp_path):
    """Two files, given as paths or bytes, to the page of their comparison."""

    def run(original: Path | bytes, compressed: Path | bytes) -> Page:
        paths = []
        for name, file in (("original.dcm", original), ("compressed.dcm", compressed)):
            paths.append(file if isinstance(file, Path) else tmp_path / name)
            if isinstance(file, bytes):
                paths[-1].write_bytes(file)
        assert compare.run(*paths, tmp_path / "page.html") == 0
        return Page(tmp_path / "page.html")

    return run


def edit(source: Path | bytes, pixels: np.ndarray | None = None, **elements) -> bytes:
    """A copy of a file with other pixels or elements; None deletes one."""
    dataset = pydicom.dcmread(source if isinstance(source, Path) else io.BytesIO(source))
    if pixels is not None:
        dataset.PixelData = pixels.tobytes()
    for name, value in elements.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


def noisy(pixels: np.ndarray, near: int, seed: int = 0) -> np.ndarray:
    error = np.random.default_rng(seed).integers(-near, near + 1, pixels.shape)
    return (pixels.astype(np.int32) + error).astype(pixels.dtype)


def windowed(values: np.ndarray, width: float, level: float) -> np.ndarray:
    """PS3.3 C.11.2.1.2.1, to 0..255."""
    return np.rint(255 * np.clip((values - (level - 0.5)) / (width - 1) + 0.5, 0, 1)).astype(np.uint8)


def test_a_near_lossless_file(show, capsys):
    small = compress_file(CT.read_bytes(), allowance=Allowance(near=2)).data
    page = show(CT, small)
    value = pydicom.dcmread(io.BytesIO(small)).PixelData
    coded, pixels = sum(map(len, generate_frames(value, number_of_frames=1))), 128 * 128
    assert page.number("near") == 2 and 1 <= page.number("max_error") <= 2
    assert page.number("bits_per_pixel") == pytest.approx(8 * coded / pixels, abs=2e-3)
    assert page.number("ratio_allocated") == pytest.approx(2 * pixels / coded, rel=1e-3)
    assert page.number("ratio_stored") == page.number("ratio_allocated")
    assert page.number("file_ratio") == pytest.approx(CT.stat().st_size / len(small), abs=5e-4)
    assert page.cells["LossyImageCompression"] == "01" and "DICOMPRESS" in page.cells["LossyImageCompressionMethod"]
    assert "no pixel is off by more than 2" in page.cells["DerivationDescription"]
    assert "warning" not in re.sub(r"<style>.*?</style>", "", page.html, flags=re.DOTALL)
    assert "page.html" in capsys.readouterr().out


@pytest.mark.parametrize("source, shift", [(CT, 0), (CT, -1000), (MR, 0)])
def test_figures_are_those_of_the_pixels(source, shift, show):
    a = pydicom.dcmread(source).pixel_array + np.int16(shift)
    b = noisy(a, 5)
    page = show(edit(source, a), edit(source, b))
    error = b.astype(float) - a
    mse = np.mean(error**2)
    bits = pydicom.dcmread(source).BitsStored
    assert page.number("max_error") == np.abs(error).max() == 5
    assert page.number("mean_error") == pytest.approx(error.mean(), rel=1e-3)
    assert page.cells["unchanged"].endswith(f"({np.sum(error == 0):,} of {a.size:,})")
    assert page.number("unchanged") == pytest.approx(100 * np.mean(error == 0), abs=0.005)
    assert page.number("mse") == pytest.approx(mse, rel=1e-3)
    assert page.number("mse8") == pytest.approx(mse * (255 / (2**bits - 1)) ** 2, rel=1e-3)
    assert page.number("psnr") == pytest.approx(20 * np.log10((2**bits - 1) / mse**0.5), abs=0.005)
    assert page.number("psnr_own") == pytest.approx(20 * np.log10(np.ptp(a.astype(int)) / mse**0.5), abs=0.005)
    ssim = metrics.structural_similarity(a.astype(float), b.astype(float), data_range=2**bits - 1)
    assert page.number("ssim") == pytest.approx(min(ssim, 0.999999), abs=1e-6)


def test_nearly_identical_is_not_shown_as_identical(show):
    a = phantom(200, 200)
    b = a.copy()
    b[7, 9] += 1
    data = make(a)
    page = show(data, edit(data, b))
    assert page.cells["unchanged"] == "99.99 % (39,999 of 40,000)" and page.number("ssim") == 0.999999
    assert page.number("psnr") > 130 and "No pixel differs by more than 1 stored value." in page.text


def test_the_window_of_the_file_and_its_error_map(show):
    source = edit(CT, WindowCenter=[40, -600], WindowWidth=[400, 1500])
    a = pydicom.dcmread(CT).pixel_array
    b = noisy(a, 3)
    page = show(source, edit(source, b))
    assert "window 400, level 40 (from the file)" in page.text
    intercept = float(pydicom.dcmread(CT).RescaleIntercept)
    assert np.array_equal(page.original, windowed(a + intercept, 400, 40))
    assert np.array_equal(page.restored, windowed(b + intercept, 400, 40))
    bar = pictures.colours(3)
    assert len(np.unique(bar, axis=0)) == 7 and bar[3].tolist() == [48] * 3
    assert np.array_equal(page.error, bar[b.astype(int) - a + 3])
    assert re.findall(r'<span style="left:[^"]+">([^<]+)<', page.html) == [
        *("&minus;3", "&minus;2", "&minus;1", "0", "+1", "+2", "+3")
    ]
    assert "1 is 1 HU" in page.text and "3 (3 HU)" in page.cells["max_error"]


def test_hu_beside_stored_values_where_they_are_not_the_same(show):
    source = edit(CT, RescaleSlope="2.5")
    page = show(source, edit(source, noisy(pydicom.dcmread(CT).pixel_array, 2)))
    ticks = [t.replace("&minus;", "-") for t in re.findall(r'<span style="left:[^"]+">([^<]+)<', page.html)]
    assert ticks == ["-2", "-1", "0", "+1", "+2", "-5", "-2.5", "0", "+2.5", "+5"]
    assert page.cells["max_error"] == "2 (5 HU)"
    source = edit(source, Modality="MR")
    assert "HU" not in show(source, edit(source, noisy(pydicom.dcmread(CT).pixel_array, 2))).text


def test_identical_files(show, capsys):
    for compressed in (CT, compress_file(CT.read_bytes()).data):
        page = show(CT, compressed)
        assert "The pixels are identical." in page.text and "identical pixels" in capsys.readouterr().out
        assert np.array_equal(page.original, page.restored) and np.unique(page.error).tolist() == [48]
        assert 'class="legend"' not in page.html
        assert page.cells["max_error"] == "0 (0 HU)" and page.cells["psnr"] == "none: identical"
        assert page.number("ssim") == 1 and page.number("unchanged") == 100
    assert page.cells["near"] == "0: lossless"


def test_without_a_window_the_whole_value_range_and_monochrome1_inverted(show):
    a = phantom(40, 50)
    data = make(a, bits_stored=12)
    page = show(data, edit(data, noisy(a, 1)))
    assert f"whole value range, {a.min()} to {a.max()}" in page.text
    assert (page.original.min(), page.original.max()) == (0, 255)
    assert page.original[a == a.max()].min() == 255
    inverted = edit(data, PhotometricInterpretation="MONOCHROME1")
    page1 = show(inverted, edit(inverted, noisy(a, 1)))
    assert np.array_equal(page1.original, 255 - page.original) and np.array_equal(page1.error, page.error)
    useless = edit(data, WindowCenter=0, WindowWidth=0)
    page = show(useless, useless)
    assert f"{a.min()} to {a.max()} (the file's window is not valid)" in page.text and page.original.max() == 255


def test_a_voi_lut_goes_before_the_window(show):
    a = np.arange(600, dtype=np.uint16).reshape(20, 30)
    item = Dataset()
    item.LUTDescriptor, item.LUTExplanation = [512, 50, 8], "<steep>"
    item.LUTData = [int(v) for v in np.linspace(0, 255, 512)]
    item["LUTData"].VR = item["LUTDescriptor"].VR = "US"
    data = edit(make(a, bits_stored=12), VOILUTSequence=[item], WindowCenter=40, WindowWidth=400)
    page = show(data, data)
    assert np.array_equal(page.original, np.array(item.LUTData)[np.clip(a.astype(int) - 50, 0, 511)])
    assert "VOI LUT <steep> (from the file)" in page.text and "<steep>" not in page.html


def test_the_worst_frame_is_shown_and_all_count(show):
    a = np.stack([phantom(30, 34, i) for i in range(4)])
    b = a.copy()
    b[1, 3, 3] += 9
    b[2] = noisy(a[2], 4)
    data = make(a, bits_stored=12)
    page = show(data, edit(data, b))
    error = b.astype(float) - a
    assert "frame 3 of 4" in page.text and page.number("max_error") == 9
    assert page.number("mse") == pytest.approx(np.mean(error**2), rel=1e-3)
    assert np.array_equal(page.error, pictures.colours(9)[error[2].astype(int) + 9])
    ssims = [metrics.structural_similarity(x, y, data_range=4095) for x, y in zip(a, b)]
    assert page.number("ssim") == pytest.approx(np.mean(ssims), abs=1e-6)
    page = show(data, data)
    assert "frame 3 of 4, the middle one" in page.text


def test_functional_groups_have_their_own_window_and_rescale(show):
    a = np.stack([phantom(30, 34, i) for i in range(2)])
    b = a.copy()
    b[1] = noisy(a[1], 2)

    def macro(name, **elements):
        group, item = Dataset(), Dataset()
        item.update(elements)
        setattr(group, name, [item])
        return group

    shared = macro("PixelValueTransformationSequence", RescaleSlope="2", RescaleIntercept="-100")
    frames = [macro("FrameVOILUTSequence", WindowCenter=c, WindowWidth=900) for c in (1, 1200)]
    groups = {"SharedFunctionalGroupsSequence": [shared], "PerFrameFunctionalGroupsSequence": frames}
    data = edit(make(a, bits_stored=12), **groups, Modality="CT")
    page = show(data, edit(data, b))
    assert "window 900, level 1200" in page.text and page.cells["max_error"] == "2 (4 HU)"
    assert np.array_equal(page.original, windowed(2.0 * a[1] - 100, 900, 1200))


def test_every_stored_value_has_its_grey():
    dataset = pydicom.dcmread(CT)
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = 40, 400, "SIGMOID"
    table = grey(dataset, 0, -2000, 4000, (-2000, 4000)).table
    values = np.arange(-2000, 4001) + float(dataset.RescaleIntercept)
    assert np.array_equal(table, np.rint(255 / (1 + np.exp(-4 * (values - 40) / 400))).astype(np.uint8))


@pytest.mark.parametrize(
    "elements, told",
    [
        ({"Rows": 64, "Columns": 256}, r"Rows \(0028,0010\) is 64, in .* 128"),
        ({"PhotometricInterpretation": "MONOCHROME1"}, r"Photometric Interpretation \(0028,0004\) is MONOCHROME1"),
        ({"PixelRepresentation": 0}, r"Pixel Representation \(0028,0103\) is 0"),
        ({"RescaleSlope": "2"}, r"Rescale Slope \(0028,1053\) is 2.0, in .* 1.0"),
        ({"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB"}, r"Pixel Data \(7FE0,0010\) holds 32768 bytes, 98304 are"),
        ({"PixelData": None}, r"no Pixel Data \(7FE0,0010\)"),
    ],
)
def test_files_that_do_not_fit_together(elements, told, tmp_path):
    other = tmp_path / "other.dcm"
    other.write_bytes(edit(CT, **elements))
    with pytest.raises(DicompressError, match=f"^{other}: {told}"):
        compare.run(CT, other, tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    note = tmp_path / "note.txt"
    with pytest.raises(DicompressError, match=f"^{note}: cannot be read"):
        compare.run(CT, note, tmp_path / "page.html")
    note.write_text("a note")
    with pytest.raises(DicompressError, match=f"^{note}: not a DICOM file"):
        compare.run(note, CT, tmp_path / "page.html")
    named = tmp_path / "image.html"
    named.write_bytes(CT.read_bytes())
    with pytest.raises(DicompressError, match="one of the files to compare"):
        compare.run(named, CT, named)
    assert named.read_bytes() == CT.read_bytes()
    monkeypatch.setattr(compare, "find_spec", lambda name: None if name == "skimage" else name)
    with pytest.raises(DicompressError, match=r"compare needs skimage: pip install 'dicompress\[compare\]'"):
        compare.run(CT, CT, tmp_path / "page.html")


def test_what_is_doubtful_is_said_on_the_page_and_on_stderr(show, capsys):
    page = show(CT, edit(CT, SOPInstanceUID="1.2.3"))
    assert "not known to be made from this original" in page.text
    assert "not known to be made from this original" in capsys.readouterr().err
    reference = Dataset()
    reference.ReferencedSOPInstanceUID = pydicom.dcmread(CT).SOPInstanceUID
    page = show(CT, edit(CT, SOPInstanceUID="1.2.3", SourceImageSequence=[reference]))
    assert "not known" not in page.text and not capsys.readouterr().err
    small = compress_file(edit(CT, noisy(pydicom.dcmread(CT).pixel_array, 9))).data
    assert "the compressed file promises 0 at most" in show(CT, small).text
    assert "Bits Stored (0028,0101) is 16 in the original and 13" in show(CT, edit(CT, BitsStored=13, HighBit=12)).text


def test_texts_of_files_are_no_html_and_no_patient_is_named(show):
    bad = '<script>alert("x")</script>'
    names = {"PatientName": "Doe^Jane", "PatientID": "id-4711"}
    original = edit(CT, SeriesDescription=f"{bad} $rows", **names)
    page = show(original, edit(original, DerivationDescription=f"{bad} &amp;"))
    assert bad not in page.html and page.html.count("<script>") == 1
    assert page.cells["DerivationDescription"] == f"{bad} &amp;" and f"{bad} $rows" in page.text
    told = re.sub('base64,[^"]+', "", page.html)
    assert not any(text in told for text in ("Doe", "Jane", "4711", str(pydicom.dcmread(CT).SOPInstanceUID)))


def test_other_codecs_files(show):
    reference = Path(get_testdata_file("MR_small_jpeg_ls_lossless.dcm"))
    page = show(MR, reference)
    assert "The pixels are identical." in page.text and "JPEG-LS Lossless" in page.text
    assert page.number("bits_per_pixel") == pytest.approx(16 / page.number("ratio_allocated"), rel=1e-3)
    assert 2000 < page.number("bits_per_pixel") * 64 * 64 / 8 < reference.stat().st_size


@pytest.mark.parametrize("largest, most, named", [(1, 9, 3), (4, 9, 9), (5, 9, 5), (300, 9, 5), (4000, 9, 3)])
def test_the_legend_names_its_ends_and_the_middle(largest, most, named):
    found = pictures.ticks(largest, most)
    assert len(found) == named and found == sorted(found) and found == [-e for e in reversed(found)]
    assert found[-1] == largest and 0 in found


def test_jpeg_frames_in_jpeg_xl(show, tmp_path):
    """The JPEG and what was made of it: identical pixels."""
    from helpers.jpegs import jpeg_file, jpegs
    from pydicom.encaps import encapsulate

    original = jpeg_file(encapsulate(jpegs(2)), 2)
    page = show(original, compress_file(original).data)
    assert page.number("max_error") == 0
