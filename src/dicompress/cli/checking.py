"""`dicompress verify`: compressed files, and the files in archives of series."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import DicompressError
from . import batch, files, run, several, unpacking
from .outcome import Job, Outcome
from .part import WHOLE, Part

Found = files.Task | unpacking.Portion


def verify(sources: list[str], jobs: int, as_json: bool, quiet: bool, part: Part = WHOLE, manifests: Sequence[Path] = ()) -> None:
    """Exits."""
    job, damaged, problems = Job("verify"), list[Outcome](), list[str]()
    if manifests and part.listing:
        raise DicompressError("--manifest is a list itself: it does not go with --listing")

    def find() -> list[Found]:
        tasks = list(part.tasks(sources, None))
        run.check_pipes(job, tasks, as_json)
        if manifests:
            from . import manifest

            return list(manifest.tasks(manifests, sources, tasks, part.shard, problems))
        found = [task for task in tasks if not task.from_stdin and unpacking.is_archive(task)]
        return [*(task for task in tasks if task not in found), *unpacking.portions(found, None, damaged)]

    def do(found: list[Found], ended: run.Ended) -> None:
        for problem in problems:
            ended.note(problem)
        for outcome in damaged:
            ended(outcome)
        batch.run(job, [task for task in found if isinstance(task, files.Task)], jobs, ended)
        several.run(unpacking.work, job, [p for p in found if isinstance(p, unpacking.Portion)], jobs, ended, [])

    def count(found: list[Found]) -> int:
        return sum(1 if isinstance(task, files.Task) else len(task.files) for task in found) + len(damaged)

    run.carry_out(job, find, do, as_json, quiet, count=count, part=part)
