"""A Dask cluster of processes, and works that kill them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dicompress.cli.work import process

from .faults import wait_until


class Running:
    """A scheduler and workers, processes each. Workers that die are started anew, as whoever runs a cluster does."""

    def __init__(self, folder: Path, workers: int):
        self.file = folder / "scheduler.json"
        self.scheduler = self._start("dask_scheduler", "--port", 0, "--scheduler-file", self.file, "--no-dashboard", "--no-show")
        wait_until(lambda: self.file.exists() and self.file.stat().st_size, 60)
        self.workers = [self._worker() for _ in range(workers)]
        self._ends = threading.Event()
        self._keeper = threading.Thread(target=self._keep)
        self._keeper.start()

    @property
    def scheduler_address(self) -> str:
        return json.loads(self.file.read_text())["address"]

    def pids(self) -> list[int]:
        """Of the workers."""
        return [worker.pid for worker in self.workers]

    def close(self) -> None:
        self._ends.set()
        self._keeper.join()
        for running in (*self.workers, self.scheduler):
            running.kill()
            running.wait()

    def _start(self, program: str, *arguments: object) -> subprocess.Popen:
        command = [sys.executable, "-m", f"distributed.cli.{program}", "--host", "127.0.0.1", *map(str, arguments)]
        paths = os.pathsep.join(path for path in (str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")) if path)
        return subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": paths})

    def _worker(self) -> subprocess.Popen:
        options = (
            "--scheduler-file",
            self.file,
            "--no-nanny",
            "--nthreads",
            1,
            "--no-dashboard",
            "--local-directory",
            self.file.parent,
        )
        return self._start("dask_worker", *options)

    def _keep(self) -> None:
        while not self._ends.wait(0.1):
            self.workers = [self._worker() if worker.poll() is not None else worker for worker in self.workers]


@contextmanager
def cluster(folder: Path, workers: int = 2) -> Iterator[Running]:
    running = Running(folder, workers)
    try:
        yield running
    finally:
        running.close()


def named(item: tuple[str, Path], tell: Any) -> str:
    """A work. "kill...": its process, always; "once": at the first try."""
    name, folder = item
    with (folder / name).open("a") as file:
        file.write(f"{os.getpid()}\n")
    tries = len((folder / name).read_text().splitlines())
    if name.startswith("kill") or (name.startswith("once") and tries == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.01)
    tell(f"told by {name}")
    return name.upper()


def counted(item: int, tell: Any) -> int:
    return item * 2


def process_or_die(job: Any, task: Any) -> Any:
    """As a run does a file, unless it is called always.dcm."""
    if task.source.name == "always.dcm":
        os.kill(os.getpid(), signal.SIGKILL)
    return process(job, task)
