"""Debian's Orthanc with integrations/orthanc gives back what it was given, from a storage that is compressed."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import closing
from hashlib import md5, sha256
from pathlib import Path
from urllib.error import HTTPError

import numpy as np
import pydicom
import pytest
from helpers.files import change, make, pydicom_file, read
from helpers.images import phantom
from helpers.orthanc import PLUGINS, SCRIPT, Orthanc, needed
from pydicom.encaps import generate_frames
from pydicom.uid import generate_uid

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # pydicom's, of its own files
COUNT, LARGEST = int(os.environ.get("DICOMPRESS_TEST_ORTHANC_FILES", 80)), 1_000_000
KILLS = int(os.environ.get("DICOMPRESS_TEST_ORTHANC_KILLS", 6))
NEEDED = ("SOPClassUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID")


@pytest.fixture
def orthanc(tmp_path):
    needed()
    return Orthanc(tmp_path / "orthanc")


def mixed() -> list[bytes]:
    """Files of pydicom's and pydicom-data's that an archive takes, then the same with other UIDs."""
    folders = [Path(pydicom.__file__).parent / "data/test_files"]
    try:
        import data_store

        folders.append(Path(data_store.__file__).parent)
    except ImportError:  # pydicom-data is not installed
        pass
    found = {}
    for path in sorted(path for folder in folders for path in folder.rglob("*.dcm") if path.stat().st_size < LARGEST):
        try:
            dataset = pydicom.dcmread(path)
            if all(map(dataset.get, NEEDED)) and change(path.read_bytes()) and frames(dataset):
                found.setdefault((dataset.SOPInstanceUID, dataset.file_meta.TransferSyntaxUID), path.read_bytes())
        except Exception:  # damaged on purpose, or no file of an archive
            continue
    first = dict(reversed(found))  # pydicom's have one UID in several transfer syntaxes
    files = [found[key] for key in first.items()] + [other(file) for key, file in found.items() if key not in first.items()]
    return [*files, *(other(files[number % len(files)]) for number in range(COUNT - len(files)))][:COUNT]


def other(file: bytes) -> bytes:
    """With a UID of its own."""
    return change(file, SOPInstanceUID=generate_uid())


def frames(dataset) -> list[bytes]:
    """Those of Pixel Data, as Orthanc gives them: streams, or pixels in little-endian words; [b""] without any."""
    if "PixelData" not in dataset:
        return [b""]
    count = int(dataset.get("NumberOfFrames", 1))
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return list(generate_frames(dataset.PixelData, number_of_frames=count))
    size = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * dataset.BitsAllocated // 8
    value = dataset.PixelData
    if not dataset.file_meta.TransferSyntaxUID.is_little_endian and dataset["PixelData"].VR == "OW":
        value = np.frombuffer(value, ">u2").astype("<u2").tobytes()
    return [value[at : at + size] for at in range(0, count * size, size)]


def elements(dataset):
    """Without what DCMTK changes for Orthanc, with the script or not: VR of encapsulated Pixel Data, group lengths, padding at the end."""
    for tag in [element.tag for element in dataset if element.tag.element == 0 or element.tag == 0xFFFCFFFC]:
        del dataset[tag]
    if "PixelData" in dataset and dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        dataset["PixelData"].VR = "OB"
    return dataset


def check(orthanc: Orthanc, sent: dict) -> None:
    """REST, C-GET and WADO-RS give what was sent, and files to the byte as they came."""
    names = {row["MainDicomTags"]["SOPInstanceUID"]: row["ID"] for row in orthanc.json("/instances?expand")}
    assert names.keys() == sent.keys()
    studies = defaultdict(list)
    for uid, dataset in sent.items():
        studies[dataset.StudyInstanceUID].append(dataset)
        file = orthanc.file(names[uid])
        assert md5(file).hexdigest() == orthanc.md5(names[uid])
        assert elements(read(file)) == elements(dataset)
        if "PixelData" in dataset:
            assert orthanc.get(f"/instances/{names[uid]}/frames/0/raw") == frames(dataset)[0]
        if (PLUGINS / "libOrthancDicomWeb.so").exists():
            path = f"/dicom-web/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}/instances/{uid}"
            assert file in orthanc.get(path, accept='multipart/related; type="application/dicom"; transfer-syntax=*')
    for study, datasets in studies.items():
        found = orthanc.retrieve(study, datasets)
        assert found.keys() == {dataset.SOPInstanceUID for dataset in datasets}
        for dataset in datasets:
            assert found[dataset.SOPInstanceUID].file_meta.TransferSyntaxUID == dataset.file_meta.TransferSyntaxUID
            assert elements(found[dataset.SOPInstanceUID]) == elements(dataset)


def restore(orthanc: Orthanc) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, SCRIPT, "restore", orthanc.storage], capture_output=True, text=True)


def where(orthanc: Orthanc, file: bytes) -> Path:
    """It lies, raw or compressed, by the script's index."""
    with closing(sqlite3.connect(orthanc.storage / "dicompress.sqlite")) as index:
        (uuid,) = index.execute("SELECT uuid FROM attachments WHERE sha256 = ?", (sha256(file).hexdigest(),)).fetchone()
    (path,) = orthanc.storage.glob(f"??/??/{uuid}*")
    return path


def test_mixed_files_come_back_from_a_smaller_storage_after_a_restart_too_and_without_the_script(orthanc):
    sent = {dataset.SOPInstanceUID: dataset for dataset in map(read, mixed())}
    assert len(sent) == COUNT
    with orthanc:
        assert orthanc.store(sent.values()) == list(sent)
        states = orthanc.compressed()["states"]
        assert states["compressed"]["count"] > COUNT // 3
        assert states["compressed"]["stored"] < 0.5 * states["compressed"]["size"]
        assert sum(orthanc.stored().values()) == sum(state["stored"] for state in states.values())
        check(orthanc, sent)
    with orthanc:
        assert orthanc.compressed()["states"] == states
        check(orthanc, sent)
        running = restore(orthanc)
        assert running.returncode == 1 and "stop Orthanc first" in running.stderr
    assert restore(orthanc).returncode == 0
    assert sum(orthanc.stored().values()) == sum(state["size"] for state in states.values())
    assert not list(orthanc.storage.glob("dicompress*"))
    orthanc.set_up(compress=False)
    with orthanc:
        check(orthanc, sent)


def test_kill_9_while_it_compresses_loses_nothing_acknowledged(orthanc):
    chance, sent, seen = random.Random(0), {}, set()
    for kill in range(KILLS):
        with orthanc:
            for number in range(4):
                uids = {
                    "SOPInstanceUID": f"1.2.{kill}.{number}",
                    "StudyInstanceUID": "1.3",
                    "SeriesInstanceUID": "1.4",
                    "PatientID": "1",
                }
                file = change(make(phantom(300 + 20 * kill, 300 + 20 * number)), **uids)
                sent[orthanc.post(file)] = file
            time.sleep(chance.uniform(0, 4))
            worker = orthanc.worker()
            if kill % 3 == 2 and worker:
                os.kill(worker, signal.SIGKILL)
            else:
                orthanc.kill()
                while orthanc.worker() == worker is not None:  # it ends by itself
                    time.sleep(0.1)
            seen.update(Path(name).suffix for name in orthanc.stored())
    assert seen >= {"", ".dicompress"}
    with orthanc:
        for name, file in sent.items():
            assert orthanc.file(name) == file
        status = orthanc.compressed()
        assert status["states"]["compressed"]["count"] == len(sent) and not status["trouble"]
        for name, file in sent.items():
            assert orthanc.file(name) == file
    assert not list(orthanc.storage.glob("??/??/.*"))


def test_a_damaged_file_is_an_error_of_that_file_until_a_sound_one_is_put_back(orthanc):
    files = [other(pydicom_file(name)) for name in ("CT_small.dcm", "CT_small.dcm", "MR_small_RLE.dcm")]
    with orthanc:
        ct, sound, rle = map(orthanc.post, files)
        status = orthanc.compressed()
        assert status["states"]["compressed"]["count"] == 2 and not status["trouble"]
        ours = {path: path.read_bytes() for path in (where(orthanc, files[0]), where(orthanc, files[2]))}
        assert sorted(path.suffix for path in ours) == ["", ".dicompress"]
        for share in (0.1, 0.5, 0.9, 0.99, None):
            for path, data in ours.items():
                at = int(share * len(data)) if share else None
                path.write_bytes(data[: len(data) // 2] if at is None else data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
            for name in (ct, rle):
                for what in ("file", "frames/0/raw", "preview"):
                    with pytest.raises(HTTPError):
                        orthanc.get(f"/instances/{name}/{what}")
            assert orthanc.file(sound) == files[1]
            trouble = orthanc.json("/dicompress")["trouble"]
            assert sorted(row["uuid"] for row in trouble) == sorted(path.stem for path in ours)
            assert {row["state"] for row in trouble} == {"damaged"}
    failed = restore(orthanc)
    assert failed.returncode == 1 and all(path.stem in failed.stderr for path in ours if path.suffix)
    for path, data in ours.items():
        path.write_bytes(data)
    with orthanc:
        assert not orthanc.status(lambda status: not status["trouble"])["trouble"]
        assert [orthanc.file(name) for name in (ct, sound, rle)] == files


def test_files_of_before_are_compressed_and_other_attachments_are_not_and_what_is_removed_is_gone(orthanc):
    orthanc.set_up(compress=False)
    file = other(pydicom_file())
    with orthanc:
        before = orthanc.post(pydicom_file())
    orthanc.set_up(compress=True)
    with orthanc:
        after = orthanc.post(file)
        patient = orthanc.json("/patients")[0]
        orthanc.get(f"/patients/{patient}/attachments/1024", "PUT", file)  # whatever it holds
        status = orthanc.compressed()
        assert status["states"]["compressed"]["count"] == 2
        assert orthanc.file(before) == pydicom_file() and orthanc.file(after) == file
        assert orthanc.get(f"/patients/{patient}/attachments/1024/data") == file
        assert len(file) in orthanc.stored().values()
        orthanc.get(f"/patients/{patient}", "DELETE")
        assert not orthanc.stored() and not orthanc.json("/dicompress")["states"]
