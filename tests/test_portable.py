"""The command line where there is nothing of POSIX, as on Windows: on every start, also of workers, such modules and functions are gone.

There, too, folders are not opened, and open files are neither renamed nor removed.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.files import pydicom_file
from helpers.folders import THEN, contents, facts, save

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="sees in /proc which files are open")

SITE = """
import os, signal, sys
import importlib.util  # before it misses something
sys.modules.update(dict.fromkeys(("fcntl", "grp", "pwd", "resource", "termios")))
for module, names in {
    os: ("chown", "fchmod", "fchown", "fork", "geteuid", "getuid", "lchown", "memfd_create", "O_NOFOLLOW", "O_NONBLOCK"),
    signal: ("pthread_sigmask", "SIGHUP"),
}.items():
    for name in names:
        delattr(module, name)

def refused(function):
    def on_windows(path, *arguments, **options):
        if isinstance(path, (str, os.PathLike)):
            path = os.fspath(path)
            handles = [f"/proc/self/fd/{handle}" for handle in os.listdir("/proc/self/fd")]
            if os.path.realpath(path) in [os.path.realpath(handle) for handle in handles if os.path.exists(handle)]:
                raise PermissionError(13, "The process cannot access the file because it is being used by another process", path)
        return function(path, *arguments, **options)
    return on_windows

def opened(path, flags, *arguments, open=os.open, **options):
    if os.path.isdir(path) and not flags & os.O_DIRECTORY:
        raise PermissionError(13, "Permission denied", path)
    return open(path, flags, *arguments, **options)

def utime(path, *arguments, utime=os.utime, **options):
    if isinstance(path, int):
        raise TypeError("utime: path should be string, bytes or os.PathLike, not int")
    utime(path, *arguments, **options)

os.replace, os.rename, os.unlink, os.remove = map(refused, (os.replace, os.rename, os.unlink, os.remove))
os.open, os.utime = opened, utime
"""


@pytest.fixture
def run(tmp_path):
    """dicompress, as it runs there."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(SITE)

    def run(*arguments) -> str:
        environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
        command = [sys.executable, "-m", "dicompress", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def study(tmp_path):
    for name, place in {"CT_small.dcm": "ct.dcm", "MR_small.dcm": "series 2/mr", "reportsi.dcm": "report.dcm"}.items():
        save(tmp_path / "study" / place, pydicom_file(name))
    return tmp_path / "study"


def test_nothing_of_posix_is_there(run, tmp_path):
    """What this file tests is as it says."""
    code = "import os, signal; assert not hasattr(os, 'fork') and not hasattr(signal, 'pthread_sigmask'); import fcntl"
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert "ModuleNotFoundError: import of fcntl halted" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_folder_is_compressed_and_comes_back(run, study, tmp_path, jobs):
    before = contents(study)
    out = run("compress", study, "-o", tmp_path / "small", "--jobs", jobs)
    assert "2 compressed, 1 passed on, 0 failed" in out
    assert facts(tmp_path / "small" / "ct.dcm")[1] == THEN[1]
    assert "3 kept" in run("compress", study, "-o", tmp_path / "small", "--jobs", jobs, "--resume")
    run("compress", study, "-o", tmp_path / "small", "--jobs", jobs, "--force")
    run("decompress", tmp_path / "small", "-o", tmp_path / "back", "--jobs", jobs)
    assert contents(study) == contents(tmp_path / "back") == before


def test_in_place_with_backups(run, study, tmp_path):
    before = contents(study)
    run("compress", study, "--in-place", "--backup", tmp_path / "backup", "--jobs", 1)
    assert "2 verified" in run("verify", study)
    assert contents(tmp_path / "backup") == {name: data for name, data in before.items() if name != "report.dcm"}


def test_what_a_killed_run_left_goes(run, study, tmp_path):
    left = save(tmp_path / "small" / ".dicompress-0123abcd.partial", b"half a file")
    run("compress", study, "-o", tmp_path / "small", "--jobs", 1)
    assert not left.exists() and len(contents(tmp_path / "small")) == 3
