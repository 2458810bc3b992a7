"""`compress --dry-run`: files are compressed, proved, and the results thrown away; of many a sample, which tells the others.

Compression is deterministic, so that what is tried is told exactly. What is not tried is told from the file before it in its folder that
is about as long, as slices of a series are: its outcome, its ratio, its time. Of folders that have a few files each, files about as long
tell each other. No header is read for that.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from .. import places
from ..sampling import PREDICTED, blocks
from . import batch, files
from .outcome import KEPT, Job, Outcome
from .work import failed

if TYPE_CHECKING:
    from ..cluster import Cluster

ALL, SHARE = 200, 0.1  # up to so many files all are tried, of more this share
ALIKE = math.log(1.1)  # lengths of files of one kind differ by no more


def each(job: Job, tasks: Sequence[files.Task], share: float | None, workers: int | Cluster) -> Generator[Outcome, None, None]:
    """What would become of each, in no order. share: that is tried, of each kind one at least; None for what suits their number."""
    share = share or (1.0 if len(tasks) <= ALL else SHARE)
    todo = [block for kind in _kinds(tasks, round(1 / share)) for block in blocks(kind, share)]
    while todo:
        others_of = {str(task.source): others for task, others in todo}
        alone, todo = [task for task, _ in todo], []
        with closing(batch.each(job, alone, workers)) as outcomes:
            for outcome in outcomes:
                yield outcome
                others = others_of[outcome.source]
                if others and outcome.is_bad:  # which is no news of others
                    todo.append((others[0], others[1:]))
                else:
                    yield from (_like(job, task, outcome) for task in others)


def _kinds(tasks: Sequence[files.Task], enough: int) -> list[list[files.Task]]:
    """Files that are about as long, by folder where that has enough of them, in the order of their names."""
    kinds = defaultdict[tuple[str, int], list[files.Task]](list)
    for task in sorted(tasks, key=lambda task: task.name):
        kinds[task.name.rpartition("/")[0], round(math.log(1 + files.size_of(task)) / ALIKE)].append(task)
    few = defaultdict[int, list[files.Task]](list)
    for (_, length), kind in kinds.items():
        if len(kind) < enough:
            few[length] += kind
    return [*(kind for kind in kinds.values() if len(kind) >= enough), *few.values()]


def _like(job: Job, task: files.Task, neighbour: Outcome) -> Outcome:
    """What a file that is not tried would become."""
    if task.problem:
        return failed(task, task.problem)
    size, target = files.size_of(task), task.target
    if target and not job.in_place and not job.force and places.exists(target):
        if not job.resume:
            return failed(task, f"the target {target} exists; --force replaces it")
        there = f"{PREDICTED}: its target is there, and would be checked"
        return Outcome(str(task.source), str(target), KEPT, there, size, places.size(target))
    ratio = neighbour.bytes_out / neighbour.bytes_in if neighbour.bytes_in else 1.0
    longer = size / neighbour.bytes_in if neighbour.bytes_in else 1.0
    return Outcome(
        str(task.source), str(target) if target and neighbour.target else None, neighbour.status,
        "; ".join(filter(None, (neighbour.reason, PREDICTED))), size, round(size * ratio),
        round(neighbour.pixels * longer), neighbour.seconds * longer, neighbour.is_dicom,
    )  # fmt: skip
