"""`dicompress verify`: compressed files, and the files in archives of series."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from ..errors import DicompressError
from . import batch, crews, files, run, several, unpacking
from .outcome import Job, Outcome
from .part import WHOLE, Part

Found = files.Task | unpacking.Portion


def verify(
    sources: list[str], jobs: int, as_json: bool, quiet: bool, part: Part = WHOLE, dask: str | None = None,
    manifests: Sequence[Path] = (),
) -> None:  # fmt: skip
    """Exits. dask: as of `run.batch`."""
    job, damaged, problems = Job("verify"), list[Outcome](), list[str]()
    if manifests and part.listing:
        raise DicompressError("--manifest is a list itself: it does not go with --listing")
    if dask:
        sources, _, _ = crews.as_workers_see(sources, None)

    def find() -> Iterable[Found]:
        if dask and not manifests:
            return part.tasks(sources, None, streamed=True)
        tasks = list(part.tasks(sources, None))
        run.check_pipes(job, tasks, as_json)
        if manifests:
            from . import manifest

            return list(manifest.tasks(manifests, sources, tasks, part.shard, problems))
        found = [task for task in tasks if not task.from_stdin and unpacking.is_archive(task)]
        return [*(task for task in tasks if task not in found), *unpacking.portions(found, None, damaged)]

    def do(found: Iterable[Found], ended: run.Ended) -> None:
        for problem in problems:
            ended.note(problem)
        archives, portions = list[files.Task](), list[unpacking.Portion]()
        with closing(batch.each(job, _plain(found, archives, portions), workers)) as outcomes:
            for outcome in outcomes:
                ended(outcome)
        portions += unpacking.portions(archives, None, damaged)
        for outcome in damaged:
            ended(outcome)
        several.run(unpacking.work, job, portions, workers, ended, [])

    def count(found: list[Found]) -> int:
        return sum(1 if isinstance(task, files.Task) else len(task.files) for task in found) + len(damaged)

    with crews.crew(jobs, dask) as workers:
        run.carry_out(job, find, do, as_json, quiet, count=count, part=part)


def _plain(found: Iterable[Found], archives: list[files.Task], portions: list[unpacking.Portion]) -> Iterator[files.Task]:
    """The files; the others are put aside."""
    for item in found:
        if isinstance(item, unpacking.Portion):
            portions.append(item)
        elif not (item.from_stdin or item.expected or item.problem) and unpacking.is_archive(item):
            archives.append(item)
        else:
            yield item
