"""--no-record and `strip`, end to end: what is lost is told, pixels and elements stay, verify counts such files apart."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from helpers.command import run
from helpers.files import pydicom_file
from helpers.folders import contents
from pydicom.data import get_testdata_file

import dicompress.dicom

NAMES = ("CT_small.dcm", "MR_small_implicit.dcm", "MR_small_RLE.dcm")


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    for name in NAMES:
        (folder / name).write_bytes(Path(get_testdata_file(name)).read_bytes())
    (folder / "README.TXT").write_text("no image")
    return folder


def assert_same_images(folder: Path, originals: Path) -> None:
    for name in NAMES:
        before, after = pydicom.dcmread(originals / name), pydicom.dcmread(folder / name)
        assert np.array_equal(before.pixel_array, after.pixel_array)
        assert (before.SOPInstanceUID, before.PatientName) == (after.SOPInstanceUID, after.PatientName)


@pytest.mark.slow
def test_without_a_record_pixels_and_elements_come_back_and_what_is_lost_is_told(study, tmp_path):
    packed, back = tmp_path / "packed", tmp_path / "back"
    result = run("compress", study, "-o", packed, "--no-record")
    assert sum("without a restore record" in line for line in result.stderr.splitlines()) == 3
    result = run("verify", packed)
    assert result.stdout == "0 verified, 3 verified without a restore record, 1 not ours, 0 bad\n"
    assert "3 restored, 0 passed on, 1 other file copied" in run("decompress", packed, "-o", back).stdout
    assert_same_images(back, study)


@pytest.mark.slow
def test_stripped_files_are_like_those_that_never_had_a_record(study, tmp_path):
    packed, back = tmp_path / "packed", tmp_path / "back"
    run("compress", study, "-o", packed)
    sizes = {name: len(data) for name, data in contents(packed).items()}
    result = run("strip", packed)
    assert result.stdout.startswith("3 stripped, 0 passed on, 1 other file left, 0 failed; ")
    assert sum("without a restore record" in line for line in result.stderr.splitlines()) == 3
    assert all((len(data) < sizes[name]) == (name in NAMES) for name, data in contents(packed).items())
    assert run("verify", packed).stdout == "0 verified, 3 verified without a restore record, 1 not ours, 0 bad\n"
    again = run("strip", packed)
    assert again.stdout.startswith("0 stripped, 3 passed on, 1 other file left, 0 failed; ")
    run("decompress", packed, "-o", back)
    assert_same_images(back, study)


def test_what_is_no_longer_shown_is_gone_from_a_stripped_file(tmp_path):
    path = tmp_path / "ct.dcm"
    path.write_bytes(b"Doe^Jane".ljust(128) + pydicom_file()[128:])
    run("compress", path, "--in-place")
    run("strip", path)
    restored = dicompress.dicom.restore_file(path.read_bytes()).data
    assert b"Doe^Jane" not in restored or b"Doe^Jane" in path.read_bytes()[:128]
    assert pydicom.dcmread(io.BytesIO(restored)).PatientName == pydicom.dcmread(get_testdata_file("CT_small.dcm")).PatientName


def test_one_bad_file_does_not_stop_the_others(study, tmp_path):
    packed = tmp_path / "packed"
    run("compress", study, "-o", packed)
    broken = packed / NAMES[0]
    data = broken.read_bytes()
    broken.write_bytes(data[:-600])
    result = run("strip", packed, check=1)
    assert result.stdout.startswith("2 stripped, 0 passed on, 1 other file left, 1 failed") and f"{broken}: " in result.stderr
    assert broken.read_bytes() == data[:-600]
