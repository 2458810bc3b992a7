"""--in-place: under every name there is always the original or a file that restores to it."""

import os
import shutil
from pathlib import Path

import pytest
from helpers.command import run
from helpers.faults import as_nobody_special, end, partials, start, studies
from helpers.files import make, pydicom_file
from helpers.folders import contents, facts, save
from helpers.images import phantom
from helpers.in_place import original, originals, outcomes
from pydicom.data import get_testdata_file

import dicompress.dicom
from dicompress import Allowance
from dicompress.cli import files, inplace
from dicompress.cli.outcome import FAILED, PASSED_ON
from dicompress.dicom import Compressed, restore_file

CT = Path(get_testdata_file("CT_small.dcm"))


@pytest.fixture
def folder(tmp_path):
    """Five files that are compressed, one that is passed on, one that is no DICOM, one that is damaged."""
    root = studies(tmp_path / "in", 5)
    save(root / "series 0" / "note.txt", b"no image")
    save(root / "cut.dcm", pydicom_file()[:300])
    return root


@pytest.mark.parametrize("jobs", [1, 2])
def test_files_are_replaced_and_what_is_passed_on_is_not_touched(folder, tmp_path, jobs):
    before = contents(folder)
    untouched = [folder / name for name in ("report.dcm", "series 0/note.txt", "cut.dcm")]
    facts_before = [(p.stat().st_ino, p.stat().st_mtime_ns, p.stat().st_ctime_ns) for p in untouched]
    result = run("compress", folder, "--in-place", "--jobs", jobs, check=1)
    assert result.stdout.startswith("5 compressed, 1 passed on, 1 damaged, 1 other file left, 0 failed; ")
    assert "cut.dcm: passed on, damaged: " in result.stderr and "note.txt: left as it is: " in result.stderr
    assert [(p.stat().st_ino, p.stat().st_mtime_ns, p.stat().st_ctime_ns) for p in untouched] == facts_before
    after = contents(folder)
    assert sum(len(after[name]) < len(before[name]) for name in before) == 5
    (folder / "cut.dcm").unlink()  # it cannot be read
    assert originals(folder) == {name: data for name, data in before.items() if name != "cut.dcm"}


def test_again_nothing_happens_and_it_says_already_compressed(folder):
    outcomes([folder])
    before = {p: p.stat().st_ino for p in folder.rglob("*")}
    found = outcomes([folder])
    assert all(found[f"{n:02}.dcm"].reason.startswith("already compressed") for n in range(5))
    assert {o.status for o in found.values()} == {PASSED_ON}
    assert {p: p.stat().st_ino for p in folder.rglob("*")} == before


@pytest.mark.parametrize("named", [False, True])
def test_files_that_are_no_dicom(folder, named):
    note = folder / "series 0" / "note.txt"
    assert outcomes([note] if named else [folder])["note.txt"].status == (FAILED if named else PASSED_ON)
    assert outcomes([note if named else folder], others="fail")["note.txt"].status == FAILED
    assert outcomes([note if named else folder], others="skip")["note.txt"].status == "skipped"
    assert note.read_bytes() == b"no image"


def test_a_file_named_twice_is_done_once(tmp_path):
    save(tmp_path / "a" / "ct.dcm", pydicom_file())
    (tmp_path / "link").symlink_to("a")
    tasks = files.tasks_in_place([tmp_path / "a", tmp_path / "a" / "ct.dcm", tmp_path / "link" / "ct.dcm"])
    assert len(tasks) == 1 and tasks[0].source == tmp_path / "a" / "ct.dcm"


@pytest.mark.parametrize("mode", [0o600, 0o444, 0o664])
def test_permissions_and_times_stay(tmp_path, mode):
    path = save(tmp_path / "ct.dcm", pydicom_file(), mode)
    before = facts(path)
    assert outcomes([path])["ct.dcm"].status == "compressed" and facts(path) == before
    run("decompress", path, "-o", tmp_path / "back.dcm")
    assert facts(tmp_path / "back.dcm") == before


# Backups


@pytest.mark.parametrize("inside", [False, True])
def test_backups_keep_the_originals_in_the_same_tree(folder, tmp_path, inside):
    backup = folder / "backup" if inside else tmp_path / "backup"
    before = contents(folder)
    facts_before = {name: facts(folder / name) for name in before}
    run("compress", folder, "--in-place", "--backup", backup, check=1)
    kept = contents(backup)
    assert len(kept) == 5 and all(before[name] == data for name, data in kept.items())
    assert {name: facts(backup / name) for name in kept} == {name: facts_before[name] for name in kept}
    assert all((backup / name).stat().st_nlink == 1 for name in kept)
    assert run("compress", folder, "--in-place", "--backup", backup, check=1).stdout.startswith("0 compressed, 6 passed on")
    assert contents(backup) == kept


def test_backups_of_several_sources_and_of_a_file(tmp_path):
    for name in ("a/x/ct.dcm", "b/ct.dcm", "single.dcm"):
        save(tmp_path / name, pydicom_file())
    outcomes([tmp_path / "a", tmp_path / "b"], tmp_path / "kept")
    outcomes([tmp_path / "single.dcm"], tmp_path / "kept")
    assert contents(tmp_path / "kept") == dict.fromkeys(("a/x/ct.dcm", "b/ct.dcm", "single.dcm"), pydicom_file())


def test_without_hard_links_the_backup_is_a_copy(folder, tmp_path, monkeypatch):
    before = contents(folder)
    with monkeypatch.context() as patch:
        patch.setattr(os, "link", lambda *_, **__: (_ for _ in ()).throw(OSError(18, "Invalid cross-device link")))
        outcomes([folder], tmp_path / "backup")
    assert all(before[name] == data for name, data in contents(tmp_path / "backup").items())
    assert facts(tmp_path / "backup" / "series 0" / "00.dcm") == facts(folder / "series 0" / "00.dcm")


def test_a_backup_that_exists_and_is_another_file_is_never_replaced(tmp_path):
    path, backup = save(tmp_path / "in" / "ct.dcm", pydicom_file()), tmp_path / "backup" / "ct.dcm"
    for found in (b"precious", pydicom_file() + b"\0"):
        save(backup, found)
        outcome = outcomes([path], tmp_path / "backup")["ct.dcm"]
        assert outcome.reason == f"the backup {backup} exists and is another file, which is never replaced"
        assert (path.read_bytes(), backup.read_bytes()) == (pydicom_file(), found)
    save(backup, pydicom_file())
    assert outcomes([path], tmp_path / "backup")["ct.dcm"].status == "compressed"
    assert original(path.read_bytes()) == backup.read_bytes() == pydicom_file()


@pytest.mark.parametrize("left", ["link", "copy"])
def test_a_run_that_was_killed_after_the_backup_is_gone_on_with(tmp_path, left):
    path, backup = save(tmp_path / "in" / "ct.dcm", pydicom_file()), tmp_path / "backup" / "ct.dcm"
    backup.parent.mkdir()
    (os.link if left == "link" else shutil.copy2)(path, backup)
    assert outcomes([path], tmp_path / "backup")["ct.dcm"].status == "compressed"
    assert backup.read_bytes() == pydicom_file() and path.stat().st_nlink == backup.stat().st_nlink == 1


def test_a_backup_that_cannot_be_written_leaves_the_original(tmp_path):
    path = save(tmp_path / "in" / "ct.dcm", pydicom_file())
    for backup in (tmp_path / "in" / "ct.dcm" / "x", Path("/proc/nowhere")):
        outcome = outcomes([path], backup)["ct.dcm"]
        assert outcome.status == FAILED and "backup" in outcome.reason
        assert path.read_bytes() == pydicom_file() and not partials(tmp_path)


# What is refused


def test_symbolic_links_stay_and_so_does_what_they_lead_to(tmp_path):
    path = save(tmp_path / "elsewhere" / "ct.dcm", pydicom_file())
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "link.dcm").symlink_to(path)
    (folder / "nowhere.dcm").symlink_to("nothing")
    for sources in ([folder], [folder / "link.dcm", folder / "nowhere.dcm"]):
        found = outcomes(sources)
        assert {o.status for o in found.values()} == {FAILED} and "a symbolic link" in found["link.dcm"].reason
    assert (folder / "link.dcm").is_symlink() and path.read_bytes() == pydicom_file()


def test_files_with_several_names_stay(tmp_path):
    path = save(tmp_path / "a.dcm", pydicom_file())
    os.link(path, tmp_path / "b.dcm")
    found = outcomes([tmp_path], tmp_path / "backup")
    assert {o.status for o in found.values()} == {FAILED} and "hard links" in found["a.dcm"].reason
    assert contents(tmp_path) == dict.fromkeys(("a.dcm", "b.dcm"), pydicom_file())


@pytest.mark.parametrize("change", ["content", "same size and time", "another file", "a link", "gone"])
def test_a_file_that_changes_between_reading_and_replacing_stays_as_it_is_then(tmp_path, monkeypatch, change):
    path, other = save(tmp_path / "in" / "ct.dcm", pydicom_file()), save(tmp_path / "other.dcm", pydicom_file()[:-1] + b"\1")
    compress = dicompress.dicom.compress_or_pass_on

    def compress_and_change(*given):
        result = compress(*given)
        if change == "content":
            path.write_bytes(b"new")
        elif change == "same size and time":
            save(path, pydicom_file()[:-1] + b"\1")
        elif change == "another file":
            os.replace(other, path)
        else:
            path.unlink()
            if change == "a link":
                path.symlink_to(other)
        return result

    monkeypatch.setattr(dicompress.dicom, "compress_or_pass_on", compress_and_change)
    outcome = outcomes([path], tmp_path / "backup")["ct.dcm"]
    assert outcome.status == FAILED
    assert "changed since it was read" in outcome.reason or (change == "gone" and "no such file" in outcome.reason)
    found = {"content": b"new", "gone": None}.get(change, pydicom_file()[:-1] + b"\1")
    assert (path.read_bytes() if path.exists() else None) == found and not contents(tmp_path).get("backup/ct.dcm")


def test_what_may_not_be_written_to_is_told_before_any_work(tmp_path):
    path = save(tmp_path / "in" / "ct.dcm", pydicom_file())
    path.parent.chmod(0o555)
    status, _, err = end(start("compress", path, "--in-place", preexec_fn=as_nobody_special))
    path.parent.chmod(0o755)
    assert (status, err) == (1, f"{path}: cannot be replaced: {path.parent} is not a folder that can be written to\n")
    assert contents(tmp_path) == {"in/ct.dcm": pydicom_file()}


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_disk_that_fails_leaves_the_original(tmp_path, monkeypatch, failing):
    path = save(tmp_path / "ct.dcm", pydicom_file())
    monkeypatch.setattr(os, failing, lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    assert outcomes([path])["ct.dcm"].reason == "cannot be replaced: No space left on device"
    assert contents(tmp_path) == {"ct.dcm": pydicom_file()}


@pytest.mark.skipif(os.geteuid() != 0, reason="makes files of another user")
def test_a_file_whose_owner_cannot_be_kept_stays(tmp_path, monkeypatch):
    path = save(tmp_path / "ct.dcm", pydicom_file())
    monkeypatch.setattr(os, "fchown", lambda *_: (_ for _ in ()).throw(PermissionError(1, "Operation not permitted")))
    assert "owner and group" in outcomes([path])["ct.dcm"].reason and contents(tmp_path) == {"ct.dcm": pydicom_file()}


@pytest.mark.parametrize(
    "options, told",
    [
        (["--in-place", "-o", "x"], "does not go with -o"), (["--in-place", "--force"], "knows neither --force nor --resume"),
        (["--in-place", "--resume"], "knows neither --force nor --resume"), (["--backup", "x"], "--backup goes with --in-place"),
        ([], "-o PATH, or --in-place"), (["--backup", "x", "-o", "y"], "--backup goes with --in-place"),
        (["--in-place", "--near", "2"], "would leave no original"), (["--in-place", "--psnr", "50"], "would leave no original"),
        (["--in-place", "--near-hu", "5"], "would leave no original"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_told(tmp_path, options, told):
    path = save(tmp_path / "ct.dcm", pydicom_file())
    assert told in run("compress", path, *options, check=1).stderr
    assert contents(tmp_path) == {"ct.dcm": pydicom_file()}


def test_with_an_error_the_backup_holds_the_original(tmp_path):
    path = save(tmp_path / "in" / "ct.dcm", pydicom_file())
    run("compress", path, "--in-place", "--near", 2, "--backup", tmp_path / "backup")
    assert (tmp_path / "backup" / "ct.dcm").read_bytes() == pydicom_file()
    assert restore_file(path.read_bytes()).near == 2


# Order of what reaches the disk


def test_the_original_goes_when_result_and_backup_are_on_the_disk(tmp_path, monkeypatch):
    path, events = save(tmp_path / "in" / "ct.dcm", pydicom_file()), []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(handle):
        events.append(("sync", os.path.basename(os.readlink(f"/proc/self/fd/{handle}"))))
        fsync(handle)

    def noted_replace(source, target):
        events.append(("rename", os.path.basename(target)))
        assert (tmp_path / "backup" / "deep" / "ct.dcm").read_bytes() == pydicom_file() == path.read_bytes()
        replace(source, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    source = files.load(files.Task(path, path))
    inplace.replace(files.Task(path, path, backup=tmp_path / "backup" / "deep" / "ct.dcm"), source, b"small")
    names = [("sync", "partial") if name.endswith(".partial") else (kind, name) for kind, name in events]
    parents = [("sync", tmp_path.name), ("sync", "backup")]
    assert names == [("sync", "partial"), *parents, ("sync", "deep"), ("rename", "ct.dcm"), ("sync", "in")]
    assert path.read_bytes() == b"small"


def test_a_result_that_is_not_smaller_is_nothing_to_replace_with(tmp_path, monkeypatch):
    path = save(tmp_path / "ct.dcm", make(phantom(8, 8)))
    assert outcomes([path])["ct.dcm"].status == PASSED_ON
    monkeypatch.setattr(dicompress.dicom, "compress_or_pass_on", lambda *_: Compressed(b"small", 64, 2, uids=("1.2", "2.25.3")))
    outcome = outcomes([path], tmp_path / "kept", allowance=Allowance(near=2))["ct.dcm"]
    assert (outcome.old_uid, outcome.new_uid, outcome.target) == ("1.2", "2.25.3", str(path))
