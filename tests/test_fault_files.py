"""Disks, folders and files that are not as they should be: a line for each, others are done, nothing half-written."""

import json
import os
import resource
import shutil
import socket
from pathlib import Path

import numpy as np
import pytest
from helpers.fault_disk import mounted
from helpers.faults import as_nobody_special, assert_intact, end, partials, start, studies, targets
from helpers.files import make
from helpers.images import phantom
from pydicom.data import get_testdata_file

from dicompress.cli import batch, files
from dicompress.cli.outcome import FAILED
from dicompress.errors import FileError

CT = Path(get_testdata_file("CT_small.dcm"))


def contents(folder: Path) -> dict:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def compress(source: Path, target: Path, *options, **how) -> tuple[int, dict, list[str]]:
    """Exit status, name -> status, and the lines of standard error."""
    status, out, err = end(start("compress", source, "-o", target, "--jobs", 1, "--json", *options, **how))
    return status, {Path(o["source"]).name: o["status"] for o in map(json.loads, out.splitlines())}, err.splitlines()


@pytest.fixture
def disk(tmp_path):
    """Files of which b, with 20 kB, does not fit any more."""
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(CT, folder / "a")
    (folder / "b").write_bytes(make(np.random.default_rng(0).integers(0, 1 << 16, (200, 150), np.uint16)))
    (folder / "c").write_bytes(make(phantom(40, 40)))
    return folder


def test_a_full_disk(tmp_path, disk):
    before, keep = contents(disk), tmp_path / "kept"
    place = tmp_path / "disk"
    status, out, err = mounted("size=48k", place, "compress", disk, "-o", place, "--jobs", 1, keep=keep)
    assert status == 1 and out.startswith("2 compressed, 0 passed on, 1 failed")
    assert err == f"{disk}/b: cannot write {place}/b: No space left on device\n"
    assert targets(keep) == {"a", "c"} and not partials(keep)
    assert_intact(disk, keep)
    assert contents(disk) == before


def test_a_file_that_is_too_large(tmp_path, disk):
    before, target = contents(disk), tmp_path / "out"
    limit = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))}
    status, statuses, (line,) = compress(disk, target, **limit)
    assert (status, statuses) == (1, {"a": "compressed", "b": "failed", "c": "compressed"})
    assert line == f"{disk}/b: cannot write {target}/b: File too large"
    assert targets(target) == {"a", "c"} and not partials(target)
    assert_intact(disk, target)
    assert contents(disk) == before
    assert compress(disk, target, "--resume")[:2] == (0, {"a": "kept", "b": "passed on", "c": "kept"})
    assert_intact(disk, target, 3)


def test_a_read_only_disk(tmp_path):
    place = tmp_path / "disk"
    status, out, err = mounted("ro", place, "compress", CT, "-o", place / "x" / "ct", keep=tmp_path / "kept")
    assert (status, out.partition(";")[0]) == (1, "0 compressed, 0 passed on, 1 failed")
    assert err == f"{CT}: cannot write {place}/x/ct: {place} is not a folder that can be written to\n"


def test_a_read_only_folder(tmp_path, disk):
    target = tmp_path / "out"
    target.mkdir()
    target.chmod(0o555)
    status, statuses, lines = compress(disk, target, preexec_fn=as_nobody_special)
    assert (status, set(statuses.values())) == (1, {"failed"})
    told = "{0}/{2}: cannot write {1}/{2}: {1} is not a folder that can be written to"
    assert lines == [told.format(disk, target, name) for name in "abc"]
    target.chmod(0o755)
    assert contents(target) == {}


def test_what_may_not_be_read(tmp_path, disk):
    (disk / "b").chmod(0)
    (disk / "locked").mkdir()
    (disk / "locked").chmod(0)
    target = tmp_path / "out"
    status, statuses, lines = compress(disk, target, preexec_fn=as_nobody_special)
    (disk / "locked").chmod(0o755)
    assert (status, statuses) == (1, {"a": "compressed", "b": "failed", "c": "compressed", "locked": "failed"})
    assert lines == [f"{disk}/{name}: cannot be read: Permission denied" for name in ("b", "locked")]
    assert targets(target) == {"a", "c"}


def test_what_is_no_file_is_told_and_waited_for_never(tmp_path, monkeypatch):
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    shutil.copy(CT, source / "a.dcm")
    (source / "empty").touch()
    (source / "dangling").symlink_to("nothing")
    (source / "device").symlink_to("/dev/zero")
    (source / "link to a file").symlink_to("a.dcm")
    (source / "loop").symlink_to(source)
    (source / "ring").symlink_to("ring")
    os.mkfifo(source / "pipe")
    monkeypatch.chdir(source)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        status, statuses, lines = compress(source, target)
    assert lines == [
        f"{source}/dangling: cannot be read: the symbolic link leads nowhere",
        f"{source}/device: cannot be read: not a regular file",
        f"{source}/loop: a link to a folder is not followed; name that folder as a source",
        f"{source}/pipe: cannot be read: not a regular file",
        f"{source}/ring: cannot be read: Too many levels of symbolic links",
        f"{source}/socket: cannot be read: not a regular file",
    ]
    assert status == 1 and statuses.pop("a.dcm") == statuses.pop("link to a file") == "compressed"
    assert statuses.pop("empty") == "passed on"
    assert set(statuses.values()) == {"failed"} and len(statuses) == 6
    assert targets(target) == {"a.dcm", "empty", "link to a file"}
    assert compress(source / "pipe", target / "x")[0] == 1


@pytest.mark.slow
def test_odd_names(tmp_path):
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    names = [b"latin \xe9.dcm", b"two\nlines \x1b[31m.dcm", b"n" * 251 + b".dcm", " [bold]ü ".encode()]
    for name in names:
        shutil.copy(CT, os.path.join(os.fsencode(source), name))
    with open(os.path.join(os.fsencode(source), b"bad\n\xff"), "wb") as file:
        file.write(b"no image")
    status, out, err = end(start("compress", source, "-o", target, "--json", "--others", "fail"))
    assert status == 1 and err.startswith(f"{source}/bad\\n\\udcff: not a DICOM") and err.count("\n") == 1
    done = [o["target"] for o in map(json.loads, out.splitlines()) if o["status"] == "compressed"]
    assert {os.path.basename(os.fsencode(name)) for name in done} == set(names) == set(os.listdir(os.fsencode(target)))
    status, out, err = end(start("verify", target))
    assert (status, out, err) == (0, "4 verified, 0 not ours, 0 bad\n", "")
    status, out, err = end(start("compress", source, "-o", target / "deeper" / ("n" * 256)))
    assert status == 1 and "5 failed" in out and err.count("File name too long") >= 4


def test_sources_that_vanish_after_they_were_listed(tmp_path):
    source, target = studies(tmp_path / "in", 3), tmp_path / "out"
    tasks = files.tasks([source], target)
    (source / "report.dcm").unlink()
    shutil.rmtree(source / "series 2")
    outcomes = batch.run(batch.Job("compress"), tasks, 1, lambda outcome: None)
    failed = {o.source: o.reason for o in outcomes if o.status == FAILED}
    told = "cannot be read: there is no such file"
    assert failed == {f"{source}/report.dcm": told, f"{source}/series 2/02.dcm": told}
    assert targets(target) == {"series 0/00.dcm", "series 1/01.dcm"}


@pytest.mark.parametrize("change", [lambda data: data + b"more", lambda data: data[:-1], lambda data: data[::-1]])
def test_a_source_that_changes_while_it_is_read(tmp_path, monkeypatch, change):
    source, target = tmp_path / "ct.dcm", tmp_path / "out" / "ct.dcm"
    shutil.copy(CT, source)
    os.utime(source, (1, 1))
    fstat, calls = os.fstat, []

    def fstat_then_change(handle):
        found = fstat(handle)
        if not calls:
            source.write_bytes(change(CT.read_bytes()))
        calls.append(handle)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fstat", fstat_then_change)
        with pytest.raises(FileError, match="^changed while it was read; run again$"):
            files.read(source)
        calls.clear()
        outcome = batch.process(batch.Job("compress"), files.Task(source, target))
    assert (outcome.status, outcome.reason) == ("failed", "changed while it was read; run again")
    assert not target.parent.exists()
