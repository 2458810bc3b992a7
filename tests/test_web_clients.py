"""Clients that nobody here wrote: dicomweb-client, and Orthanc's DICOMweb plug-in as a client of ours."""

import io
import json

import numpy as np
import pydicom
import pytest

pytest.importorskip("fastapi")

import imagecodecs
from helpers.archive import compress, instance
from helpers.files import pydicom_file, read
from helpers.orthanc import PLUGINS, Orthanc, needed
from helpers.web import HTJ2K, serving

from dicompress.store import Store

RULES = '[[rule]]\ndo = "lossless"\nsame = "pixels"\n'
NAMES = ("MR_small_RLE.dcm", "SC_rgb_jpeg_dcmtk.dcm", "examples_rgb_color.dcm", "test-SR.dcm", "JPEG2000.dcm")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """dicomweb-client on a gateway into which it stored objects, of which some are compressed since; they lie beside it."""
    api = pytest.importorskip("dicomweb_client.api")
    files = {str(read(data).SOPInstanceUID): data for data in [*map(instance, range(3)), *map(pydicom_file, NAMES)]}
    with Store.create(tmp_path_factory.mktemp("clients") / "store", text=RULES) as store, serving(store, jobs=2) as http:
        client = api.DICOMwebClient(str(http.base_url).rstrip("/"))
        answer = client.store_instances([read(data) for data in files.values()])
        assert {one.ReferencedSOPInstanceUID for one in answer.ReferencedSOPSequence} == files.keys()
        assert "FailedSOPSequence" not in answer
        compress(store)
        assert {row["state"] for row in store.find("INSTANCE")} == {"raw", "compressed"}
        yield client, {uid: read(data) for uid, data in files.items()}, store


def places(client) -> list[tuple[str, str, str]]:
    return [tuple(one[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018")) for one in client.search_for_instances()]


def test_dicomweb_client_finds_all(gateway):
    client, files, _ = gateway
    assert {uid for *_, uid in places(client)} == files.keys()
    (study,) = client.search_for_studies(search_filters={"PatientName": "CompressedSamples^CT*"})
    study = pydicom.Dataset.from_json(study)
    assert (study.PatientID, study.NumberOfStudyRelatedInstances) == ("1CT1", 3)
    (series,) = client.search_for_series(study.StudyInstanceUID, fields=["Modality"])
    assert series["00080060"]["Value"] == ["CT"]
    assert len(client.search_for_instances(study.StudyInstanceUID, series["0020000E"]["Value"][0], limit=2)) == 2


def test_dicomweb_client_gets_what_it_stored(gateway):
    client, files, _ = gateway
    for study, series, uid in places(client):
        found = client.retrieve_instance(study, series, uid, media_types=(("application/dicom", "*"),))
        if "PixelData" in files[uid]:
            assert np.array_equal(found.pixel_array, files[uid].pixel_array)
        assert found.PatientID == files[uid].PatientID
        (metadata,) = (
            client.retrieve_series_metadata(study, series)
            if series.count(".") < 3
            else [client.retrieve_instance_metadata(study, series, uid)]
        )
        assert pydicom.Dataset.from_json(metadata, lambda *_: b"").SOPInstanceUID == uid
    study = next(study for study, _, uid in places(client) if uid == "1.2.3.1")
    assert {one.SOPInstanceUID for one in client.retrieve_study(study)} == {"1.2.3.0", "1.2.3.1", "1.2.3.2"}


def test_dicomweb_client_gets_frames_and_bulk_data(gateway):
    client, files, _ = gateway
    for place in places(client):
        dataset = files[place[2]]
        if "PixelData" not in dataset:
            continue
        (frame,) = client.retrieve_instance_frames(*place, frame_numbers=[1])
        syntax = dataset.file_meta.TransferSyntaxUID
        if syntax in ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.91"):  # lossy: as it is
            assert frame == next(pydicom.encaps.generate_frames(dataset.PixelData, number_of_frames=1))
            continue
        assert frame == dataset.pixel_array.tobytes()
        (coded,) = client.retrieve_instance_frames(*place, frame_numbers=[1], media_types=(("image/jls", "1.2.840.10008.1.2.4.80"),))
        assert np.array_equal(imagecodecs.jpegls_decode(coded).astype(dataset.pixel_array.dtype), dataset.pixel_array)
        uri = client.retrieve_instance_metadata(*place)["7FE00010"]["BulkDataURI"]
        assert client.retrieve_bulkdata(uri) == [frame]


def test_dicomweb_client_gets_pictures(gateway):
    client, files, _ = gateway
    for place in places(client):
        if "PixelData" not in files[place[2]]:
            continue
        shape = files[place[2]].pixel_array.shape
        picture = imagecodecs.png_decode(client.retrieve_instance_rendered(*place, media_types=("image/png",)))
        assert picture.shape == shape
        assert imagecodecs.jpeg8_decode(client.retrieve_instance_frames_rendered(*place, frame_numbers=[1])).shape == shape


def test_orthanc_sends_to_us_and_finds_and_retrieves_here(gateway, tmp_path):
    needed()
    if not (PLUGINS / "libOrthancDicomWeb.so").exists():
        pytest.skip("Debian's orthanc-dicomweb is not installed")
    client, files, store = gateway
    orthanc = Orthanc(tmp_path / "orthanc", compress=False)
    settings = json.loads((orthanc.folder / "orthanc.json").read_text())
    settings["DicomWeb"] = {"Servers": {"gateway": {"Url": client.base_url, "HasDelete": False}}}
    (orthanc.folder / "orthanc.json").write_text(json.dumps(settings))
    data = instance(77, StudyInstanceUID="1.7.7", SeriesInstanceUID="1.7.7.1")
    with orthanc:
        name = orthanc.post(data)
        orthanc.get("/dicom-web/servers/gateway/stow", "POST", json.dumps({"Resources": [name], "Synchronous": True}).encode())
        assert np.array_equal(read(store.get("1.2.3.77")).pixel_array, read(data).pixel_array)
        asked = json.dumps({"Uri": "/studies", "Arguments": {"PatientID": "1CT1"}}).encode()
        found = json.loads(orthanc.get("/dicom-web/servers/gateway/qido", "POST", asked))
        assert "1.7.7" in [one["0020000D"]["Value"] for one in found]
        study = files["1.2.3.0"].StudyInstanceUID
        asked = json.dumps({"Resources": [{"Study": study}], "Synchronous": True}).encode()
        orthanc.get("/dicom-web/servers/gateway/retrieve", "POST", asked)
        got = [orthanc.file(one) for one in orthanc.json("/instances") if one != name]
        pixels = {str(read(one).SOPInstanceUID): read(one).pixel_array for one in got}
        assert pixels.keys() == {"1.2.3.0", "1.2.3.1", "1.2.3.2"}
        assert all(np.array_equal(pixels[uid], files[uid].pixel_array) for uid in pixels)
    store.delete("1.2.3.77")


def test_htj2k_of_a_compressed_object_is_read_by_another_library(gateway):
    client, files, store = gateway
    (row,) = [row for row in store.find("INSTANCE") if row["SOPInstanceUID"] == "1.2.3.0"]
    assert row["state"] == "compressed"
    place = row["StudyInstanceUID"], row["SeriesInstanceUID"], row["SOPInstanceUID"]
    (frame,) = client.retrieve_instance_frames(*place, frame_numbers=[1], media_types=(("application/octet-stream", "*"),))
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = HTJ2K
    dataset.update({element.tag: element for element in files["1.2.3.0"] if element.tag.group == 0x28})
    dataset.PixelData = pydicom.encaps.encapsulate([frame])
    dataset["PixelData"].VR, dataset["PixelData"].is_undefined_length = "OB", True
    assert np.array_equal(dataset.pixel_array, files["1.2.3.0"].pixel_array)
    assert io.BytesIO(frame).read(2) == b"\xff\x4f"
