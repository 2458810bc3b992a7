"""`strip` removes restore records, in place, and says what is lost."""

import os
from pathlib import Path

import pytest
from helpers.folders import contents, facts, save

import dicompress.dicom
from dicompress.cli import batch, files
from dicompress.cli.outcome import FAILED, PASSED_ON, STRIPPED, Totals
from dicompress.cli.report import summary
from dicompress.dicom.results import Stripped
from dicompress.errors import DicompressError, FileError, NotDicomError, UnsupportedImageError

LOST = "without the restore record the original file cannot be had back, only its pixels and elements"


@pytest.fixture(autouse=True)
def stripping(monkeypatch):
    """What is stripped ends in RECORD."""

    def strip_file(data: bytes) -> Stripped:
        if not data.startswith(b"DICM"):
            raise NotDicomError("not a DICOM file")
        if data.endswith(b"cut"):
            raise FileError("the file is cut short")
        if not data.endswith(b"RECORD"):
            raise UnsupportedImageError("it has no restore record")
        return Stripped(data.removesuffix(b"RECORD"), LOST)

    monkeypatch.setattr(dicompress.dicom, "strip_file", strip_file, raising=False)


def strip(*sources):
    found = batch.run(batch.Job("strip", in_place=True), files.tasks_in_place(sources), 1, lambda outcome: None)
    return {Path(o.source).name: o for o in found}


def test_files_and_folders_are_stripped_and_what_is_lost_is_told(tmp_path):
    for name in ("a", "b/c", "d/e/f"):
        save(tmp_path / name, b"DICM" + name.encode() + b"RECORD", 0o640)
    before = facts(tmp_path / "a")
    found = strip(tmp_path / "a", tmp_path / "b", tmp_path / "d")
    assert {(o.status, o.reason) for o in found.values()} == {(STRIPPED, LOST)}
    assert contents(tmp_path) == {name: b"DICM" + name.encode() for name in ("a", "b/c", "d/e/f")}
    assert facts(tmp_path / "a") == before
    assert summary(Totals("strip", found.values()), 1.0) == "3 stripped, 0 passed on, 0 failed; 39 bytes -> 21 bytes"


def test_what_has_no_record_or_cannot_be_stripped_stays(tmp_path):
    data = {"none": b"DICM", "text": b"text", "cut": b"DICM cut", "right": b"DICM RECORD"}
    for name, content in data.items():
        save(tmp_path / name, content)
    os.link(tmp_path / "right", tmp_path / "other name")
    (tmp_path / "link").symlink_to("right")
    found = strip(tmp_path)
    assert {name: o.status for name, o in found.items()} == {
        "none": PASSED_ON, "text": PASSED_ON, "cut": FAILED, "right": FAILED, "other name": FAILED, "link": FAILED,
    }  # fmt: skip
    assert all((tmp_path / name).read_bytes() == content for name, content in data.items())
    assert strip(tmp_path / "text")["text"].status == FAILED


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_disk_that_fails_leaves_the_file(tmp_path, monkeypatch, failing):
    save(tmp_path / "a", b"DICM RECORD")
    monkeypatch.setattr(os, failing, lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert strip(tmp_path)["a"].status == FAILED and contents(tmp_path) == {"a": b"DICM RECORD"}


def test_nothing_is_stripped_from_standard_input():
    with pytest.raises(DicompressError, match="standard input"):
        strip("-")
