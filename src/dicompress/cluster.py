"""Tasks on a Dask cluster that runs already, as `pool` does them in processes of this machine.

Of the tasks only those in flight are held here, two a worker, so that there may be any number of them. The scheduler tries each once: a
worker that is lost takes those that it had with it, which are told as `pool.Died`; whether they are tried again, and where, is decided
here. A result that is lost after its task ended is made again by the scheduler: tasks must bear that.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

from distributed import Client, Future, KilledWorker
from distributed.diagnostics.plugin import SchedulerPlugin

from . import __version__
from .disk import targets
from .errors import DicompressError
from .pool import Died, Told, Work

KEY = "dicompress"  # that our tasks' keys begin with
AHEAD = 2  # tasks a worker: the one that it does, and the next
CONNECTING, WITHOUT_WORKERS = 30.0, 300.0  # seconds to wait for them
LOOK = 2.0  # seconds between looks at which workers there are
SEEING = 10  # seconds that a new file may take to be seen through a network's file system
_one_at_a_time = threading.Lock()  # a process can catch the messages of libraries for one file at a time


@dataclass(frozen=True)
class Same:
    """What a worker must have in common with who sends tasks. weights: hash of the default model's. marks: files that it sees."""

    version: str
    weights: str
    marks: tuple[str, ...] = ()


class Once(SchedulerPlugin):
    """In the scheduler: the first lost worker ends a task of ours, not only the one after all that it allows."""

    name, idempotent = "dicompress-once", True

    def update_graph(self, scheduler: Any, *, tasks: Iterable[Any] = (), **_: Any) -> None:
        for key in tasks:
            if str(key).startswith(KEY) and key in scheduler.tasks:
                scheduler.tasks[key].suspicious = scheduler.allowed_failures


class Cluster:
    """address: of the scheduler, or a file that it wrote. folders: where targets go; every worker must see them as they are here."""

    def __init__(self, address: str, folders: Iterable[Path] = ()):
        self._open = ExitStack()
        self._looked, self._threads = 0.0, dict[str, int]()
        try:
            self._connect(address, folders)
        except BaseException:
            self._open.close()
            raise

    def __enter__(self) -> Cluster:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _connect(self, address: str, folders: Iterable[Path]) -> None:
        for name in ("client", "core", "comm", "batched"):  # errors are told by exceptions
            logging.getLogger(f"distributed.{name}").setLevel(logging.CRITICAL)
        where = {"scheduler_file": address} if os.path.isfile(address) else {"address": address}
        try:
            self.client = Client(**where, timeout=CONNECTING, set_as_default=False, name=KEY)
            self._open.callback(self._close)
            self.client.wait_for_workers(1, timeout=CONNECTING)
        except (OSError, ValueError, TimeoutError) as error:
            raise DicompressError(f"no Dask cluster with workers at {address}: {error}") from None
        try:
            self.client.register_plugin(Once())
        except Exception as error:
            raise DicompressError(f"the scheduler at {address} needs this version of dicompress: {error}") from None
        self._same = Same(__version__, _weights(), tuple(self._mark(folder) for folder in folders))
        for worker, found in self.client.run(_unlike, self._same, on_error="return").items():
            if found is not None:
                raise DicompressError(f"the worker {worker}: {found}")

    def _close(self) -> None:
        with suppress(Exception):  # whatever a connection says that may be lost already
            self.client.close()

    def _mark(self, folder: Path) -> str:
        """A file that is there for as long as the run, as no target would be seen by a worker that does not see it."""
        try:
            targets.make_folder(folder)
            _, name = self._open.enter_context(targets.partial(folder))
        except OSError as error:
            raise DicompressError(f"cannot write to {folder}: {error.strerror}") from None
        return name

    @property
    def threads(self) -> int:
        """Those of the worker that has the fewest. A worker does one task at a time."""
        return min(self._workers().values(), default=1)

    def run(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """As `pool.run`; what is told comes when its task ends. DicompressError if the cluster is lost, or a worker is unlike the others."""

        def submit(new: list[Any], _: list[str]) -> list[Future[Any]]:
            return list(self.client.map(partial(_task, self._same, work), new, pure=False, key=KEY))

        return self._run(submit, lambda busy: [""] * (AHEAD * max(1, len(self._workers())) - len(busy)), tasks)

    def again(self, work: Work, tasks: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        """Tasks whose workers were lost, perhaps for others: one a worker, so that each is lost for its own sake only."""

        def submit(new: list[Any], free: list[str]) -> list[Future[Any]]:
            task = partial(_task, self._same, work)
            return [
                self.client.submit(task, item, pure=False, key=f"{KEY}-again-{os.urandom(8).hex()}", workers=[worker],
                                   allow_other_workers=True)
                for item, worker in zip(new, free)
            ]  # fmt: skip

        return self._run(submit, lambda busy: [worker for worker in self._workers() if worker not in busy], tasks)

    def _run(
        self, submit: Callable[[list[Any], list[str]], list[Future[Any]]], free: Callable[[set[str]], list[str]], tasks: Iterable[Any]
    ) -> Iterator[tuple[Any, Any]]:
        """free: the workers that another task can be sent to, if the given ones are taken; "" for one that the scheduler chooses."""
        waiting = iter(tasks)
        flying: dict[Any, tuple[Any, Future[Any], str]] = {}
        ended: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        try:
            while True:
                places = free({worker or key for key, (_, _, worker) in flying.items()})
                new = list(islice(waiting, len(places)))
                for future, task, place in zip(submit(new, places) if new else [], new, places):
                    flying[future.key] = task, future, place
                    future.add_done_callback(ended.put)
                if not flying:
                    return
                done = self._next(ended)
                for future, found in zip(done, self._results(done)):
                    task, _, _ = flying.pop(future.key)
                    if isinstance(found, str):
                        raise DicompressError(found)
                    if not isinstance(found, Died):
                        told, found = found
                        yield from ((task, Told(value)) for value in told)
                    yield task, found
        finally:
            if flying:
                with suppress(Exception):  # the connection may be lost
                    self.client.cancel([future for _, future, _ in flying.values()])

    def _next(self, ended: queue.SimpleQueue[Future[Any]]) -> list[Future[Any]]:
        """Those that ended, at least one."""
        last = time.monotonic()
        while True:
            with suppress(queue.Empty):
                found = [ended.get(timeout=LOOK)]
                with suppress(queue.Empty):
                    while True:
                        found.append(ended.get_nowait())
                return found
            if self._workers():
                last = time.monotonic()
            elif time.monotonic() > last + WITHOUT_WORKERS:
                raise DicompressError(f"the cluster has had no workers for {WITHOUT_WORKERS:.0f} s; --resume goes on")

    def _results(self, futures: list[Future[Any]]) -> list[Any]:
        """What was told and what came out, or Died."""
        if all(future.status == "finished" for future in futures):
            with suppress(Exception):  # one was lost after it ended; which one is told below
                return list(self.client.gather(futures))
        return [self._result(future) for future in futures]

    def _result(self, future: Future[Any]) -> Any:
        try:
            return future.result()
        except KilledWorker as error:
            return Died(f"{error.last_worker.address} was lost")
        except Exception as error:
            what = f"{type(error).__name__}: {error}"
        if future.status == "error":
            raise DicompressError(f"a worker cannot do what it is sent: {what}")
        raise DicompressError(f"the connection to the scheduler is lost: {what}; --resume goes on")

    def _workers(self) -> dict[str, int]:
        """Their threads, as they were a moment ago."""
        if time.monotonic() > self._looked + LOOK:
            try:
                self._threads = dict(self.client.nthreads())
            except Exception as error:  # whatever a lost connection is told by
                raise DicompressError(f"the connection to the scheduler is lost: {error}; --resume goes on") from None
            self._looked = time.monotonic()
        return self._threads


def _task(same: Same, work: Work, item: Any) -> Any:
    """In a worker: what was told, and the result; a text if the worker cannot be trusted with it."""
    wrong = _unlike(same)
    if wrong:
        from distributed import get_worker

        return f"the worker {get_worker().address}: {wrong}"
    told: list[Any] = []
    with _one_at_a_time:
        result = work(item, told.append)
    return told, result


@cache
def _unlike(same: Same) -> str | None:
    """In a worker: what it has not in common."""
    if __version__ != same.version:
        return f"it has dicompress {__version__}, and this is {same.version}"
    if _weights() != same.weights:
        return f"its dicompress has the weights {_weights()}, and this {same.weights}"
    for mark in same.marks:
        for _ in range(SEEING):
            if os.path.exists(mark):
                break
            time.sleep(1)
        else:
            return f"it does not see {os.path.dirname(mark)} as it is here: targets are on storage that all workers share"
    return None


def _weights() -> str:
    from .models import DEFAULT, by_name

    return by_name(DEFAULT).hash.hex()
