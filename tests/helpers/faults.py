"""Runs of the command line to be disturbed: their processes, and what they leave."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from dicompress.dicom import restore_file
from dicompress.disk.targets import is_partial
from dicompress.errors import UnsupportedImageError

CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, PR_CAPBSET_DROP = 1, 2, 24
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")


def start(*arguments, wrapper=(), **options) -> subprocess.Popen:
    """A run that leads a session and a process group of its own."""
    command = [*wrapper, sys.executable, "-m", "dicompress", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, text=True, start_new_session=True, **pipes, **options)


def end(process: subprocess.Popen, seconds: float = 60) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    out, err = process.communicate(timeout=seconds)
    assert "Traceback" not in err, err
    return process.returncode, out, err


def killed(command: Sequence, when: Callable[[], object]) -> int:
    """The exit status of a run that is killed with all its processes as soon as `when` says so, or ends before; nothing is left of it."""
    run = start(*command)
    while run.poll() is None:
        if when():
            os.killpg(run.pid, signal.SIGKILL)
            break
        time.sleep(0.001)
    status, _, _ = end(run)
    wait_until(lambda: not processes(run.pid))
    return status


def processes(session: int) -> set[int]:
    """The processes of a session that are not dead."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state, _, _, number = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            except (OSError, ValueError):
                continue  # it ended meanwhile
            if int(number) == session and state not in "ZX":
                found.add(int(folder.name))
    return found


def workers(session: int) -> set[int]:
    def command(pid: int) -> bytes:
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return b""

    return {pid for pid in processes(session) if b"spawn_main" in command(pid)}


def wait_until(condition, seconds: float = 30):
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)
    return found


def as_nobody_special() -> None:
    """In a child of root: permission bits bind after the next exec."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None)
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def studies(folder: Path, count: int) -> Path:
    """Copies of the small CT and MR, all different, in up to three folders, and a report, which is passed on."""
    for n in range(count):
        dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm" if n % 2 else "MR_small.dcm"))
        dataset.PatientID = f"{n}"
        dataset.PixelData = dataset.PixelData[2 * n :] + dataset.PixelData[: 2 * n]
        place = folder / f"series {n % 3}" / f"{n:02}.dcm"
        place.parent.mkdir(parents=True, exist_ok=True)
        dataset.save_as(place)
    (folder / "report.dcm").write_bytes(Path(get_testdata_file("reportsi.dcm")).read_bytes())
    return folder


def partials(folder: Path) -> list[Path]:
    return [f for f in folder.rglob("*") if is_partial(f.name)]


def targets(folder: Path) -> set[str]:
    return {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file() and not is_partial(f.name)}


def assert_intact(source: Path, target: Path, count: int | None = None) -> int:
    """Every target is complete and right. How many there are."""
    names = targets(target)
    for name in names:
        original, data = (source / name).read_bytes(), (target / name).read_bytes()
        try:
            assert restore_file(data).data == original
        except UnsupportedImageError:
            assert data == original
    if count is not None:
        assert len(names) == count
    return len(names)


KILLS = int(os.environ.get("DICOMPRESS_TEST_KILLS", 5))  # of each action
