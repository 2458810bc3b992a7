"""Images measured in worker processes, one at a time each, all codecs one after another.

Every measurement is told when it is made, and when a process dies it is known which codec on which image it was; the others go on.
"""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from dicompress import pool

from . import images
from .codec import Codec
from .images import Image
from .measure import FAILED, digest, measure, warm

Catalogue = Callable[[], dict[str, Codec]]
Tell = Callable[[tuple[str, Any]], None]
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Task:
    """An image and the names of the codecs to measure on it; known: codec -> digests of pixels it was measured on."""

    image: Image
    codecs: tuple[str, ...]
    known: dict[str, frozenset[str]] = field(hash=False)


@dataclass(frozen=True)
class Event:
    """From a worker. kind: "seen", the pixels are read, `value` is their digest; "refused", `value` says why; "known",
    `value` is a codec that was measured before; "measured", `value` is (codec, fields of a Measurement); "done" with the
    image. "seen" comes again if a process died meanwhile."""

    kind: str
    task: Task
    value: Any = None


def run(tasks: list[Task], jobs: int, catalogue: Catalogue) -> Iterator[Event]:
    """Work through `tasks` in their order. `catalogue`, a function that a module has by name, gives the codecs."""
    waiting, told = deque(tasks), {}  # of the tasks at work
    with _one_thread():
        for task, result in pool.run(Measuring(catalogue), waiting, jobs):
            if isinstance(result, pool.Told):
                event = Event(result.value[0], task, result.value[1])
                told.setdefault(task, []).append(event)
                yield event
                continue
            events = told.pop(task, [])
            if not isinstance(result, pool.Died):
                yield Event("done", task)
                continue
            yield from _died(task, events, result, waiting)


def _died(task: Task, events: list[Event], died: pool.Died, waiting: deque[Task]) -> Iterator[Event]:
    """Blame the codec that was at work; the image goes back to the queue for the codecs after it."""
    reason = f"the process died ({died.how}), perhaps for lack of memory"
    seen = any(event.kind == "seen" for event in events)
    ended = [event.value if event.kind == "known" else event.value[0] for event in events if event.kind in ("known", "measured")]
    left = [codec for codec in task.codecs if codec not in ended]
    if not seen:
        yield Event("refused", task, f"{reason}, while the file was read")
    elif left:
        yield Event("measured", task, (left[0], {"status": FAILED, "reason": reason}))
    if seen and left[1:]:
        waiting.appendleft(replace(task, codecs=tuple(left[1:])))
    else:
        yield Event("done", task)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes that start meanwhile keep numpy's library on one thread."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@dataclass
class Measuring:
    """A worker's work. warmed: codecs that have loaded what they need, for grey and for graphics."""

    catalogue: Catalogue
    warmed: set[tuple[str, bool]] = field(default_factory=set)

    @cached_property
    def codecs(self) -> dict[str, Codec]:
        return {codec.name: codec for codec in self.catalogue().values()}

    def __call__(self, task: Task, tell: Tell) -> None:
        warnings.simplefilter("ignore")
        try:
            image = images.pixels(task.image)
        except Exception as error:  # damaged files make pydicom and its decoders raise many kinds
            tell(("refused", images.told(error)))
            return
        found = digest(image)
        tell(("seen", found))
        for name in task.codecs:
            if found in task.known.get(name, ()):
                tell(("known", name))
                continue
            codec = self.codecs[name].given(task.image.graphics)
            if (name, task.image.graphics) not in self.warmed:
                warm(codec, image)
                self.warmed.add((name, task.image.graphics))
            tell(("measured", (name, measure(codec, image, task.image.bits_stored))))
