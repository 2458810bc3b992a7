"""Objects that get new UIDs: a map of them, both in JSON, and a warning of files that still refer to the old ones."""

import json
import os
from pathlib import Path

import pydicom
import pytest
from helpers.command import run
from helpers.files import make, pydicom_file
from helpers.images import phantom
from pydicom.data import get_testdata_file

import dicompress.dicom
from dicompress import Allowance
from dicompress.cli import batch, files, uids
from dicompress.cli.app import app
from dicompress.cli.outcome import Outcome
from dicompress.dicom import Compressed, PassedOn, compress_file

CT = Path(get_testdata_file("CT_small.dcm"))
NEAR = Allowance(near=2)


def made_up(*facts) -> list[Outcome]:
    """(name, old UID, new UID, references) of each."""
    return [
        Outcome(name, f"/out/{name}", "compressed", old_uid=old, new_uid=new, references=frozenset(r)) for name, old, new, r in facts
    ]


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Two images that change, a report that refers to both, an image that refers to the other, and a file that fails."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a", "b", "report", "key", "text", "fails"):
        (folder / name).write_bytes(name.encode())
    results = {
        b"a": Compressed(b"a'", 4, 2, uids=("1.2.1", "2.25.1")),
        b"b": Compressed(b"b'", 4, 2, uids=("1.2.2", "2.25.2"), references=frozenset({"1.2.1", "9.9"})),
        b"report": PassedOn("no Pixel Data", references=frozenset({"1.2.1", "1.2.2", "9.9"})),
        b"key": PassedOn("no Pixel Data", references=frozenset({"9.9"})),
        b"text": PassedOn("no DICOM", is_dicom=False),
    }

    def decide(data, *_):
        if data == b"fails":
            raise MemoryError
        return results[data]

    monkeypatch.setattr(dicompress.dicom, "compress_or_pass_on", decide)
    return folder


def compress(folder: Path, *options, capfd) -> tuple[int, list[str], list[str]]:
    with pytest.raises(SystemExit) as ended:
        app(["compress", str(folder), "-o", str(folder.parent / "out"), "--jobs", "1", *map(str, options)])
    out, err = capfd.readouterr()
    return ended.value.code, out.splitlines(), err.splitlines()


def test_the_map_is_written_also_when_a_file_fails(study, tmp_path, capfd):
    status, _, lines = compress(study, "--near", 2, "--uid-map", tmp_path / "maps" / "map.tsv", capfd=capfd)
    assert status == 1 and f"{study}/fails: not enough memory" in lines
    assert (tmp_path / "maps" / "map.tsv").read_text() == "1.2.1\t2.25.1\n1.2.2\t2.25.2\n"
    assert os.listdir(tmp_path / "maps") == ["map.tsv"]


def test_files_that_refer_to_changed_objects_are_named(study, tmp_path, capfd):
    _, _, lines = compress(study, "--near", 2, capfd=capfd)
    out = tmp_path / "out"
    assert [line for line in lines if "refers to" in line] == [
        f"{out}/b: warning: refers to 1.2.1, which is now 2.25.1",
        f"{out}/report: warning: refers to 1.2.1, which is now 2.25.1 (and 1 more such)",
    ]


@pytest.mark.parametrize("quiet", [False, True])
def test_json_has_both_uids_and_the_warning_stays(study, capfd, quiet):
    _, out, err = compress(study, "--near", 2, "--json", *["--quiet"] * quiet, capfd=capfd)
    found = {Path(o["source"]).name: (o["old_uid"], o["new_uid"]) for o in map(json.loads, out)}
    assert found == {"a": ("1.2.1", "2.25.1"), "b": ("1.2.2", "2.25.2")} | dict.fromkeys(
        ("report", "key", "text", "fails"), (None, None)
    )
    assert not any("references" in json.loads(line) for line in out)
    assert sum("refers to" in line for line in err) == (0 if quiet else 2)


def test_a_map_that_cannot_be_written_is_a_line_and_exit_status_1(study, tmp_path, capfd):
    (study / "fails").unlink()
    (tmp_path / "file").write_text("in the way")
    status, out, err = compress(study, "--near", 2, "--uid-map", tmp_path / "file" / "map", capfd=capfd)
    assert status == 1 and out[0].startswith("2 compressed")
    assert next(line for line in err if line.startswith("dicompress: ")).startswith(f"dicompress: cannot write {tmp_path}/file/map: ")


def test_an_interrupted_run_writes_the_map_of_what_was_done(study, tmp_path, monkeypatch, capfd):
    def decide(data, *_):
        if data == b"b":
            raise KeyboardInterrupt
        return Compressed(b"a'", 4, 2, uids=("1.2.1", "2.25.1"))

    monkeypatch.setattr(dicompress.dicom, "compress_or_pass_on", decide)
    assert compress(study, "--near", 2, "--uid-map", tmp_path / "map", capfd=capfd)[0] == 130
    assert (tmp_path / "map").read_text() == "1.2.1\t2.25.1\n"


def test_without_an_error_no_uid_changes(tmp_path):
    assert "otherwise no UID changes" in run("compress", CT, "-o", tmp_path / "x", "--uid-map", "map", check=1).stderr


def test_what_is_kept_is_in_the_map(tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    (source / "ct.dcm").write_bytes(pydicom_file())
    (source / "tiny.dcm").write_bytes(make(phantom(8, 8)))
    run("compress", source, "-o", target, "--near", 2)
    result = run("compress", source, "-o", target, "--near", 2, "--resume", "--uid-map", tmp_path / "map")
    assert "0 compressed, 2 kept" in result.stdout
    old, new = (str(pydicom.dcmread(folder / "ct.dcm").SOPInstanceUID) for folder in (source, target))
    assert old != new and (tmp_path / "map").read_text() == f"{old}\t{new}\n"


def test_what_is_kept_still_refers_to_what_changed(tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    ct = pydicom.dcmread(CT)
    report = pydicom.dcmread(get_testdata_file("reportsi.dcm"))
    item = pydicom.Dataset()
    item.ReferencedSOPInstanceUID = ct.SOPInstanceUID
    report.ReferencedImageSequence = [item]
    ct.save_as(source / "ct.dcm")
    report.save_as(source / "report.dcm")
    run("compress", source, "-o", target, "--near", 2)
    told = run("compress", source, "-o", target, "--near", 2, "--resume").stderr
    new = pydicom.dcmread(target / "ct.dcm").SOPInstanceUID
    assert f"{target}/report.dcm: warning: refers to {ct.SOPInstanceUID}, which is now {new}\n" in told


def test_nothing_changed_is_an_empty_map(tmp_path):
    uids.write_map(tmp_path / "map", made_up(("a", None, None, ())))
    assert (tmp_path / "map").read_bytes() == b""


def test_equal_objects_in_two_places_are_one_line(tmp_path):
    uids.write_map(tmp_path / "map", made_up(("a", "1.2", "2.25", ()), ("b", "1.2", "2.25", ()), ("c", "1.2", "2.26", ())))
    assert (tmp_path / "map").read_text() == "1.2\t2.25\n1.2\t2.26\n"


def test_workers_hand_references_over(tmp_path):
    outcome = batch.run(batch.Job("compress", allowance=NEAR), files.tasks([CT], tmp_path / "x"), 2, lambda outcome: None)[0]
    assert isinstance(outcome.references, frozenset)


def test_many_stale_references_are_counted(capfd):
    from dicompress.cli.report import Report
    from dicompress.cli.run import finish

    changed = made_up(("a", "1.2", "2.25", ()), *((f"r{n:03}", None, None, {"1.2"}) for n in range(150)))
    with Report("compress", 151) as report:
        assert finish(report, changed, None)
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 101 and lines[-1] == "150 files refer to objects that have other UIDs now"


def test_a_real_study_end_to_end(tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    ct, report = pydicom.dcmread(CT), pydicom.dcmread(get_testdata_file("reportsi.dcm"))
    item = pydicom.Dataset()
    item.ReferencedSOPInstanceUID = ct.SOPInstanceUID
    report.ReferencedImageSequence = [item]
    ct.save_as(source / "ct.dcm")
    report.save_as(source / "report.dcm")
    if compress_file((source / "ct.dcm").read_bytes(), allowance=NEAR).uids is None:
        pytest.skip("UIDs are not told")
    result = run("compress", source, "-o", target, "--near", 2, "--json", "--uid-map", tmp_path / "map")
    new = pydicom.dcmread(target / "ct.dcm").SOPInstanceUID
    assert (tmp_path / "map").read_text() == f"{ct.SOPInstanceUID}\t{new}\n"
    assert {(o["old_uid"], o["new_uid"]) for o in map(json.loads, result.stdout.splitlines())} == {
        (str(ct.SOPInstanceUID), str(new)),
        (None, None),
    }
    assert result.stderr == f"{target}/report.dcm: warning: refers to {ct.SOPInstanceUID}, which is now {new}\n"
