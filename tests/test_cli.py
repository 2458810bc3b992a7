"""The command line: whole folders, exit status, one clear line for every bad file, nothing half-written."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from helpers.command import run
from helpers.files import make, pydicom_file
from helpers.folders import contents
from helpers.images import phantom
from pydicom.data import get_testdata_file

import dicompress
from dicompress.cli import batch, files
from dicompress.cli.outcome import FAILED, PASSED_ON
from dicompress.dicom import compress_file


@pytest.fixture
def study(tmp_path):
    """A folder with a CT, an MR in a subfolder, a colour image and a report."""
    root = tmp_path / "study"
    for name, place in {
        "CT_small.dcm": "ct.dcm",
        "MR_small_implicit.dcm": "series 2/mr",
        "SC_rgb_small_odd.dcm": "rgb.dcm",
        "reportsi.dcm": "report.dcm",
    }.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_bytes(pydicom_file(name))
    return root


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_folder_comes_back_whole(study, tmp_path, jobs):
    packed, back = tmp_path / "packed", tmp_path / "back"
    result = run("compress", study, "-o", packed, "--jobs", jobs)
    assert "2 compressed, 2 passed on, 0 failed" in result.stdout and "megapixels a second" in result.stdout
    assert "rgb.dcm: passed on: compressed it would take" in result.stderr
    sizes = {name: len(data) for name, data in contents(packed).items()}
    assert sizes.keys() == contents(study).keys()
    assert all(sizes[name] <= len(data) for name, data in contents(study).items())
    assert "2 verified, 2 not ours, 0 bad" in run("verify", packed).stdout
    assert "2 restored, 2 passed on, 0 failed" in run("decompress", packed, "-o", back, "--jobs", jobs).stdout
    assert contents(back) == contents(study)


def test_single_files_and_info(tmp_path, ct_path):
    packed, back = tmp_path / "new folder" / "ct.dcm", tmp_path / "back.dcm"
    run("compress", ct_path, "-o", packed)
    run("verify", packed)
    info = json.loads(run("info", packed, "--json").stdout)
    assert (info["rows"], info["columns"], info["frames"], info["signed"]) == (128, 128, 1, True)
    assert (info["bits_allocated"], info["bits_stored"], info["model"]) == (16, 16, "pyramid")
    assert info["coded_bytes"] * 8 / 128**2 == info["bits_per_pixel"] == pytest.approx(16 / info["ratio_allocated"])
    assert info["original_transfer_syntax"].startswith("1.2.840.10008.1.2.1 ")
    assert "byte for byte" in info["guarantee"] and len(info["checksums"][0]) == 16
    assert len(info["level_bytes"]) == info["levels"] + 1 and info["level_bytes"][0] == info["coded_bytes"]
    text = run("info", packed).stdout
    assert "model hash" in text and f"level bytes {info['coded_bytes']}" in " ".join(text.split())
    run("decompress", packed, "-o", back)
    assert back.read_bytes() == Path(ct_path).read_bytes()


def test_json_is_one_object_a_file_and_nothing_else(study, tmp_path):
    (study / "note.txt").write_text("not an image")
    result = run("compress", study, "-o", tmp_path / "packed", "--json")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert sorted(line["status"] for line in lines) == ["compressed", "compressed", "passed on", "passed on", "passed on"]
    assert [line["source"] for line in lines if not line["is_dicom"]] == [f"{study}/note.txt"]
    done = next(line for line in lines if line["source"].endswith("ct.dcm"))
    assert done["bytes_in"] == 39206 and done["bytes_out"] == Path(done["target"]).stat().st_size


def test_bad_files_do_not_stop_the_others(study, tmp_path):
    (study / "text.txt").write_text("hello " * 100)
    (study / "empty.dcm").write_bytes(b"")
    (study / "cut.dcm").write_bytes(pydicom_file()[:20000])
    (study / "truncated.dcm").write_bytes(pydicom_file("MR_truncated.dcm"))
    (study / "nowhere.dcm").symlink_to("nothing")
    packed = tmp_path / "packed"
    result = run("compress", study, "-o", packed, check=1)
    assert "2 compressed, 2 passed on, 2 damaged, 2 other files copied, 1 failed" in result.stdout
    for name, reason in {
        "text.txt": "copied: not a DICOM file",
        "empty.dcm": "copied: the file is empty",
        "cut.dcm": "passed on, damaged: ",
        "truncated.dcm": "8130 bytes of 8192",
        "nowhere.dcm": "cannot be read: the symbolic link leads nowhere",
    }.items():
        (line,) = [line for line in result.stderr.splitlines() if f"/{name}: " in line]
        assert reason in line
        assert (packed / name).exists() == (study / name).exists()
    assert not list(packed.rglob("*.partial"))


def test_a_target_that_ends_in_a_separator_is_a_folder(tmp_path, ct_path):
    run("compress", ct_path, "-o", f"{tmp_path}/new/")
    assert (tmp_path / "new" / Path(ct_path).name).is_file()


def test_a_missing_source_and_an_empty_folder(tmp_path):
    assert "no such file" in run("compress", tmp_path / "nothing.dcm", "-o", tmp_path / "out", check=1).stderr
    (tmp_path / "empty").mkdir()
    assert "no files" in run("compress", tmp_path / "empty", "-o", tmp_path / "out").stdout


def test_source_and_target_must_differ(tmp_path, ct_path):
    source = tmp_path / "ct.dcm"
    source.write_bytes(pydicom_file())
    for target in (source, tmp_path):
        for options in ((), ("--force",)):
            result = run("compress", source, "-o", target, *options, check=1)
            assert "source and target are the same file" in result.stderr
    assert "same file" in run("compress", tmp_path, "-o", tmp_path, check=1).stderr
    assert contents(tmp_path) == {"ct.dcm": pydicom_file()}


def test_existing_targets_are_kept_unless_forced(tmp_path, ct_path):
    target = tmp_path / "out.dcm"
    target.write_bytes(b"precious")
    assert "exists; --force" in run("compress", ct_path, "-o", target, check=1).stderr
    assert target.read_bytes() == b"precious"
    run("compress", ct_path, "-o", target, "--force")
    run("verify", target)


def test_targets_that_cannot_be_written(tmp_path, ct_path):
    (tmp_path / "file").write_text("in the way")
    result = run("compress", ct_path, "-o", tmp_path / "file" / "ct.dcm", check=1)
    assert "cannot write" in result.stderr and str(ct_path) in result.stderr
    result = run("compress", ct_path, "-o", "/proc/nowhere/ct.dcm", check=1)
    assert "cannot write" in result.stderr


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    target = tmp_path / "out" / "ct.dcm"

    def fail(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    outcome = batch.process(batch.Job("compress"), files.Task(Path(get_testdata_file("CT_small.dcm")), target))
    assert outcome.status == FAILED and "No space left on device" in outcome.reason
    assert contents(tmp_path) == {}


def test_what_cannot_be_restored_as_promised_is_passed_on_with_the_reason(tmp_path, monkeypatch, ct_path):
    decode = dicompress.codec.decode
    monkeypatch.setattr(dicompress.codec, "decode", lambda data, **options: decode(data, **options) ^ 1)
    target = tmp_path / "ct.dcm"
    outcome = batch.process(batch.Job("compress"), files.Task(Path(ct_path), target))
    assert outcome.status == PASSED_ON and "does not come back as it was" in outcome.reason
    assert target.read_bytes() == Path(ct_path).read_bytes()


def test_two_sources_of_one_name_are_refused(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "ct.dcm").write_bytes(pydicom_file())
    sources = [tmp_path / "a" / "ct.dcm", tmp_path / "b" / "ct.dcm"]
    assert "two sources" in run("compress", *sources, "-o", tmp_path / "out", check=1).stderr
    run("compress", tmp_path / "a", tmp_path / "b", "-o", tmp_path / "out")
    assert contents(tmp_path / "out").keys() == {"a/ct.dcm", "b/ct.dcm"}


def test_unknown_models_are_told_before_any_work(tmp_path, ct_path):
    result = run("compress", ct_path, "-o", tmp_path / "x", "--model", "nonsense", check=1)
    assert "no model is called 'nonsense'; there is pyramid" in result.stderr


@pytest.mark.parametrize("command", ["verify", "decompress"])
def test_damage_is_reported_with_the_file(tmp_path, command):
    good, bad = tmp_path / "in" / "good.dcm", tmp_path / "in" / "bad.dcm"
    good.parent.mkdir()
    compressed = compress_file(make(phantom(64, 64))).data
    good.write_bytes(compressed)
    middle = len(compressed) - 100
    bad.write_bytes(compressed[:middle] + bytes([compressed[middle] ^ 1]) + compressed[middle + 1 :])
    options = () if command == "verify" else ("-o", tmp_path / "out")
    result = run(command, good.parent, *options, check=1)
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"{bad}: ") and "damaged" in line
    assert not (tmp_path / "out" / "bad.dcm").exists()
    assert command == "verify" or (tmp_path / "out" / "good.dcm").exists()


def test_edited_files_are_noticed(tmp_path):
    path, out = tmp_path / "edited.dcm", tmp_path / "out.dcm"
    dataset = pydicom.dcmread(io.BytesIO(compress_file(make(phantom(64, 64))).data))
    dataset.PatientID = "other"
    dataset.save_as(path)
    assert "elements were changed" in run("verify", path, check=1).stderr
    assert "kept as changed" in run("decompress", path, "-o", out).stderr
    assert pydicom.dcmread(out).PatientID == "other"
    assert np.array_equal(pydicom.dcmread(out).pixel_array, phantom(64, 64))


def test_info_of_other_files(tmp_path, ct_path):
    result = run("info", ct_path, check=1)
    assert str(ct_path) in result.stderr and "not compressed by dicompress" in result.stderr


def test_demo_compares_the_bytes():
    result = run("demo")
    assert "identical, byte for byte" in result.stdout and "CT_small.dcm" in result.stdout


def test_version_needs_no_heavy_import():
    code = "import sys, dicompress.cli.app; print(sorted({'numpy', 'pydicom', 'onnxruntime', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
    assert run("--version").stdout == f"dicompress {dicompress.__version__}\n"


def test_compressing_needs_no_torch(ct_path):
    code = f"""
import sys
sys.modules["torch"] = sys.modules["onnx"] = None
import dicompress.dicom
data = open({ct_path!r}, "rb").read()
assert dicompress.dicom.restore_file(dicompress.dicom.compress_file(data).data).data == data
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).returncode == 0
