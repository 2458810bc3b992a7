"""`dicompress transcode` over files, folders and pipes."""

import json
import subprocess
import sys

import numpy as np
from helpers.command import run
from helpers.files import make, pydicom_file, read
from helpers.images import phantom
from helpers.transcoded import SYNTAX

from dicompress.dicom import compress_file


def folder(path):
    """A CT that is compressed, a native one, a lossy file and a text."""
    path.mkdir()
    (path / "ours.dcm").write_bytes(compress_file(pydicom_file("CT_small.dcm"), threads=1).data)
    (path / "native.dcm").write_bytes(make(phantom(40, 50), bits_stored=12))
    (path / "lossy.dcm").write_bytes(pydicom_file("SC_rgb_jpeg_dcmtk.dcm"))
    (path / "notes.txt").write_text("text")
    return path


def test_a_folder_keeps_its_tree_and_tells_who_read_it_again(tmp_path):
    source, target = folder(tmp_path / "in"), tmp_path / "out"
    result = run("transcode", source, "-o", target, "--to", "htj2k", "--jobs", 2)
    assert "2 transcoded, 1 passed on, 1 other file copied, 0 failed" in result.stdout
    assert result.stdout.rstrip().endswith("read again by OpenJPEG, OpenJPH")
    assert "lossy.dcm: passed on: transfer syntax JPEG Baseline (Process 1) is lossy" in result.stderr
    for name in ("ours.dcm", "native.dcm"):
        assert read((target / name).read_bytes()).file_meta.TransferSyntaxUID == SYNTAX["htj2k"]
    for name in ("lossy.dcm", "notes.txt"):
        assert (target / name).read_bytes() == (source / name).read_bytes()


def test_resume_keeps_what_is_right_and_does_damaged_targets_again(tmp_path):
    source, target = folder(tmp_path / "in"), tmp_path / "out"
    run("transcode", source, "-o", target, "--to", "jls", "--jobs", 1)
    right = (target / "native.dcm").read_bytes()
    (target / "native.dcm").write_bytes(right[:-500])
    assert "exists" in run("transcode", source, "-o", target, "--to", "jls", "--jobs", 1, check=1).stderr
    result = run("transcode", source, "-o", target, "--to", "jls", "--jobs", 1, "--resume")
    assert "1 transcoded, 3 kept" in result.stdout and (target / "native.dcm").read_bytes() == right
    other = run("transcode", source, "-o", target, "--to", "j2k", "--jobs", 1, "--resume", check=1)
    assert "is not what this file gives; --force replaces it" in other.stderr
    run("transcode", source, "-o", target, "--to", "j2k", "--jobs", 1, "--force")
    assert read((target / "native.dcm").read_bytes()).file_meta.TransferSyntaxUID == SYNTAX["j2k"]


def test_json_names_the_libraries_and_the_reasons(tmp_path):
    source = folder(tmp_path / "in")
    lines = run("transcode", source, "-o", tmp_path / "out", "--to", "jxl", "--jobs", 1, "--json").stdout.splitlines()
    found = {line["source"].rsplit("/", 1)[-1]: line for line in map(json.loads, lines)}
    assert found["native.dcm"]["verified_by"] == ["libjxl"] and found["native.dcm"]["status"] == "transcoded"
    assert found["ours.dcm"]["reason"].startswith("in native form: JPEG XL Lossless holds no signed values")
    assert found["ours.dcm"]["verified_by"] == ["dicompress", "pydicom"]
    assert found["lossy.dcm"]["status"] == "passed on" and not found["notes.txt"]["is_dicom"]


def test_through_pipes():
    command = [sys.executable, "-m", "dicompress", "transcode", "--to", "j2k", "-", "-o", "-"]
    original = make(phantom(40, 50), bits_stored=12)
    result = subprocess.run(command, input=compress_file(original, threads=1).data, capture_output=True, timeout=300)
    assert result.returncode == 0
    assert np.array_equal(read(result.stdout).pixel_array, phantom(40, 50))


def test_a_damaged_file_makes_the_exit_status_1(tmp_path):
    source = folder(tmp_path / "in")
    data = (source / "ours.dcm").read_bytes()
    (source / "ours.dcm").write_bytes(data[:-2000])
    result = run("transcode", source, "-o", tmp_path / "out", "--to", "native", "--jobs", 1, check=1)
    assert "ours.dcm" in result.stderr and not (tmp_path / "out" / "ours.dcm").exists()
    assert (tmp_path / "out" / "native.dcm").read_bytes() == (source / "native.dcm").read_bytes()
