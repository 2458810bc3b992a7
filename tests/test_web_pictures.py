"""Rendered frames and thumbnails: they show what the file's window, or the asked one, makes of the pixels."""

import io

import numpy as np
import pydicom
import pytest

pytest.importorskip("fastapi")

import imagecodecs
from helpers.archive import instance
from helpers.files import change, make, pydicom_file
from helpers.web import parts, path, related, serving
from pydicom.pixels import apply_windowing

from dicompress.store import Store

PNG = {"Accept": "image/png"}


def objects() -> dict[str, bytes]:
    ramp = np.tile(np.arange(64, dtype=np.uint16) * 16, (32, 1))
    dark = np.stack([np.full((32, 64), value, np.uint8) for value in (0, 255, 0)])
    found = {
        "ct": instance(WindowCenter=40, WindowWidth=400), "ramp": make(ramp, bits_stored=12), "rgb": pydicom_file("SC_rgb_small_odd.dcm"),
        "jpeg": pydicom_file("SC_rgb_jpeg_dcmtk.dcm"), "frames": make(dark), "palette": pydicom_file("examples_palette.dcm"),
        "ybr": pydicom_file("examples_ybr_color.dcm"), "inverse": change(make(ramp, bits_stored=12), PhotometricInterpretation="MONOCHROME1"),
    }  # fmt: skip
    uids = {
        kind: {"StudyInstanceUID": f"1.9.{n}", "SeriesInstanceUID": f"1.8.{n}", "SOPInstanceUID": f"1.7.{n}"}
        for n, kind in enumerate(found)
    }
    return {kind: change(data, **uids[kind]) for kind, data in found.items()}


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    """What gets the pixels of a picture of an object by its name; `client` and `data` beside it."""
    with Store.create(tmp_path_factory.mktemp("pictures") / "store") as store:
        data = objects()
        rows = {store.put(one).uid: kind for kind, one in data.items()}
        where = {rows[row["SOPInstanceUID"]]: path(row) for row in store.find("INSTANCE")}
        with serving(store) as client:

            def picture(kind: str, place: str = "/rendered", accept=PNG) -> np.ndarray:
                answer = client.get(where[kind] + place, headers=accept)
                assert answer.status_code == 200, answer.text
                return imagecodecs.imread(io.BytesIO(answer.content)) if accept == PNG else imagecodecs.jpeg8_decode(answer.content)

            picture.client, picture.where, picture.data = client, where, data
            yield picture


def test_the_window_of_the_file_is_shown(door):
    dataset = pydicom.dcmread(io.BytesIO(door.data["ct"]))
    expected = apply_windowing(dataset.pixel_array + int(dataset.RescaleIntercept), dataset)
    low, high = apply_windowing(np.array([-1e9, 1e9]), dataset)
    assert np.abs(door("ct").astype(float) - 255 * (expected - low) / (high - low)).max() <= 1


@pytest.mark.parametrize("window, black, white", [("512,256", 384, 640), ("512,256,linear-exact", 384, 640), ("0,1,linear", 0, 1)])
def test_another_window_is_shown_where_it_is_asked_for(door, window, black, white):
    found = door("ramp", f"/rendered?window={window}")[0]
    values = np.arange(64) * 16
    assert not found[values < black].any()
    assert (found[values > white] == 255).all()
    assert (np.diff(found.astype(int)) >= 0).all()


def test_a_sigmoid_has_its_middle_where_it_is_asked_for(door):
    found = door("ramp", "/rendered?window=512,200,sigmoid")[0]
    assert found[32] in (127, 128)
    assert 0 < found[20] < found[32] < found[44] < 255


def test_monochrome1_is_shown_inverted(door):
    assert np.array_equal(door("inverse"), 255 - door("ramp"))


@pytest.mark.parametrize("kind", ["rgb", "palette", "ybr", "jpeg"])
def test_colours_are_those_that_pydicom_shows(door, kind):
    dataset = pydicom.dcmread(io.BytesIO(door.data[kind]))
    if kind == "palette":
        expected = pydicom.pixels.apply_color_lut(dataset.pixel_array, dataset)[..., :3] >> 8
    else:
        expected = dataset.pixel_array
        expected = (
            expected
            if kind != "ybr"
            else pydicom.pixels.convert_color_space(expected[0] if expected.ndim > 3 else expected, "YBR_FULL", "RGB")
        )
    found = door(kind)
    if kind == "jpeg":  # decoders of JPEG differ a little
        assert np.abs(found.astype(int) - expected).max() <= 3
    elif kind != "ybr":
        assert np.array_equal(found, expected)
    assert found.shape == (*expected.shape[:2], 3)


def test_jpeg_is_the_default_and_its_quality_can_be_asked_for(door):
    sizes = [len(door.client.get(f"{door.where['ct']}/rendered?quality={quality}").content) for quality in (10, 50, 100)]
    assert sizes == sorted(set(sizes))
    answer = door.client.get(f"{door.where['ct']}/rendered")
    assert answer.headers["content-type"] == "image/jpeg"
    assert np.abs(imagecodecs.jpeg8_decode(answer.content).astype(int) - door("ct")).mean() < 3


@pytest.mark.parametrize(
    "viewport, shape",
    {
        "32,32": (16, 32),
        "640,480": (320, 640),
        "10,100": (5, 10),
        "64,64,0,0,32,32": (64, 64),
        "8,8,16,8,16,16": (8, 8),
        "32,32,,,32,": (32, 32),
    }.items(),
)
def test_viewports_scale_and_cut_and_keep_the_shape(door, viewport, shape):
    assert door("ramp", f"/rendered?viewport={viewport}").shape == shape


def test_scaling_shows_the_same_picture(door):
    whole = door("ramp")
    half = door("ramp", "/rendered?viewport=32,16")
    assert np.abs(half.astype(float) - whole.reshape(16, 2, 32, 2).mean((1, 3))).max() <= 3
    assert np.array_equal(door("ramp", "/rendered?viewport=64,32,0,0,-64,32"), whole[:, ::-1])
    assert np.array_equal(door("ramp", "/rendered?viewport=16,8,8,4,16,8"), whole[4:12, 8:24])


def test_each_frame_has_its_picture(door):
    assert [door("frames", f"/frames/{n}/rendered?window=128,256").max() for n in (1, 2, 3)] == [0, 255, 0]
    found = parts(door.client.get(f"{door.where['frames']}/frames/2,1/rendered?window=128,256", headers=related("image/png")))
    assert [imagecodecs.png_decode(body).max() for _, body in found] == [255, 0]
    assert len(parts(door.client.get(f"{door.where['frames']}/rendered", headers=related("image/jpeg")))) == 3
    series = door.where["frames"].partition("/instances")[0]
    for place in (series, series.partition("/series")[0]):
        assert [headers["Content-Type"] for headers, _ in parts(door.client.get(f"{place}/rendered"))] == ["image/jpeg"] * 3
    assert door.client.get(f"{door.where['frames']}/frames/1,2/rendered", headers=PNG).status_code == 406


def test_thumbnails_are_small_pictures_of_the_middle(door):
    place = door.where["frames"]
    series = place.partition("/instances")[0]
    for one in (place, series, series.partition("/series")[0]):
        found = imagecodecs.jpeg8_decode(door.client.get(f"{one}/thumbnail?viewport=16,16").content)
        assert found.shape == (8, 16)
    assert imagecodecs.jpeg8_decode(door.client.get(f"{door.where['palette']}/thumbnail").content).max(-1).shape[1] == 128
    assert door.client.get(f"{place}/frames/2/thumbnail").headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    "query",
    ["window=1", "window=a,b", "window=1,0", "window=1,2,cubic", "window=nan,2", "quality=0", "quality=101", "quality=x", "viewport=0,1", "viewport=1",
     "viewport=1,99999", "viewport=1,1,a", "viewport=9,9,0,0,1,1,1"],
)  # fmt: skip
def test_nonsense_is_a_bad_request(door, query):
    assert door.client.get(f"{door.where['ct']}/rendered?{query}").status_code == 400


def test_what_is_not_drawn_is_told(door):
    answer = door.client.get(f"{door.where['ct']}/rendered?annotation=patient")
    assert "annotation" in answer.headers["warning"]
    assert door.client.get(f"{door.where['ct']}/rendered", headers={"Accept": "image/gif"}).status_code == 406
    assert door.client.get(f"{door.where['ramp']}/rendered?viewport=9,9,1000,0,9,9").status_code == 406
