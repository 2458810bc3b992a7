"""Tasks of several files each, as archives are, by worker processes; one whose worker dies is tried once more, alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from .. import places
from ..places import Place
from .outcome import Job, Outcome
from .run import Ended

if TYPE_CHECKING:
    from ..cluster import Cluster


class Task(Protocol):
    @property
    def weight(self) -> int:
        """Bytes, or whatever tells which takes longest."""

    def failed(self, reason: str) -> list[Outcome]:
        """Of each of its files."""

    def without(self, told: set[str]) -> Any:
        """The task without files whose outcomes were told, by their sources."""


Work = Callable[[Job, Any, Callable[[Any], None]], list[Outcome]]  # tell: an Outcome, or how many files' end is near


def run(work: Work, job: Job, tasks: list[Any], workers: int | Cluster, ended: Ended, folders: Iterable[Place]) -> None:
    """All of them. workers: processes of this machine, or a cluster.

    folders: those of the targets, where what killed processes left is removed, before and after.
    """
    folders = set(folders)
    places.clean(folders)
    try:
        _run(work, job, sorted(tasks, key=lambda task: task.weight, reverse=True), workers, ended)
    finally:
        places.clean(folders)


def _run(work: Work, job: Job, tasks: list[Any], workers: int | Cluster, ended: Ended) -> None:
    if isinstance(workers, int) and min(workers, len(tasks)) < 2:
        for task in tasks:
            told = _Told(ended)
            told.end(work(job, task, told))
        return
    from .. import pool

    crew = pool.Processes(min(workers, len(tasks))) if isinstance(workers, int) else workers
    died = [left for task, _, left in _by(crew.run, partial(_work, work, replace(job, threads=crew.threads)), tasks, ended)]
    # Once more, with all memory and cores to itself; the target may be complete, if the process died late.
    for _, how, left in _by(crew.again, partial(_work, work, replace(job, resume=True)), died, ended):
        for outcome in left.failed(f"the worker process died, twice ({how}), perhaps for lack of memory"):
            ended(outcome)


def _by(run: Any, work: Any, tasks: list[Any], ended: Ended) -> list[tuple[Any, str, Any]]:
    """Those whose worker died: the task, how, and what is left of it."""
    from .. import pool

    lost, told = [], {id(task): _Told(ended) for task in tasks}
    for task, found in run(work, tasks):
        ear = told[id(task)]
        if isinstance(found, pool.Told):
            ear(found.value)
        elif isinstance(found, pool.Died):
            ear.forget()
            lost.append((task, found.how, task.without(ear.sources)))
        else:
            ear.end(found)
    return lost


class _Told:
    """What was told of a task."""

    def __init__(self, ended: Ended):
        self.ended, self.steps, self.sources = ended, 0, set[str]()

    def __call__(self, value: Outcome | int) -> None:
        if isinstance(value, int):
            self.steps += value
            self.ended.step(value)
        else:
            self.sources.add(value.source)
            self.ended(value)

    def forget(self) -> None:
        self.ended.step(-self.steps)
        self.steps = 0

    def end(self, outcomes: list[Outcome]) -> None:
        self.ended.step(len(outcomes) - self.steps)
        for outcome in outcomes:
            self.ended(outcome, counts=False)


def _work(work: Work, job: Job, task: Any, tell: Callable[[Any], None]) -> list[Outcome]:
    return work(job, task, tell)
