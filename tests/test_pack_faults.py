"""Killed, dying and simultaneous runs of packing: an archive is absent or complete, or what it was; a rerun finishes."""

import json
import os
import random
import shutil
import signal
import time

import pytest
from helpers.archives import make_series
from helpers.faults import KILLS, end, killed, needs_proc, partials, processes, start, wait_until, workers
from helpers.packing import archives, assert_right, assert_whole, series

from dicompress.cli import grouping, packing, several
from dicompress.cli.outcome import FAILED, Job, Outcome
from dicompress.series import Archive

WHOLE = {"1.2.0.dcma": 4, "1.2.1.dcma": 4, "1.2.2.dcma": 4, "other-files.dcma": 1}


def statuses(out: str) -> set[str]:
    return {json.loads(line)["status"] for line in out.splitlines()}


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("jobs", [1, 2])
def test_killed_at_any_moment_and_resumed(tmp_path, jobs):
    source, target = series(tmp_path / "in"), tmp_path / "out"
    command = ("pack", source, "-o", target, "--resume", "--jobs", jobs)
    before = time.monotonic()
    assert end(start(*command))[0] == 0
    longest = time.monotonic() - before
    chance, kills, found = random.Random(jobs), 0, []
    while kills < KILLS:
        resumed = kills % 2 == 1  # killed while it writes; others start anew and are killed at any moment
        if not resumed:
            shutil.rmtree(target, ignore_errors=True)
        goal, moment = chance.randrange(len(WHOLE)), time.monotonic() + chance.uniform(0, longest)

        def reached(resumed=resumed, goal=goal, moment=moment) -> bool:
            return bool(len(archives(target)) >= goal and partials(target)) if resumed else time.monotonic() > moment

        status = killed(command, reached)
        found.append(assert_whole(source, target))
        assert found[-1].items() <= WHOLE.items()
        if status == 0:
            assert found[-1] == WHOLE and not partials(target)
            shutil.rmtree(target)
        else:
            assert status == -signal.SIGKILL
            kills += 1
    print([len(f) for f in found])
    status, out, _ = end(start(*command, "--json"))
    assert status == 0 and len(out.splitlines()) == 13 and statuses(out) <= {"compressed", "kept", "passed on"}
    assert assert_whole(source, target) == WHOLE and not partials(target)


@pytest.mark.slow
@needs_proc
def test_killed_while_it_appends_and_resumed(tmp_path):
    """What was there stays readable, whenever that happens; a rerun ends with an archive without problems."""
    source, target, keep = make_series(tmp_path / "in", range(3)), tmp_path / "out", tmp_path / "keep"
    archive = target / "1.2.3.4.dcma"
    assert end(start("pack", source, "-o", target))[0] == 0
    shutil.copy(archive, keep)
    make_series(source, range(3, 12))
    chance, sizes, cut = random.Random(0), [keep.stat().st_size], 0
    before = keep.read_bytes()
    for _ in range(2 * KILLS):
        run = start("pack", source, "-o", target, "--resume", "--jobs", 1)
        size = archive.stat().st_size
        wait_until(lambda: run.poll() is not None or archive.stat().st_size > size)
        time.sleep(chance.uniform(0, 0.15))
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
        end(run)
        with Archive(archive) as found:
            cut += bool(found.problems)
            assert found.indexed and len(found.entries) >= 3
            assert_right(source, found)
        assert archive.read_bytes().startswith(before)
        sizes.append(archive.stat().st_size)
        if not found.problems:
            shutil.copy(keep, archive)
    print(cut, sizes)
    assert cut
    status, out, _ = end(start("pack", source, "-o", target, "--resume", "--json"))
    assert status == 0 and len(out.splitlines()) == 12 and statuses(out) <= {"compressed", "kept"}
    assert assert_whole(source, target) == {archive.name: 12}


@pytest.mark.slow
@needs_proc
def test_killed_workers_cost_nothing_but_time(tmp_path):
    source, target = series(tmp_path / "in", 4, 8), tmp_path / "out"
    run = start("pack", source, "-o", target, "--jobs", 2, "--json")
    wait_until(lambda: len(archives(target)) >= 1)
    for worker in workers(run.pid):
        os.kill(worker, signal.SIGKILL)
    status, out, err = end(run)
    assert (status, err, len(out.splitlines())) == (0, "", 33)
    assert sum(assert_whole(source, target).values()) == 33 and not partials(target)


class Listener:
    """As `run.Ended`."""

    def __init__(self):
        self.outcomes, self.steps = list[Outcome](), 0

    def __call__(self, outcome: Outcome, counts: bool = True) -> None:
        self.outcomes.append(outcome)
        self.steps += counts

    def step(self, count: int) -> None:
        self.steps += count


def work_or_die(job, package, tell):
    mark = package.archive.parent.parent / f"{package.series} killed once"
    tell(2)
    if package.series == "1.2.0" or (package.series == "1.2.1" and not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    tell(-2)
    return packing.work(job, package, tell)


@pytest.mark.slow
def test_a_series_that_kills_its_worker_twice_fails_and_the_others_are_done(tmp_path):
    source, target = series(tmp_path / "in"), tmp_path / "out"
    job, ended = Job("pack"), Listener()
    packages = grouping.packages(job, grouping.tasks([source], str(target)), str(target), ended)
    several.run(work_or_die, job, packages, 2, ended, [target])
    failed = [o for o in ended.outcomes if o.status == FAILED]
    assert {o.target for o in failed} == {f"{target}/1.2.0.dcma"} and len(failed) == 4
    assert {o.reason for o in failed} == {"the worker process died, twice (signal 9), perhaps for lack of memory"}
    assert len(ended.outcomes) == ended.steps == 13
    assert assert_whole(source, target) == {name: count for name, count in WHOLE.items() if name != "1.2.0.dcma"}


@needs_proc
@pytest.mark.parametrize("jobs", [1, 2])
def test_interrupted(tmp_path, jobs):
    source, target = series(tmp_path / "in", 2, 60), tmp_path / "out"
    run = start("pack", source, "-o", target, "--jobs", jobs)
    wait_until(lambda: partials(target))
    os.killpg(run.pid, signal.SIGINT)
    status, out, err = end(run)
    assert (status, out, err) == (130, "", "interrupted; every target is complete, --resume goes on\n")
    wait_until(lambda: not processes(run.pid), 10)
    assert not partials(target) and not set(assert_whole(source, target)) - {"other-files.dcma"}


@needs_proc
@pytest.mark.parametrize("jobs", [1, 2])
def test_interrupted_while_it_appends(tmp_path, jobs):
    """An archive has no problems when the run has ended, with or without what was late."""
    source, target = series(tmp_path / "in", 2), tmp_path / "out"
    assert end(start("pack", source, "-o", target))[0] == 0
    before = {path: path.read_bytes() for path in archives(target)}
    for n in range(2):
        make_series(source / f"{n}", range(4, 40), f"1.2.{n}")
    run = start("pack", source, "-o", target, "--resume", "--jobs", jobs)
    wait_until(lambda: any(path.stat().st_size > len(data) for path, data in before.items()))
    os.killpg(run.pid, signal.SIGINT)
    status, _, err = end(run)
    assert (status, err) == (130, "interrupted; every target is complete, --resume goes on\n")
    assert all(4 <= count < 40 for name, count in assert_whole(source, target).items() if name != "other-files.dcma")
    assert all(path.read_bytes().startswith(data) for path, data in before.items())


@pytest.mark.parametrize("options", [("--force",), ("--resume",), ("--resume", "--force")])
def test_two_at_a_time_into_one_folder(tmp_path, options):
    source, target = series(tmp_path / "in"), tmp_path / "out"
    runs = [start("pack", source, "-o", target, "--jobs", 1, "--json", *options) for _ in range(2)]
    for status, out, _ in map(end, runs):
        assert status == 0 and len(out.splitlines()) == 13 and "failed" not in statuses(out)
    assert assert_whole(source, target) == WHOLE and not partials(target)


def test_two_at_a_time_with_parts_of_one_series(tmp_path):
    target = tmp_path / "out"
    for n, name in enumerate("ab"):
        make_series(tmp_path / "in" / name, range(5 * n, 5 * n + 5))
    runs = [start("pack", tmp_path / "in" / name, "-o", target, "--jobs", 1, "--json", "--resume") for name in "ab"]
    assert [end(run)[0] for run in runs] == [0, 0]
    for name in "ab":
        shutil.copytree(tmp_path / "in" / name, tmp_path / "all", dirs_exist_ok=True)
    assert assert_whole(tmp_path / "all", target) == {"1.2.3.4.dcma": 10}


def test_of_two_at_a_time_one_writes_an_archive_and_the_other_is_told_that_it_exists(tmp_path):
    source, target = series(tmp_path / "in"), tmp_path / "out"
    runs = [start("pack", source, "-o", target, "--jobs", 1, "--json") for _ in range(2)]
    first, second = ({o["source"]: o["status"] for o in map(json.loads, end(run)[1].splitlines())} for run in runs)
    assert all((first[name] == "failed") != (second[name] == "failed") for name in first)
    assert assert_whole(source, target) == WHOLE and not partials(target)


def test_what_killed_runs_left_goes(tmp_path):
    source, target = series(tmp_path / "in"), tmp_path / "out"
    target.mkdir()
    left = target / ".dicompress-0123abcd.partial"
    left.write_bytes(b"half an archive")
    assert end(start("pack", source, "-o", target))[0] == 0
    assert not left.exists() and assert_whole(source, target) == WHOLE
