"""What takes decoding is done by worker processes: each thing once, whoever asks for it, and kept as long as there is room.

Real requests come first; what is likely to be asked for next is done when there are none. A worker that dies is an error of what it was at.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import DicompressError
from ..pool import Died, Worker
from .tasks import Result, Task, do

LOG = logging.getLogger(__name__)
MOST_WAITING = 2000  # tasks
LARGEST = 4  # a result that takes more than this part of the cache is not kept
OVERHEAD = 500  # bytes that keeping a result takes beside its own


class WorkerDiedError(DicompressError):
    """A worker process died, or took too long."""


class BusyError(DicompressError):
    """Too many wait already."""


@dataclass
class Counts:
    """Since the start. seconds: that workers were at work."""

    hits: int = 0
    misses: int = 0
    warmed: int = 0
    died: int = 0
    seconds: float = 0.0


@dataclass
class _Job:
    task: Task
    urgent: bool
    future: Future[Result] = field(default_factory=Future)
    is_started: bool = False

    def __post_init__(self) -> None:
        self.future.set_running_or_notify_cancel()  # from now on nobody who gives up can cancel it for the others


class Frames:
    """folder: of the store. jobs: processes. cache: bytes of results that are kept. seconds: that a task may take.

    Its methods may be called from several threads. Processes start when they are first needed.
    """

    def __init__(self, folder: Path, jobs: int, cache: int, seconds: float):
        self.work, self.seconds = partial(do, folder), seconds
        self.cache = Cache(cache)
        self.counts = Counts()
        self._condition = threading.Condition()
        self._waiting: list[tuple[int, int, int, _Job]] = []  # a heap: urgent ones, then those of the newest series
        self._order = itertools.count()
        self._series = itertools.count()
        self._jobs: dict[Task, _Job] = {}
        self._closed = False
        self._threads = [threading.Thread(target=self._serve, name=f"decoding {n}", daemon=True) for n in range(jobs)]
        for thread in self._threads:
            thread.start()

    def ask(self, task: Task) -> Future[Result]:
        """The future ends with the result, or with a DicompressError. BusyError."""
        with self._condition:
            kept = self.cache.get(task)
            if kept is not None:
                self.counts.hits += 1
                done: Future[Result] = Future()
                done.set_result(kept)
                return done
            self.counts.misses += 1
            job = self._jobs.get(task)
            if job is None or not (job.urgent or job.is_started):
                if sum(job.urgent for job in self._jobs.values()) >= MOST_WAITING:
                    raise BusyError(f"{MOST_WAITING} requests wait already: try again later")
                job = self._jobs.setdefault(task, _Job(task, True))
                job.urgent = True
                self._push(job, 0, 0)
            return job.future

    def warm(self, tasks: Iterable[Task]) -> None:
        """Do these, in this order, when nobody waits for anything: they are likely to be asked for."""
        with self._condition:
            newest = -next(self._series)
            for task in tasks:
                if task not in self._jobs and task not in self.cache:
                    job = self._jobs[task] = _Job(task, False)
                    self._push(job, 1, newest)

    @property
    def waiting(self) -> int:
        with self._condition:
            return sum(not job.is_started for job in self._jobs.values())

    @property
    def alive(self) -> int:
        """Threads that have a worker, or start one when they need it."""
        return sum(thread.is_alive() for thread in self._threads)

    def close(self) -> None:
        """What waits gets an error; workers finish what they are at."""
        with self._condition:
            left = [] if self._closed else [job for job in self._jobs.values() if not job.is_started]
            self._closed = True
            for job in left:
                del self._jobs[job.task]
            self._condition.notify_all()
        for job in left:
            job.future.set_exception(BusyError("the gateway is stopping"))
        for thread in self._threads:
            thread.join()

    def _push(self, job: _Job, rank: int, series: int) -> None:
        heapq.heappush(self._waiting, (rank, series, next(self._order), job))
        self._condition.notify()

    def _next(self) -> _Job | None:
        """None when all is over."""
        with self._condition:
            while not self._closed:
                while self._waiting:
                    job = heapq.heappop(self._waiting)[-1]
                    if not job.is_started:  # it may wait twice: it was warmed, and then asked for
                        job.is_started = True
                        return job
                self._condition.wait()
        return None

    def _serve(self) -> None:
        """A worker and all it does."""
        worker: Worker | None = None
        while (job := self._next()) is not None:
            found: Any
            try:
                worker = worker or Worker(self.work)
                found = worker.do(job.task, self.seconds)
            except OSError as error:
                found = Died(f"it does not start: {error.strerror}")
            if isinstance(found, Died):
                worker = None
                LOG.error("a worker ended (%s) at %s of %s", found.how, type(job.task).__name__, job.task.uid)
                found = WorkerDiedError(f"the worker process ended while it was at this ({found.how})")
                self.counts.died += 1
            with self._condition:
                del self._jobs[job.task]
                if isinstance(found, Result):
                    self.counts.seconds += found.seconds
                    self.counts.warmed += not job.urgent
                    self.cache.keep(job.task, found)
            if isinstance(found, Result):
                job.future.set_result(found)
            else:
                job.future.set_exception(found)
        if worker is not None:
            worker.end()


class Cache:
    """Results of tasks, those asked for last. size: bytes that they may take."""

    def __init__(self, size: int):
        self.size, self.used = size, 0
        self._kept: OrderedDict[Task, Result] = OrderedDict()

    def __contains__(self, task: Task) -> bool:
        return task in self._kept

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, task: Task) -> Result | None:
        found = self._kept.get(task)
        if found is not None:
            self._kept.move_to_end(task)
        return found

    def keep(self, task: Task, result: Result) -> None:
        cost = len(result.data) + OVERHEAD
        if cost > self.size // LARGEST:
            return
        self._kept[task] = result
        self.used += cost
        while self.used > self.size:
            _, oldest = self._kept.popitem(last=False)
            self.used -= len(oldest.data) + OVERHEAD
