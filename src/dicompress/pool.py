"""Worker processes of this machine, one task at a time each: if one dies, one task is lost, and another process takes its place.

Workers end with this process, however it ends. They are deaf to Ctrl-C, which this process answers for all.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from .errors import DicompressError

READY = "ready"
Work = Callable[[Any, Callable[[Any], None]], Any]


@dataclass(frozen=True)
class Died:
    """Instead of a result. how: "signal 9", "exit code 1" or "no answer in 60 s"."""

    how: str


@dataclass(frozen=True)
class Told:
    """What `work` tells while it is at a task."""

    value: Any


@dataclass(frozen=True)
class Processes:
    """So many. Who works is this or a `cluster.Cluster`. threads: that a task may take."""

    jobs: int

    @property
    def threads(self) -> int:
        return max(1, (os.cpu_count() or 1) // self.jobs)

    def run(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """As `run`."""
        return run(work, tasks, self.jobs)

    def again(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Tasks whose workers died: one at a time, with all memory and cores to itself."""
        return run(work, tasks, 1)


class Worker:
    """A process that does `work`, which can be pickled."""

    def __init__(self, work: Work):
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, work), daemon=True)
        try:
            with _deaf():
                self.process.start()
        finally:
            theirs.close()
        self.ready = False
        self.task: Any = None

    def give(self, task: Any) -> None:
        self.task = task
        try:
            self.pipe.send(task)
        except OSError:
            pass  # it died: reading from it will tell

    def do(self, task: Any, seconds: float) -> Any:
        """work(task, ...), waited for so long. Died, if there is none: then the worker has ended, too."""
        self.give(task)
        end = time.monotonic() + seconds
        try:
            while self.pipe.poll(max(0.0, end - time.monotonic())):
                found = self.pipe.recv()
                if not self.ready:
                    self.ready = True
                elif not isinstance(found, Told):
                    return found
        except (EOFError, OSError):
            return self.died()
        self.end()
        return Died(f"no answer in {seconds:g} s")

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()

    def died(self) -> Died:
        self.process.join(5)
        self.end()
        code = self.process.exitcode
        assert code is not None  # it has ended
        return Died(f"signal {-code}" if code < 0 else f"exit code {code}")


def run(work: Work, tasks: Iterable[Any], jobs: int) -> Iterator[tuple[Any, Any]]:
    """(task, work(task, tell)) of each in the order in which they end, or (task, Died); before it (task, Told) of each tell(value).

    `work` and what goes in and out of it can be pickled. tasks: to a deque more can be added meanwhile.
    """
    waiting = tasks if isinstance(tasks, deque) else deque(tasks)
    workers: list[Worker] = []
    most = min(jobs, len(waiting))
    trouble: str | None = None
    try:
        while waiting or any(w.task is not None for w in workers):
            while waiting and len(workers) < most:
                try:
                    workers.append(Worker(work))
                except OSError as error:
                    most, trouble = most - 1, error.strerror
            if not workers:
                raise DicompressError(f"no worker process starts: {trouble}; --jobs 1 does without")
            for worker in workers:
                if waiting and worker.ready and worker.task is None:
                    worker.give(waiting.popleft())
            for pipe in wait([w.pipe for w in workers]):
                worker = next(w for w in workers if w.pipe is pipe)
                task = worker.task
                try:
                    result = worker.pipe.recv()
                except (EOFError, OSError):
                    workers.remove(worker)
                    result = worker.died()
                    if not worker.ready:
                        most, trouble = most - 1, result.how
                else:
                    worker.ready = True
                    if not isinstance(result, Told):
                        worker.task = None
                        if waiting:
                            worker.give(waiting.popleft())
                if task is not None:
                    yield task, result
    finally:
        for worker in workers:
            worker.end()


@contextmanager
def _deaf() -> Iterator[None]:
    """Processes that start meanwhile never hear Ctrl-C. Windows has no masks: there `_serve` ignores it as soon as it can."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it sets the signal mask itself, once
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # inherited
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection, work: Work) -> None:
    """A worker's life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        pipe.send(READY)
        while True:
            pipe.send(work(pipe.recv(), lambda value: pipe.send(Told(value))))
    except (EOFError, OSError):
        pass  # the parent is gone


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None  # of a worker
    parent.join()
    os._exit(1)
