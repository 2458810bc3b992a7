"""A command over many files, from its arguments to its exit status."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from ..errors import DicompressError
from . import batch as batches
from . import files, uids
from .outcome import Job, Outcome, exit_status
from .report import BAD, MOST_FAILURES, NOTE, Report

INTERRUPTED = 130


def batch(
    action: str, sources: list[str], output: str | None, jobs: int, as_json: bool, quiet: bool, *,
    backup: Path | None = None, uid_map: Path | None = None, **options,
) -> None:  # fmt: skip
    """Exits. options: of `Job`."""
    start = time.perf_counter()
    job, ended, report = Job(action, **options), [], None
    try:
        tasks = files.tasks_in_place(sources, backup) if job.in_place else files.tasks(sources, output)
        _check_pipes(job, tasks, as_json)
        to_stdout = any(task.to_stdout for task in tasks)

        def ends(outcome: Outcome) -> None:
            ended.append(outcome)
            report.file(outcome)

        with Report(action, len(tasks), as_json, quiet, to_stdout) as report:
            try:
                batches.run(job, tasks, jobs, ends)
            finally:
                report.progress.stop()
                written = finish(report, ended, uid_map)
    except KeyboardInterrupt:
        print(f"interrupted{_go_on(job, output)}", file=sys.stderr)
        sys.exit(INTERRUPTED)
    report.summary(ended, time.perf_counter() - start)
    sys.exit(exit_status(ended) if written else 1)


def _go_on(job: Job, output: str | None) -> str:
    if job.in_place:
        return "; every file is the original or its result: run again to go on"
    return "; every target is complete, --resume goes on" if output and output != files.PIPE else ""


def _check_pipes(job: Job, tasks: list[files.Task], as_json: bool) -> None:
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
