"""A command over many files, from its arguments to its exit status."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, TypeVar, Unpack

from ..errors import DicompressError
from . import batch as batches
from . import crews, files, uids
from .outcome import Job, Outcome, Totals
from .part import WHOLE, Part
from .report import BAD, MOST_FAILURES, NOTE, Report

if TYPE_CHECKING:
    from ..dicom import Allowance
    from .manifest import Manifest

INTERRUPTED = 130


class Options(TypedDict, total=False):
    """Of `Job`."""

    model: str
    force: bool
    resume: bool
    allowance: Allowance | None
    record: bool
    in_place: bool
    others: str | None
    to: str
    dry: bool


class Piped(Protocol):
    @property
    def to_stdout(self) -> bool: ...


Task = TypeVar("Task", bound=Piped)


def batch(
    action: str, sources: list[str], output: str | None, jobs: int, as_json: bool, quiet: bool, *,
    backup: Path | None = None, uid_map: Path | None = None, part: Part = WHOLE, dask: str | None = None,
    manifest: Path | None = None, sample: float | None = None, **options: Unpack[Options],
) -> None:  # fmt: skip
    """Exits. dask: address of a cluster that does it instead of processes of this machine. sample: of `dryrun`."""
    job = Job(action, manifest=manifest is not None, **options)
    if dask:
        sources, output, backup = crews.as_workers_see(sources, output, backup)

    def find() -> Iterable[files.Task]:
        if dask and not job.in_place:
            return part.tasks(sources, output, streamed=True)
        tasks = part.in_place(sources, backup) if job.in_place else list(part.tasks(sources, output))
        check_pipes(job, tasks, as_json)
        return tasks

    with crews.crew(jobs, dask, output, backup) as workers:

        def do(tasks: Iterable[files.Task], ended: Ended) -> None:
            from . import dryrun

            found = dryrun.each(job, list(tasks), sample, workers) if job.dry else batches.each(job, tasks, workers)
            with closing(found) as outcomes:
                for outcome in outcomes:
                    ended(outcome)

        carry_out(job, find, do, as_json, quiet, output, uid_map, part=part, manifest=manifest)


class Ended:
    """Is told of each outcome. counts: towards the progress, which `step` tells of otherwise."""

    def __init__(self, report: Report, manifest: Manifest | None = None):
        self.totals, self._report, self._manifest = Totals(report.action), report, manifest
        self.instances = list[Outcome]()  # whose UIDs changed, or that refer to others: where errors are allowed
        self.step = report.step

    def note(self, text: str) -> None:
        if not self._report.quiet:
            self._report.tell(text, NOTE)

    def __call__(self, outcome: Outcome, counts: bool = True) -> None:
        if self._manifest:
            self._manifest.add(outcome)
            outcome = replace(outcome, manifest=None)
        self.totals.add(outcome)
        if outcome.new_uid or outcome.references:
            self.instances.append(outcome)
        self._report.file(outcome, counts)


def carry_out(
    job: Job, find: Callable[[], Iterable[Task]], do: Callable[[Any, Ended], object], as_json: bool, quiet: bool,
    output: str | None = None, uid_map: Path | None = None, count: Callable[[list[Task]], int] = len, part: Part = WHOLE,
    manifest: Path | None = None,
) -> None:  # fmt: skip
    """What is found is done, with a report; exits. find: a list, or what is found on the way. count: of files in a list."""
    start = time.perf_counter()
    try:
        tasks = find()
        known = isinstance(tasks, list)
        to_stdout = isinstance(tasks, list) and any(task.to_stdout for task in tasks)
        if manifest and to_stdout:
            raise DicompressError("--manifest goes with -o PATH: standard output has no name")
        number = count(tasks) if isinstance(tasks, list) else None
        with Report(job.action, number, as_json, quiet, to_stdout, part.label, job.dry) as report, ExitStack() as closed:
            written_to = closed.enter_context(closing(_manifest(manifest, job, part))) if manifest else None
            ended = Ended(report, written_to)
            try:
                do(tasks if known else report.counted(tasks), ended)
            finally:
                report.progress.stop()
                written = finish(report, ended.instances, uid_map)
    except KeyboardInterrupt:
        print(f"interrupted{_go_on(job, output)}", file=sys.stderr)
        sys.exit(INTERRUPTED)
    seconds = time.perf_counter() - start
    report.summary(ended.totals, seconds)
    status = ended.totals.exit_status() if written else 1
    if part.shard:
        report.end(ended.totals.count, seconds, status, part.digest())
    sys.exit(status)


def _manifest(path: Path, job: Job, part: Part) -> Manifest:
    from .manifest import Manifest

    return Manifest(path, job, part.label)


def _go_on(job: Job, output: str | None) -> str:
    if job.in_place:
        return "; every file is the original or its result: run again to go on"
    return "; every target is complete, --resume goes on" if output and output != files.PIPE else ""


def check_pipes(job: Job, tasks: list[files.Task], as_json: bool) -> None:
    if any(task.to_stdout for task in tasks) and (as_json or job.force or job.resume):
        raise DicompressError("-o - goes with none of --json, --force and --resume: standard output holds the file")
    if any(task.from_stdin for task in tasks) and job.action not in ("compress", "decompress", "transcode"):
        raise DicompressError(f"{job.action} reads files, not standard input (./- is a file of that name)")


def finish(report: Report, outcomes: list[Outcome], uid_map: Path | None) -> bool:
    """Counts, references to objects of the run that have other UIDs now, and the map of UIDs. Whether that could be written."""
    report.counts()
    stale = [] if report.quiet else uids.stale_references(outcomes)
    for file, told in stale[:MOST_FAILURES]:
        report.tell(f"{file}: warning: {told}", NOTE)
    if len(stale) > MOST_FAILURES:
        report.tell(f"{len(stale)} files refer to objects that have other UIDs now", NOTE)
    if uid_map:
        try:
            uids.write_map(uid_map, outcomes)
        except DicompressError as error:
            report.tell(f"dicompress: {error}", BAD)
            return False
    return True
