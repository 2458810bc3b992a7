"""Permissions and times of files stay; owners where that is permitted."""

import os
import stat
import tempfile
from pathlib import Path

import pytest
from helpers.command import run
from helpers.faults import end, partials, start
from helpers.files import pydicom_file
from helpers.folders import THEN, facts, save

from dicompress.cli import batch, files
from dicompress.dicom import compress_file
from dicompress.disk import targets

NOBODY = 65534
KINDS = {
    "compressed": pydicom_file(),
    "passed on": pydicom_file("reportsi.dcm"),
    "damaged": pydicom_file()[:300],
    "copied": b"no image",
}


def process(action: str, source: Path, target: Path, **options):
    (outcome,) = batch.run(batch.Job(action, **options), files.tasks([source], target), 1, lambda outcome: None)
    assert outcome.status != "failed", outcome.reason


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444, 0o755, 0o666])
@pytest.mark.parametrize("kind", KINDS)
def test_permissions_and_times_are_kept_both_ways(tmp_path, kind, mode):
    source = save(tmp_path / "a", KINDS[kind], mode)
    process("compress", source, tmp_path / "small", others="copy")
    process("decompress", tmp_path / "small", tmp_path / "back", others="copy")
    expected = (mode, THEN[1])
    assert facts(source) == facts(tmp_path / "small") == facts(tmp_path / "back") == expected


@pytest.mark.parametrize("options", [{"force": True}, {"resume": True}])
def test_replaced_targets_get_them_too(tmp_path, options):
    source = save(tmp_path / "a", KINDS["compressed"], 0o600)
    target = save(tmp_path / "b", compress_file(source.read_bytes()).data[:-200], 0o666)
    process("compress", source, target, **options)
    assert facts(target) == (0o600, THEN[1])


def test_files_that_run_as_another_user_keep_no_such_right(tmp_path):
    source = save(tmp_path / "a", KINDS["passed on"], 0o6755)
    process("compress", source, tmp_path / "b")
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_root_keeps_owner_and_group(tmp_path):
    source = save(tmp_path / "a", KINDS["compressed"])
    os.chown(source, 1234, 2345)
    process("compress", source, tmp_path / "b")
    process("decompress", tmp_path / "b", tmp_path / "c")
    assert {(p.stat().st_uid, p.stat().st_gid) for p in (source, tmp_path / "b", tmp_path / "c")} == {(1234, 2345)}


@pytest.mark.skipif(os.geteuid() != 0, reason="makes files of another user")
def test_files_of_another_owner_keep_permissions_and_times(tmp_path):
    with tempfile.TemporaryDirectory() as name:  # whose parents are open to all
        os.chmod(name, 0o755)
        source, target = save(Path(name, "in", "a"), KINDS["compressed"], 0o644), Path(name, "out")
        target.mkdir()
        os.chown(target, NOBODY, NOBODY)
        process("compress", source, tmp_path / "first")  # so that all is imported, which another user may not be able to
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
        try:
            process("compress", source, target / "a")
        finally:
            os.seteuid(0)
            os.setegid(0)
        assert facts(target / "a") == (0o644, THEN[1]) and (target / "a").stat().st_uid == NOBODY


def test_pipes_give_files_as_new_ones(tmp_path):
    with save(tmp_path / "in" / "a", KINDS["compressed"]).open("rb") as file:
        mask = os.umask(0o027)
        try:
            status, _, _ = end(start("compress", "-", "-o", tmp_path / "b", stdin=file))
        finally:
            os.umask(mask)
    assert (status, facts(tmp_path / "b")[0]) == (0, 0o640) and facts(tmp_path / "b")[1] != THEN[1]


def test_partial_files_that_may_not_be_written_to_are_removed(tmp_path):
    left = save(tmp_path / ".dicompress-0123abcd.partial", b"half a file", 0o444)
    status = os.fork()
    if not status:
        if os.geteuid() == 0:
            os.chown(tmp_path, NOBODY, NOBODY)
            os.chown(left, NOBODY, NOBODY)
            os.chdir(tmp_path)
            os.setuid(NOBODY)
        targets.clean([Path(".") if os.getcwd() == str(tmp_path) else tmp_path])
        os._exit(bool(partials(Path(".")) if os.getcwd() == str(tmp_path) else partials(tmp_path)))
    assert os.waitpid(status, 0)[1] == 0 and not left.exists()


def test_a_target_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    source = save(tmp_path / "in" / "a", KINDS["compressed"])
    monkeypatch.setattr(os, "utime", lambda *_, **__: (_ for _ in ()).throw(OSError(30, "Read-only file system")))
    (outcome,) = batch.run(batch.Job("compress"), files.tasks([source], tmp_path / "out" / "a"), 1, lambda outcome: None)
    assert outcome.reason == f"cannot write {tmp_path}/out/a: Read-only file system"
    assert list((tmp_path / "out").iterdir()) == []


def test_the_help_of_every_command_is_there():
    for command in ("compress", "decompress", "verify", "strip", "info", "demo", "compare"):
        assert f" dicompress {command} " in run(command, "--help").stdout
