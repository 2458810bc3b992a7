"""WADO-RS of one gateway: what comes out is what went in, in whichever form it is stored and asked for."""

import io
import json
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest

pytest.importorskip("fastapi")

import imagecodecs
from helpers.archive import compress, instance
from helpers.files import change, make, pydicom_file, read, rle
from helpers.images import phantom
from helpers.web import DICOM, EXPLICIT, HTJ2K, OCTETS, only_part, parts, path, related, serving

from dicompress import decode
from dicompress.dicom import DICOMPRESS
from dicompress.dicom.syntax import name
from dicompress.store import Store

RULES = '[[rule]]\ndo = "lossless"\nsame = "pixels"\n'
J2K, JLS, JPEG = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.50"
BIG = "1.2.840.10008.1.2.2"


def objects() -> dict[str, bytes]:
    """By name: images of several kinds, each in a study of its own."""
    frames = np.stack([phantom(64, 48, seed) for seed in range(3)])
    found = {
        "ct": pydicom_file("CT_small.dcm"), "frames": make(frames), "rle": rle(), "big": pydicom_file("MR_small_bigendian.dcm"),
        "rgb": pydicom_file("examples_rgb_color.dcm"), "planar": _planar(), "jpeg": pydicom_file("SC_rgb_jpeg_dcmtk.dcm"),
        "dose": pydicom_file("rtdose_1frame.dcm"), "mask": pydicom_file("liver_1frame.dcm"), "report": pydicom_file("test-SR.dcm"),
    }  # fmt: skip
    return {
        kind: change(data, StudyInstanceUID=f"1.9.{n}", SeriesInstanceUID=f"1.8.{n}", SOPInstanceUID=f"1.7.{n}")
        for n, (kind, data) in enumerate(found.items())
    }


def _planar() -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(pydicom_file("examples_rgb_color.dcm")))
    pixels = dataset.pixel_array
    dataset.PlanarConfiguration, dataset.PixelData = 1, np.moveaxis(pixels, -1, 0).tobytes()
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


@pytest.fixture(scope="module", params=["raw", "compressed"])
def door(request, tmp_path_factory):
    """A gateway, its objects by name, and where they are."""
    data = objects()
    with Store.create(tmp_path_factory.mktemp("web") / "store", text=RULES) as store:
        uids = {kind: store.put(one).uid for kind, one in data.items()}
        if request.param == "compressed":
            compress(store)
        rows = {row["SOPInstanceUID"]: row for row in store.find("INSTANCE")}
        assert (rows[uids["frames"]]["state"] == "compressed") == (request.param == "compressed")
        with serving(store) as client:
            where = {kind: path(rows[uid]) for kind, uid in uids.items()}
            yield SimpleNamespace(client=client, get=client.get, data=data, where=where, store=store, is_raw=request.param == "raw")


def original(door, kind: str) -> pydicom.Dataset:
    return read(door.data[kind])


@pytest.mark.parametrize("kind", ["ct", "frames", "rle", "big", "rgb", "planar"])
def test_native_frames_are_the_pixels_bit_for_bit(door, kind):
    dataset = original(door, kind)
    pixels = dataset.pixel_array.reshape(int(dataset.get("NumberOfFrames") or 1), -1)
    for number in range(len(pixels)):
        answer = door.get(f"{door.where[kind]}/frames/{number + 1}", headers=related(OCTETS))
        ((headers, body),) = parts(answer)
        assert headers["Content-Type"] == f"{OCTETS}; transfer-syntax={EXPLICIT}"
        assert headers["Content-Location"].endswith(f"{door.where[kind]}/frames/{number + 1}")
        expected = np.moveaxis(dataset.pixel_array, -1, 0) if kind == "planar" else pixels[number]
        assert body == expected.astype(expected.dtype.newbyteorder("<")).tobytes()
        assert door.get(f"{door.where[kind]}/frames/{number + 1}", headers={"Accept": OCTETS}).content == body


@pytest.mark.parametrize("kind", ["ct", "frames", "rle", "big", "rgb", "planar"])
def test_any_transfer_syntax_is_htj2k_never_ours(door, kind):
    answer = door.get(f"{door.where[kind]}/frames/1", headers=related(OCTETS, "*"))
    ((headers, body),) = parts(answer)
    assert headers["Content-Type"] == f"{OCTETS}; transfer-syntax={HTJ2K}"
    dataset = original(door, kind)
    found = imagecodecs.jpeg2k_decode(body)
    expected = dataset.pixel_array[0] if kind == "frames" else dataset.pixel_array
    assert np.array_equal(found.astype(expected.dtype), expected)


@pytest.mark.parametrize("media, syntax, decoder", [
    ("image/jls", JLS, imagecodecs.jpegls_decode), ("image/jp2", J2K, imagecodecs.jpeg2k_decode), ("image/jphc", HTJ2K, imagecodecs.jpeg2k_decode),
])  # fmt: skip
def test_frames_come_in_the_syntax_that_is_asked_for(door, media, syntax, decoder):
    answer = door.get(f"{door.where['ct']}/frames/1", headers={"Accept": media})
    assert answer.headers["content-type"] == f"{media}; transfer-syntax={syntax}"
    assert np.array_equal(decoder(answer.content).view("i2"), original(door, "ct").pixel_array)


def test_lists_of_frames_come_in_their_order(door):
    pixels = original(door, "frames").pixel_array
    found = parts(door.get(f"{door.where['frames']}/frames/3,1,3"))
    assert [body for _, body in found] == [pixels[n].tobytes() for n in (2, 0, 2)]
    assert [headers["Content-Location"].rpartition("/")[2] for headers, _ in found] == ["3", "1", "3"]


def test_our_syntax_is_for_those_who_name_it(door):
    answer = door.get(f"{door.where['ct']}/frames/1", headers={"Accept": f"{OCTETS}; transfer-syntax={DICOMPRESS}"})
    if door.is_raw:
        assert answer.status_code == 406
        return
    assert answer.headers["content-type"] == f"{OCTETS}; transfer-syntax={DICOMPRESS}"
    assert np.array_equal(decode(answer.content), original(door, "ct").pixel_array)
    whole = door.get(door.where["ct"], headers={"Accept": f"{DICOM}; transfer-syntax={DICOMPRESS}"})
    assert whole.content == door.store.packed(original(door, "ct").SOPInstanceUID)


def test_lossy_frames_stay_what_they_are(door):
    (frame,) = pydicom.encaps.generate_frames(original(door, "jpeg").PixelData, number_of_frames=1)
    for accept in ("image/jpeg", "*/*", f'multipart/related; type="{OCTETS}"; transfer-syntax=*'):
        answer = door.get(f"{door.where['jpeg']}/frames/1", headers={"Accept": accept})
        body = answer.content if accept == "image/jpeg" else only_part(answer)
        assert body == frame
    answer = door.get(f"{door.where['jpeg']}/frames/1", headers={"Accept": "image/jphc"})
    assert answer.status_code == 406
    assert JPEG in answer.text


def test_words_that_are_not_of_8_or_16_bits_come_as_they_are(door):
    for kind in ("dose", "mask"):
        assert only_part(door.get(f"{door.where[kind]}/frames/1")) == original(door, kind).PixelData
        assert door.get(f"{door.where[kind]}/bulkdata/7FE00010", headers={"Accept": OCTETS}).content == original(door, kind).PixelData


@pytest.mark.parametrize(
    "place, status",
    {
        "/frames/4": 404, "/frames/0": 400, "/frames/-1": 400, "/frames/1,x": 400, "/frames/": 404, "/frames/1,4": 404, "/bulkdata/00100010": 404,
        "/bulkdata/nonsense": 404, "/bulkdata/7FD91001": 404, "/frames/4/rendered": 404,
    }.items(),
)  # fmt: skip
def test_what_is_not_there_is_not_found_and_nonsense_is_a_bad_request(door, place, status):
    assert door.get(door.where["frames"] + place).status_code == status


def test_paths_lead_to_an_object_through_its_own_study_and_series_only(door):
    here, other = door.where["ct"].split("/"), door.where["rle"].split("/")
    assert door.get("/".join([*here[:2], other[2], *here[3:]])).status_code == 404
    assert door.get("/".join([*here[:4], other[4], *here[5:]])).status_code == 404
    assert door.get("/studies/1.2%5C3/metadata").status_code == 400
    assert door.get("/studies/7.7/metadata").status_code == 404


def test_what_is_no_image_has_no_frames_and_no_picture(door):
    for place in ("/frames/1", "/rendered", "/thumbnail", "/frames/1/rendered"):
        assert door.get(door.where["report"] + place).status_code == 404


@pytest.mark.parametrize("kind", objects())
def test_files_come_as_they_are_stored_where_any_syntax_does(door, kind):
    answer = door.get(door.where[kind], headers={"Accept": f"{DICOM}; transfer-syntax=*"})
    dataset = read(answer.content)
    assert answer.headers["content-type"] == f"{DICOM}; transfer-syntax={dataset.file_meta.TransferSyntaxUID}"
    if kind in ("big", "dose"):  # big-endian and implicit VR are not on the web
        assert dataset.file_meta.TransferSyntaxUID == EXPLICIT
    elif door.is_raw or kind != "rle":
        assert answer.content == door.data[kind]
    if kind != "report":
        assert np.array_equal(dataset.pixel_array, original(door, kind).pixel_array)


@pytest.mark.parametrize("kind", ["ct", "rle", "big", "planar"])
def test_files_come_in_explicit_vr_little_endian_unless_another_is_asked_for(door, kind):
    dataset = read(only_part(door.get(door.where[kind])))
    assert dataset.file_meta.TransferSyntaxUID == EXPLICIT
    assert np.array_equal(dataset.pixel_array, original(door, kind).pixel_array)
    coded = read(door.get(door.where[kind], headers={"Accept": f"{DICOM}; transfer-syntax={J2K}"}).content)
    assert coded.file_meta.TransferSyntaxUID == J2K
    assert np.array_equal(coded.pixel_array, original(door, kind).pixel_array)


def test_a_study_comes_in_parts_with_their_places(door):
    study = door.where["ct"].partition("/series")[0]
    for place in (study, door.where["ct"].partition("/instances")[0]):
        ((headers, body),) = parts(door.get(place, headers=related(DICOM, "*")))
        assert headers["Content-Location"].endswith(door.where["ct"])
        assert body == door.data["ct"]
    assert door.get(study, headers={"Accept": "image/jpeg"}).status_code == 406


@pytest.mark.parametrize("kind", objects())
def test_metadata_are_all_elements_and_where_the_rest_is(door, kind):
    (found,) = door.get(f"{door.where[kind]}/metadata").json()
    dataset = original(door, kind)
    expected = dataset.to_json_dict(10**9)
    bulk = {tag: one.pop("BulkDataURI") for tag, one in found.items() if "BulkDataURI" in one}
    assert ("7FE00010" in bulk) == (kind != "report")
    assert all(tag.endswith("0000") for tag in expected.keys() - found.keys())  # group lengths
    for tag, one in found.items():
        if tag not in bulk and not (kind == "rle" and tag in ("00280004", "00280006")):
            assert one == expected[tag], tag
    for tag, uri in bulk.items():
        if tag != "7FE00010" and kind != "big":
            assert door.get(uri, headers={"Accept": OCTETS}).content == dataset[tag].value


def test_bulk_data_in_sequences_are_found_by_their_path(door):
    dataset = read(instance(900))
    item = pydicom.Dataset()
    item.ICCProfile = bytes(range(256)) * 8
    dataset.OpticalPathSequence = [pydicom.Dataset(), item]
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    door.store.put(buffer.getvalue())
    (row,) = door.store.find("INSTANCE", {"SOPInstanceUID": "1.2.3.900"})
    (found,) = door.get(path(row, "/metadata")).json()
    uri = found["00480105"]["Value"][1]["00282000"]["BulkDataURI"]
    assert uri.endswith(path(row, "/bulkdata/00480105/1/00282000"))
    assert door.get(uri, headers={"Accept": OCTETS}).content == item.ICCProfile
    assert only_part(door.get(uri)) == item.ICCProfile
    for wrong in ("00480105/0/00282000", "00480105/9/00282000", "00480105", "00480105/1"):
        assert door.get(path(row, f"/bulkdata/{wrong}")).status_code == 404


def test_native_pixels_are_one_value_and_encapsulated_ones_one_a_frame(door):
    pixels = original(door, "frames").pixel_array
    place = f"{door.where['frames']}/bulkdata/7FE00010"
    assert only_part(door.get(place)) == pixels.tobytes()
    assert len(parts(door.get(place, headers=related("image/jphc")))) == 3


def test_what_is_known_already_is_not_sent_again_and_ranges_are_parts_of_it(door):
    for place, accept in (("/frames/1", OCTETS), ("/metadata", "*/*"), ("", DICOM), ("/rendered", "image/png"), ("/frames/1", "*/*")):
        answer = door.get(door.where["ct"] + place, headers={"Accept": accept})
        again = door.get(door.where["ct"] + place, headers={"Accept": accept, "If-None-Match": f'"x", {answer.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
        if place != "/metadata":
            part = door.get(door.where["ct"] + place, headers={"Accept": accept, "Range": "bytes=100-299"})
            assert (part.status_code, part.content) == (206, answer.content[100:300])
            assert part.headers["content-range"] == f"bytes 100-299/{len(answer.content)}"
    last = door.get(f"{door.where['ct']}/frames/1", headers={"Accept": OCTETS, "Range": "bytes=-10"})
    assert last.content == original(door, "ct").PixelData[-10:]
    beyond = door.get(f"{door.where['ct']}/frames/1", headers={"Accept": OCTETS, "Range": "bytes=99999-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, "bytes */32768")
    other = door.get(f"{door.where['ct']}/frames/1", headers={"Accept": OCTETS, "Range": "bytes=0-9", "If-Range": '"old"'})
    assert (other.status_code, len(other.content)) == (200, 32768)


def test_metadata_are_packed_for_those_who_unpack(door):
    place = f"{door.where['ct']}/metadata"
    plain = door.get(place, headers={"Accept-Encoding": "identity"})
    packed = door.get(place, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(plain.content) // 2
    assert json.loads(plain.content) == packed.json()


def test_metadata_and_searches_are_json_only(door):
    for place in (f"{door.where['ct']}/metadata", "/studies"):
        assert door.get(place, headers={"Accept": "application/dicom+xml"}).status_code == 406
        assert door.get(place, headers={"Accept": "application/json"}).status_code == 200


def test_transfer_syntaxes_have_names_in_messages(door):
    answer = door.get(f"{door.where['jpeg']}/frames/1", headers={"Accept": "image/jls"})
    assert name(pydicom.uid.JPEGBaseline8Bit) in answer.text
