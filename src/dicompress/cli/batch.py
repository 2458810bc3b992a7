"""Many files: one outcome each, whatever happens to the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from functools import partial

from .. import places
from . import files
from .outcome import Job, Outcome
from .work import failed, process


def run(job: Job, tasks: list[files.Task], jobs: int, report: Callable[[Outcome], None]) -> list[Outcome]:
    """Work through `tasks` in `jobs` processes; `report` is called for each as it ends. Sorted by source.

    What killed processes leave in the targets' folders is removed, before and after.
    """
    outcomes = []
    folders = {path.parent for t in tasks for path in (t.target, t.backup) if path}
    places.clean(folders)
    try:
        with closing(_outcomes(job, tasks, min(jobs, len(tasks)))) as ended:
            for outcome in ended:
                report(outcome)
                outcomes.append(outcome)
    finally:
        places.clean(folders)
    return sorted(outcomes, key=lambda o: o.source)


def _outcomes(job: Job, tasks: list[files.Task], jobs: int) -> Generator[Outcome, None, None]:
    if jobs < 2:
        yield from (process(job, task) for task in tasks)
        return
    from .. import pool

    several = replace(job, threads=max(1, (os.cpu_count() or 1) // jobs))
    died = []
    largest_first = sorted(tasks, key=files.size_of, reverse=True)  # so that all cores end together
    for task, outcome in pool.run(partial(_work, process, several), largest_first, jobs):
        if isinstance(outcome, pool.Died):
            died.append(task)
        else:
            yield outcome
    # Once more, with all memory and cores to itself; the target may be complete, if the process died late.
    for task, outcome in pool.run(partial(_work, process, replace(job, resume=not job.in_place)), died, 1):
        if isinstance(outcome, pool.Died):
            outcome = failed(task, f"the worker process died, twice ({outcome.how}), perhaps for lack of memory")
        yield outcome


def _work(process: Callable[[Job, files.Task], Outcome], job: Job, task: files.Task, tell: object) -> Outcome:
    """In a worker, which has nothing to tell before its end."""
    return process(job, task)
