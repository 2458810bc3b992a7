"""What libraries have to say names the file, once a kind, or is silent; nothing raw reaches standard error."""

import json
import logging
import os
import shutil
import warnings
from pathlib import Path

import pydicom
import pytest
from helpers.command import run
from pydicom.data import get_testdata_file

import dicompress.dicom
from dicompress.cli import batch, files
from dicompress.cli.app import app
from dicompress.cli.library_warnings import LONGEST, caught
from dicompress.dicom import PassedOn

CT = Path(get_testdata_file("CT_small.dcm"))
CORRUPT = "Corrupt JPEG data: premature end of data segment"


@pytest.fixture
def odd(tmp_path):
    """A folder of images that pydicom warns of: numbers, a UID, a date and a name that are none."""
    folder = tmp_path / "in"
    folder.mkdir()
    raw = {0x00200013: b"4.1 ", 0x00201041: b"1,5 ", 0x00080018: b"1.2.x.4 ", 0x00080020: b"20249999"}
    for n, (tag, value) in enumerate(raw.items()):
        dataset = pydicom.dcmread(get_testdata_file("MR_small_implicit.dcm"))
        vr = pydicom.datadict.dictionary_VR(tag)
        dataset[tag] = pydicom.dataelem.RawDataElement(pydicom.tag.Tag(tag), vr, len(value), value, 0, True, True)
        dataset.save_as(folder / f"{n}.dcm", enforce_file_format=False)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("action", ["compress", "decompress"])
def test_what_is_told_names_the_file_and_nothing_raw_is_printed(odd, tmp_path, jobs, action):
    if action == "decompress":
        run("compress", odd, "-o", tmp_path / "small", "-q")
        odd = tmp_path / "small"
    result = run(action, odd, "-o", tmp_path / "out", "--jobs", jobs)
    assert all(line.startswith(f"{odd}/") for line in result.stderr.splitlines()), result.stderr
    assert "UserWarning" not in result.stderr and "warn_and_log" not in result.stderr
    assert run(action, odd, "-o", tmp_path / "quiet", "--jobs", jobs, "--quiet").stderr == ""


def speak(*_):
    warnings.warn("of the library: 1")
    warnings.warn("of the library: 2", RuntimeWarning)
    warnings.warn("for developers", DeprecationWarning)
    logging.getLogger("some.library").warning("logged")
    os.write(2, b"Corrupt JPEG data: premature end of data segment\nCorrupt JPEG data: premature end of data segment\n")
    return PassedOn("a reason")


def test_each_kind_is_told_once_whoever_says_it(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(dicompress.dicom, "compress_or_pass_on", speak)
    (outcome,) = batch.run(batch.Job("compress"), files.tasks([CT], tmp_path / "x"), 1, lambda outcome: None)
    assert outcome.warnings == ("of the library: 1", CORRUPT)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_c_libraries_write_names_the_file(tmp_path, jobs):
    folder = tmp_path / "in"
    folder.mkdir()
    dataset = pydicom.dcmread(get_testdata_file("SC_rgb_jpeg_gdcm.dcm"))
    original = dataset.PixelData
    for n in range(2):
        data = bytearray(original)
        data[300 + n : len(data) - 60 : 97] = bytes(len(data[300 + n : len(data) - 60 : 97]))
        dataset.PixelData = bytes(data)
        dataset.save_as(folder / f"{n}.dcm")
    result = run("compress", folder, "-o", tmp_path / "out", "--jobs", jobs, check=None)
    assert all(line.startswith(f"{folder}/") for line in result.stderr.splitlines()), result.stderr


@pytest.mark.parametrize("options", [(), ("--json",), ("--quiet",)])
def test_warnings_of_many_files_are_counted_and_json_has_them_all(tmp_path, monkeypatch, capfd, options):
    (tmp_path / "in").mkdir()
    for n in range(5):
        shutil.copy(CT, tmp_path / "in" / f"{n}.dcm")
    monkeypatch.setattr(dicompress.dicom, "compress_or_pass_on", speak)
    with pytest.raises(SystemExit) as ended:
        app(["compress", f"{tmp_path}/in", "-o", f"{tmp_path}/out", "--jobs", "1", *options])
    out, err = capfd.readouterr()
    lines = [line for line in err.splitlines() if "warning: " in line]
    assert ended.value.code == 0
    if options:
        assert err == "" and out.count(CORRUPT) == (5 if options == ("--json",) else 0)
        assert all(json.loads(line)["warnings"] == ["of the library: 1", CORRUPT] for line in out.splitlines())
    else:
        assert lines[:2] == [f"{tmp_path}/in/0.dcm: warning: of the library: 1", f"{tmp_path}/in/0.dcm: warning: {CORRUPT}"]
        assert lines[6:] == [f"5 files: warning: {CORRUPT}", "5 files: warning: of the library: 1"]


def test_standard_error_is_as_before_and_long_texts_are_cut(capfd):
    with caught() as told:
        os.write(2, b"a\x1b b\n" + b"x" * 1000 + b"\n\n")
    os.write(2, b"after\n")
    assert told == ["a\x1b b", "x" * LONGEST + "…"] and capfd.readouterr().err == "after\n"
    with pytest.raises(KeyboardInterrupt), caught():
        raise KeyboardInterrupt
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"
