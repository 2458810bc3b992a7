"""Many files: one outcome each, whatever happens to the others."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from .. import places
from ..places import Place
from . import files
from .outcome import Job, Outcome
from .work import failed, process

if TYPE_CHECKING:
    from ..cluster import Cluster
    from ..pool import Processes

Item = tuple[Job, files.Task]


def run(job: Job, tasks: list[files.Task], jobs: int, report: Callable[[Outcome], None]) -> list[Outcome]:
    """As `each`, for few files: all outcomes, sorted by source; `report` is called for each as it ends."""
    outcomes = []
    with closing(each(job, tasks, jobs)) as ended:
        for outcome in ended:
            report(outcome)
            outcomes.append(outcome)
    return sorted(outcomes, key=lambda o: o.source)


def each(job: Job, tasks: Iterable[files.Task], workers: int | Cluster) -> Generator[Outcome, None, None]:
    """Outcomes, as they come. workers: processes of this machine, or a cluster, for which `tasks` are not all held at a time.

    What killed processes leave in the targets' folders is removed, before and after.
    """
    folders = set[Place]()
    found = tasks if job.dry else _cleaned(tasks, folders)
    try:
        if isinstance(workers, int):
            yield from _here(job, list(found), workers)
        else:
            yield from _twice(job, ((_repeatable(job, task), task) for task in found), workers)
    finally:
        places.clean(folders)


def _cleaned(tasks: Iterable[files.Task], folders: set[Place]) -> Iterator[files.Task]:
    """The tasks; the folders of their targets, before they are written to."""
    for task in tasks:
        new = {path.parent for path in (task.target, task.backup) if path} - folders
        places.clean(new)
        folders |= new
        yield task


def _here(job: Job, tasks: list[files.Task], jobs: int) -> Iterator[Outcome]:
    jobs = min(jobs, len(tasks))
    if jobs < 2:
        yield from (process(job, task) for task in tasks)
        return
    from .. import pool

    largest_first = sorted(tasks, key=files.size_of, reverse=True)  # so that all cores end together
    yield from _twice(job, [(job, task) for task in largest_first], pool.Processes(jobs))


def _twice(job: Job, items: Iterable[Item], workers: Processes | Cluster) -> Iterator[Outcome]:
    """Whose worker dies is tried once more."""
    from .. import pool

    died = []
    work = partial(_work, process, workers.threads)
    for item, outcome in workers.run(work, items):
        if isinstance(outcome, pool.Died):
            died.append((replace(job, resume=not job.in_place), item[1]))  # the target may be complete, if it died late
        else:
            yield outcome
    for (_, task), outcome in workers.again(partial(_work, process, None), died):
        if isinstance(outcome, pool.Died):
            outcome = failed(task, f"the worker process died, twice ({outcome.how}), perhaps for lack of memory")
        yield outcome


def _repeatable(job: Job, task: files.Task) -> Job:
    """For clusters, which do a file again when a worker leaves whose result nobody had yet: then its target is there and right."""
    if job.in_place or job.force or task.target is None or places.exists(task.target, follow=False):
        return job
    return replace(job, resume=True)


def _work(process: Callable[[Job, files.Task], Outcome], threads: int | None, item: Item, tell: object) -> Outcome:
    """In a worker, which has nothing to tell before its end. threads: None for those of the job."""
    job, task = item
    return process(job if threads is None else replace(job, threads=threads), task)
