"""Disks and sources that are not as they should be: a line for each, others are packed, archives are absent or complete."""

import os
import resource

import pytest
from helpers.archives import SERIES, ct_slice, make_series, pack
from helpers.fault_disk import mounted
from helpers.faults import as_nobody_special, end, partials, start
from helpers.folders import contents, save
from helpers.packing import archives, assert_whole

from dicompress.cli import files, grouping, packing
from dicompress.cli.outcome import Job
from dicompress.series import Archive
from dicompress.series import packing as packing_of_series


@pytest.fixture
def study(tmp_path):
    """A series that takes 20 kB, one of noise that takes 75 kB, and one more small one."""
    folder = tmp_path / "in"
    make_series(folder / "a", range(2), "1.2.1")
    make_series(folder / "b", range(3), "1.2.2", noise=2000)
    make_series(folder / "c", range(1), "1.2.3")
    return folder


def test_a_full_disk(tmp_path, study):
    before, keep, place = contents(study), tmp_path / "kept", tmp_path / "disk"
    status, out, err = mounted("size=64k", place, "pack", study, "-o", place, "--jobs", 1, keep=keep)
    assert status == 1 and out.startswith("3 compressed, 0 passed on, 3 failed")
    told = f"cannot write {place}/1.2.2.dcma: No space left on device"
    assert err.splitlines() == [f"{study}/b/0{n}.dcm: {told}" for n in range(3)]
    assert assert_whole(study, keep) == {"1.2.1.dcma": 2, "1.2.3.dcma": 1} and not partials(keep)
    assert contents(study) == before


def limited(size: int) -> dict:
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))}


def test_an_archive_that_is_too_large_for_its_disk(tmp_path, study):
    target = tmp_path / "out"
    status, _, err = end(start("pack", study, "-o", target, "--jobs", 1, **limited(60_000)))
    assert status == 1 and f"cannot write {target}/1.2.2.dcma: File too large" in err
    assert assert_whole(study, target) == {"1.2.1.dcma": 2, "1.2.3.dcma": 1} and not partials(target)
    assert end(start("pack", study, "-o", target, "--resume"))[0] == 0
    assert assert_whole(study, target) == {"1.2.1.dcma": 2, "1.2.2.dcma": 3, "1.2.3.dcma": 1}


def test_an_archive_is_as_it_was_when_what_is_late_does_not_fit(tmp_path, study):
    target = tmp_path / "out"
    pack(study / "a", target)
    archive = target / "1.2.1.dcma"
    before = archive.read_bytes()
    make_series(study / "a", range(2, 5), "1.2.1", noise=2000)
    status, _, err = end(start("pack", study / "a", "-o", target, "--resume", **limited(len(before) + 40_000)))
    assert status == 1 and err.count(f"cannot write {archive}: File too large") == 3
    assert archive.read_bytes() == before


def test_a_read_only_folder(tmp_path, study):
    target = tmp_path / "out"
    target.mkdir()
    target.chmod(0o555)
    status, _, err = end(start("pack", study, "-o", target, preexec_fn=as_nobody_special))
    target.chmod(0o755)
    assert status == 1 and err.count("Permission denied") >= 3 and not archives(target)


def test_what_cannot_be_read_fails_alone(tmp_path, study):
    (study / "a" / "00.dcm").chmod(0)
    (study / "dangling").symlink_to("nothing")
    (study / "loop").symlink_to(study)
    os.mkfifo(study / "pipe")
    target = tmp_path / "out"
    status, _, err = end(start("pack", study, "-o", target, "--jobs", 1, preexec_fn=as_nobody_special))
    assert status == 1 and sorted(err.splitlines()) == [
        f"{study}/a/00.dcm: cannot be read: Permission denied",
        f"{study}/dangling: cannot be read: the symbolic link leads nowhere",
        f"{study}/loop: a link to a folder is not followed; name that folder as a source",
        f"{study}/pipe: cannot be read: not a regular file",
    ]
    assert assert_whole(study, target) == {"1.2.1.dcma": 1, "1.2.2.dcma": 3, "1.2.3.dcma": 1}


def changed(path):
    path.write_bytes(ct_slice(7))


def touched(path):
    os.utime(path, (1, 1))


@pytest.mark.parametrize("change, told", [
    (changed, "changed since its header was read; run again"),
    (touched, "changed since its header was read; run again"),
    (os.unlink, "cannot be read: there is no such file"),
])  # fmt: skip
def test_a_source_that_changes_between_header_and_packing_fails_alone(tmp_path, change, told):
    source, target = make_series(tmp_path / "in"), tmp_path / "out"
    job = Job("pack")
    (package,) = grouping.packages(job, grouping.tasks([str(source)], str(target)), str(target), None)
    change(source / "02.dcm")
    ended = {os.path.basename(o.source): o for o in packing.work(job, package, lambda count: None)}
    assert (ended["02.dcm"].status, ended["02.dcm"].reason) == ("failed", told)
    assert {o.status for name, o in ended.items() if name != "02.dcm"} == {"compressed"}
    with Archive(target / f"{SERIES}.dcma") as found:
        assert {e.path: found.restore(n) for n, e in found.entries.items()} == {
            f"0{n}.dcm": ct_slice(n) for n in (0, 1, 3)
        }  # fmt: skip


def test_a_source_that_changes_while_it_is_read_fails_alone(tmp_path, monkeypatch):
    source, target = make_series(tmp_path / "in"), tmp_path / "out"
    job, read = Job("pack"), files.load
    (package,) = grouping.packages(job, grouping.tasks([str(source)], str(target)), str(target), None)
    fstat = os.fstat

    def fstat_then_change(handle):
        found = fstat(handle)
        with open(source / "01.dcm", "ab") as file:
            file.write(b"more")
        return found

    def load(task):
        if task.source.name != "01.dcm":
            return read(task)
        with monkeypatch.context() as patch:
            patch.setattr(files.os, "fstat", fstat_then_change)
            return read(task)

    monkeypatch.setattr(files, "load", load)
    ended = {os.path.basename(o.source): o for o in packing.work(job, package, lambda count: None)}
    assert [name for name, o in ended.items() if o.status == "failed"] == ["01.dcm"]
    assert ended["01.dcm"].reason == "changed while it was read; run again"


def test_no_archive_where_no_source_can_be_read(tmp_path):
    source, target = make_series(tmp_path / "in"), tmp_path / "out"
    job = Job("pack")
    (package,) = grouping.packages(job, grouping.tasks([str(source)], str(target)), str(target), None)
    for path in source.iterdir():
        path.unlink()
    assert {o.status for o in packing.work(job, package, lambda count: None)} == {"failed"}
    assert not archives(target)


def test_a_defect_of_ours_costs_one_file(tmp_path, monkeypatch):
    source, target = make_series(tmp_path / "in"), tmp_path / "out"
    save(source / "big.dcm", ct_slice(9))
    encode, calls = packing_of_series.encode_frames, []

    def sometimes(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise ZeroDivisionError("a defect")
        if len(calls) == 3:
            raise MemoryError
        return encode(*arguments)

    monkeypatch.setattr(packing_of_series, "encode_frames", sometimes)
    ended = pack(source, target)
    assert ended.status == 1
    assert {line["reason"] for line in ended.outcomes.values() if line["status"] == "failed"} == {
        "unexpected ZeroDivisionError: a defect; please report this", "not enough memory",
    }  # fmt: skip
    assert assert_whole(source, target) == {f"{SERIES}.dcma": 3}
