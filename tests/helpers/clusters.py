"""A Dask cluster of processes, and works that kill them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def cluster(workers: int = 2) -> Iterator[Any]:
    from distributed import LocalCluster

    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": None, "host": "127.0.0.1"}
    with LocalCluster(n_workers=workers, silence_logs=50, **options) as running:
        yield running


def pids(running: Any) -> list[int]:
    """Of the workers, not of their nannies."""
    found = [nanny.process.process.pid if nanny.process and nanny.process.process else 0 for nanny in running.workers.values()]
    return [pid for pid in found if pid]


def named(item: tuple[str, Path], tell: Any) -> str:
    """A work. "kill...": its process, always; "once": at the first try."""
    name, folder = item
    with (folder / name).open("a") as file:
        file.write(f"{os.getpid()}\n")
    tries = len((folder / name).read_text().splitlines())
    if name.startswith("kill") or (name.startswith("once") and tries == 1):
        time.sleep(0.5)  # a nanny whose worker dies while it starts gives up
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.01)
    tell(f"told by {name}")
    return name.upper()


def counted(item: int, tell: Any) -> int:
    return item * 2
