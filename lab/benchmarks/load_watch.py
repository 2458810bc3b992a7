"""A command and what it takes: time, and every second the memory and processor time of all its processes (Linux)."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Sample:
    """seconds: since the start. memory: proportional set size in bytes, pages that are shared counted once. cpu: seconds."""

    seconds: float
    memory: int
    cpu: float


@dataclass(frozen=True)
class Run:
    """cpu: seconds of all processes that ended, with their children."""

    status: int
    output: str
    errors: str
    seconds: float
    cpu: float
    samples: list[Sample]


def watch(command: list[str], folder: Path, every: float = 1.0) -> Run:
    """Run a command to its end; its output goes through files in `folder`."""
    with (folder / "output").open("w+") as output, (folder / "errors").open("w+") as errors:
        start, samples = time.monotonic(), []
        process = subprocess.Popen(command, stdout=output, stderr=errors, start_new_session=True)
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            seconds = time.monotonic() - start
            if pid:
                break
            if seconds >= len(samples) * every:
                samples.append(_sample(process.pid, seconds))
            time.sleep(0.02)
        output.seek(0), errors.seek(0)
        cpu = usage.ru_utime + usage.ru_stime
        return Run(os.waitstatus_to_exitcode(status), output.read(), errors.read(), seconds, cpu, samples)


def _sample(session: int, seconds: float) -> Sample:
    memory, cpu = 0, 0.0
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) != session or fields[0] in "ZX":
                continue
            cpu += sum(map(int, fields[11:15])) / TICKS  # of its own and of children that ended
            memory += _proportional(folder)
        except (OSError, ValueError):
            continue  # it ended meanwhile
    return Sample(seconds, memory, cpu)


def _proportional(folder: Path) -> int:
    lines = (folder / "smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
