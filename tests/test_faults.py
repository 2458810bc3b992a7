"""Killed, interrupted and dying processes, and two at a time: every target is absent or complete; a rerun finishes."""

import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from helpers.faults import (
    KILLS,
    assert_intact,
    end,
    killed,
    needs_proc,
    partials,
    processes,
    start,
    studies,
    targets,
    wait_until,
    workers,
)
from helpers.files import make
from helpers.images import phantom

from dicompress import pool
from dicompress.cli import batch, files
from dicompress.cli.outcome import DONE, FAILED, Outcome, Totals
from dicompress.disk.targets import write
from dicompress.errors import DicompressError

MARK = "killed once"


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("action", ["compress", "decompress"])
def test_killed_at_any_moment_and_resumed(tmp_path, action):
    source, target = studies(tmp_path / "in", 10), tmp_path / "out"
    original = source
    if action == "decompress":
        source = tmp_path / "small"
        assert end(start("compress", original, "-o", source))[0] == 0
    count = len(targets(source))
    command = (action, source, "-o", target, "--resume", "--jobs", 2)
    before = time.monotonic()
    assert end(start(*command))[0] == 0
    longest = time.monotonic() - before
    chance = random.Random(action)
    kills, whole_runs, left_partials, found = 0, 0, 0, []
    while kills < KILLS:
        resumed = kills % 2 == 1  # killed while it writes; others start anew and are killed at any moment
        if not resumed:
            shutil.rmtree(target, ignore_errors=True)
        goal, moment = chance.randrange(count), time.monotonic() + chance.uniform(0, longest)

        def reached(resumed=resumed, goal=goal, moment=moment) -> bool:
            return bool(len(targets(target)) >= goal and partials(target)) if resumed else time.monotonic() > moment

        status = killed(command, reached)
        found.append(assert_intact(original, target))
        left_partials += bool(partials(target))
        if status == 0:
            assert found[-1] == count and not partials(target)
            whole_runs += 1
            shutil.rmtree(target)
        else:
            assert status == -signal.SIGKILL
            kills += 1
    print(f"{action}: {kills} kills, {left_partials} left a partial file, {whole_runs} ended; targets: {found}")
    status, out, _ = end(start(*command, "--json"))
    assert (status, len(out.splitlines())) == (0, count)
    assert {json.loads(line)["status"] for line in out.splitlines()} <= {DONE[action], "kept", "passed on"}
    assert assert_intact(original, target, count) and not partials(target)


@needs_proc
def test_no_process_outlives_its_killed_parent(tmp_path):
    source, target = studies(tmp_path / "in", 4), tmp_path / "out"
    (source / "series 0" / "large.dcm").write_bytes(make(phantom(1500, 1500)))
    run = start("compress", source, "-o", target, "--jobs", 2)
    wait_until(lambda: len(targets(target)) >= 2)
    assert len(workers(run.pid)) == 2
    run.kill()
    run.communicate()
    wait_until(lambda: not processes(run.pid), 10)
    assert assert_intact(source, target) < 6


@pytest.mark.slow
@needs_proc
def test_killed_workers_cost_nothing_but_time(tmp_path):
    source, target = studies(tmp_path / "in", 8), tmp_path / "out"
    run = start("compress", source, "-o", target, "--jobs", 2)
    wait_until(lambda: len(targets(target)) >= 1)
    for worker in workers(run.pid):
        os.kill(worker, signal.SIGKILL)
    status, _, err = end(run)
    assert (status, err) == (0, f"{source}/report.dcm: passed on: no Pixel Data (7FE0,0010)\n")
    assert_intact(source, target, 9)
    assert not partials(target)


def process_or_die(job: batch.Job, task: files.Task) -> Outcome:
    mark = task.source.parent.parent / f"{task.source.name}.{MARK}"
    if task.source.name == "always.dcm" or (task.source.name == "once.dcm" and not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return batch.process(job, task)


@pytest.mark.slow
def test_a_file_that_kills_its_worker_twice_fails_and_the_others_are_done(tmp_path, monkeypatch):
    source, target = studies(tmp_path / "in", 6), tmp_path / "out"
    for name in ("always.dcm", "once.dcm"):
        shutil.copy(source / "series 0" / "00.dcm", source / name)
    monkeypatch.setattr(batch, "process", process_or_die)
    outcomes = batch.run(batch.Job("compress"), files.tasks([source], target), 2, lambda outcome: None)
    failed = [o for o in outcomes if o.status == FAILED]
    assert [Path(o.source).name for o in failed] == ["always.dcm"]
    assert failed[0].reason == "the worker process died, twice (signal 9), perhaps for lack of memory"
    assert [o.status for o in outcomes].count("compressed") == 7 and len(outcomes) == 9
    assert Totals("compress", outcomes).exit_status() == 1
    (source / "always.dcm").unlink()
    assert_intact(source, target, 8)


def finish_and_die(job: batch.Job, task: files.Task) -> Outcome:
    outcome = batch.process(job, task)
    if not job.resume:
        os.kill(os.getpid(), signal.SIGKILL)
    return outcome


def test_a_worker_that_dies_with_its_target_complete_has_not_failed(tmp_path, monkeypatch):
    source, target = studies(tmp_path / "in", 1), tmp_path / "out"
    monkeypatch.setattr(batch, "process", finish_and_die)
    outcomes = batch.run(batch.Job("compress"), files.tasks([source], target), 2, lambda outcome: None)
    assert [o.status for o in outcomes] == ["kept", "kept"]
    assert_intact(source, target, 2)


class Unpicklable:
    def __reduce__(self):
        return os._exit, (7,)


def test_workers_that_cannot_start_are_one_error():
    with pytest.raises(DicompressError, match="no worker process starts: exit code 7; --jobs 1 does without"):
        list(pool.run(Unpicklable(), [1, 2, 3], 2))


@needs_proc
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("number, kill", [(signal.SIGINT, os.killpg), (signal.SIGTERM, os.kill)])
def test_interrupted(tmp_path, jobs, number, kill):
    source, target = studies(tmp_path / "in", 3), tmp_path / "out"
    for name in ("x", "y"):
        (source / name).write_bytes(make(phantom(1000, 1000)))
    run = start("compress", source, "-o", target, "--jobs", jobs)
    wait_until(lambda: len(targets(target)) >= 2)
    kill(run.pid, number)
    status, out, err = end(run)
    told = [line for line in err.splitlines() if "passed on" not in line]
    assert (status, out, told) == (130, "", ["interrupted; every target is complete, --resume goes on"])
    wait_until(lambda: not processes(run.pid), 10)
    assert 2 <= assert_intact(source, target) < 6 and not partials(target)


def outcomes_of(runs: list[subprocess.Popen]) -> list[dict]:
    """status of each source, by run; the exit status tells whether one failed."""
    found = []
    for run in runs:
        status, out, _ = end(run)
        found.append({line["source"]: line["status"] for line in map(json.loads, out.splitlines())})
        assert status == ("failed" in found[-1].values())
    return found


@pytest.mark.parametrize("options", [("--force",), ("--resume",), ("--resume", "--force")])
def test_two_at_a_time_into_the_same_folder(tmp_path, options):
    source, target = studies(tmp_path / "in", 8), tmp_path / "out"
    found = outcomes_of([start("compress", source, "-o", target, "--jobs", 1, "--json", *options) for _ in range(2)])
    assert all(len(statuses) == 9 and "failed" not in statuses.values() for statuses in found)
    assert_intact(source, target, 9)
    assert not partials(target)


def test_of_two_at_a_time_one_writes_a_target_and_the_other_is_told_that_it_exists(tmp_path):
    source, target = studies(tmp_path / "in", 8), tmp_path / "out"
    first, second = outcomes_of([start("compress", source, "-o", target, "--jobs", 1, "--json") for _ in range(2)])
    assert all((first[name] == "failed") != (second[name] == "failed") for name in first)
    assert_intact(source, target, 9)
    assert not partials(target)


@pytest.mark.slow
def test_what_killed_runs_left_is_no_source_and_goes_and_what_is_in_use_stays(tmp_path):
    source, target = studies(tmp_path / "in", 2), tmp_path / "out"
    left = [folder / ".dicompress-0123abcd.partial" for folder in (source, target, target / "series 1")]
    in_use = target / ".dicompress-in_use00.partial"
    (target / "series 1").mkdir(parents=True)
    for path in (*left, in_use):
        path.write_bytes(b"half a file")
    with in_use.open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        status, out, _ = end(start("compress", source, "-o", target, "--jobs", 1))
        assert (status, out.partition(";")[0]) == (0, "2 compressed, 1 passed on, 0 failed")
        assert set(partials(tmp_path)) == {left[0], in_use}
    assert end(start("verify", target))[1] == "2 verified, 1 not ours, 0 bad\n"
    assert end(start("compress", source, "-o", target, "--resume"))[0] == 0
    assert partials(target) == []


def test_a_target_that_appears_while_another_is_written_is_not_replaced(tmp_path, monkeypatch):
    target = tmp_path / "ct.dcm"
    fsync = os.fsync

    def appear(handle):
        fsync(handle)
        target.write_bytes(b"precious")

    monkeypatch.setattr(os, "fsync", appear)
    with pytest.raises(DicompressError, match="exists; --force replaces it"):
        write(target, b"other", replace=False)
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(95, "Operation not supported")))
    with pytest.raises(DicompressError, match="exists; --force replaces it"):
        write(target, b"other", replace=False)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"ct.dcm": b"precious"}
