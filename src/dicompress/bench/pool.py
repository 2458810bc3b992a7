"""Worker processes that measure images, one image at a time each, all codecs one after another.

Not a ProcessPoolExecutor: every measurement is told when it is made, and when a process dies it is known which codec on
which image it was, the others go on, and a new process takes its place.
"""

from __future__ import annotations

import os
import signal
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait

from ..errors import DicompressError
from . import images
from .codec import Codec
from .images import Image
from .measure import FAILED, digest, measure, warm

Catalogue = Callable[[], dict[str, Codec]]
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Task:
    """An image and the names of the codecs to measure on it; known: codec -> digests of pixels it was measured on."""

    image: Image
    codecs: tuple[str, ...]
    known: dict[str, frozenset[str]]


@dataclass(frozen=True)
class Event:
    """From a worker. kind: "seen", the pixels are read, `value` is their digest; "refused", `value` says why; "known",
    `value` is a codec that was measured before; "measured", `value` is (codec, fields of a Measurement); "done" with the
    image. "seen" comes again if a process died meanwhile."""

    kind: str
    task: Task
    value: object = None


@dataclass
class _Worker:
    process: object
    pipe: Connection
    task: Task | None = None
    ready: bool = False
    seen: bool = False
    ended: list[str] = field(default_factory=list)  # codecs that are through with the task


def run(tasks: list[Task], jobs: int, catalogue: Catalogue) -> Iterator[Event]:
    """Work through `tasks` in their order. `catalogue`, a function that a module has by name, gives the codecs."""
    waiting = deque(tasks)
    workers = [_start(catalogue) for _ in range(min(jobs, len(tasks)))]
    try:
        while any(w.task for w in workers) or waiting:
            for worker in workers:
                if waiting and not worker.task:
                    _give(worker, waiting.popleft())
            for pipe in wait([w.pipe for w in workers if w.task]):
                worker = next(w for w in workers if w.pipe is pipe)
                try:
                    kind, value = pipe.recv()
                except (EOFError, OSError):
                    yield from _died(worker, waiting)
                    workers[workers.index(worker)] = _start(catalogue)
                    continue
                event = Event(kind, worker.task, value)
                _note(worker, event)
                if kind != "ready":
                    yield event
        for worker in workers:
            worker.pipe.send(None)
    finally:
        for worker in workers:
            worker.pipe.close()
            worker.process.join(0 if worker.task else 5)
            worker.process.terminate()


def _note(worker: _Worker, event: Event) -> None:
    if event.kind == "ready":
        worker.ready = True
    elif event.kind == "seen":
        worker.seen = True
    elif event.kind in ("known", "measured"):
        worker.ended.append(event.value if event.kind == "known" else event.value[0])
    elif event.kind == "done":
        worker.task = None


def _died(worker: _Worker, waiting: deque[Task]) -> Iterator[Event]:
    """Blame the codec that was at work; the image goes back to the queue for the codecs after it."""
    worker.process.join()
    code = worker.process.exitcode
    if not worker.ready:
        raise DicompressError(f"a worker process cannot start (exit code {code})")
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    reason = f"the process died ({how}), perhaps for lack of memory"
    task, left = worker.task, [c for c in worker.task.codecs if c not in worker.ended]
    if not worker.seen:
        yield Event("refused", task, f"{reason}, while the file was read")
    elif left:
        yield Event("measured", task, (left[0], {"status": FAILED, "reason": reason}))
    if worker.seen and left[1:]:
        waiting.appendleft(replace(task, codecs=tuple(left[1:])))
    else:
        yield Event("done", task)


def _give(worker: _Worker, task: Task) -> None:
    worker.task, worker.seen, worker.ended = task, False, []
    try:
        worker.pipe.send(task)
    except OSError:
        pass  # it died while it was idle: reading from it will tell


def _start(catalogue: Catalogue) -> _Worker:
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs, catalogue), daemon=True)
    with _environment():
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextmanager
def _environment():
    """What a process inherits: numpy's library on one thread, and deafness to Ctrl-C, which the parent answers for all."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    try:
        yield
    finally:
        if main:
            signal.signal(signal.SIGINT, handler)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _work(pipe: Connection, catalogue: Catalogue) -> None:
    """A worker's life: until the pipe says None, or its other end is gone."""
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    codecs = {codec.name: codec for codec in catalogue().values()}
    warmed: set[tuple[str, bool]] = set()
    try:
        pipe.send(("ready", None))
        while (task := pipe.recv()) is not None:
            _measure(pipe, task, codecs, warmed)
            pipe.send(("done", None))
    except (EOFError, OSError):
        pass  # the parent is gone


def _measure(pipe: Connection, task: Task, codecs: dict[str, Codec], warmed: set[tuple[str, bool]]) -> None:
    try:
        image = images.pixels(task.image)
    except Exception as error:  # damaged files make pydicom and its decoders raise many kinds
        pipe.send(("refused", images.told(error)))
        return
    found = digest(image)
    pipe.send(("seen", found))
    for name in task.codecs:
        if found in task.known.get(name, ()):
            pipe.send(("known", name))
            continue
        codec = codecs[name].given(task.image.graphics)
        if (name, task.image.graphics) not in warmed:
            warm(codec, image)
            warmed.add((name, task.image.graphics))
        pipe.send(("measured", (name, measure(codec, image, task.image.bits_stored))))
