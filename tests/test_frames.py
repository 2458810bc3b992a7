"""The service that decodes: each thing once, urgent ones first, within the cache, and whatever becomes of a worker. With work of its own."""

import os
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

from dicompress.errors import DicompressError
from dicompress.server import frames as service
from dicompress.server.frames import BusyError, Cache, Counts, Frames, WorkerDiedError
from dicompress.server.tasks import Result, Task


@dataclass(frozen=True)
class Job(Task):
    """what: a number of bytes, or "die", "fail", "wait" for the file of the log to have another line."""

    what: object


def job(uid: str, what: object = 10) -> Job:
    return Job(uid, 1, "", what)


def work(log: Path, task: Job, _tell) -> Result | DicompressError:
    with log.open("a") as file:
        file.write(f"{task.uid}\n")
    if task.what == "die":
        os.kill(os.getpid(), 9)
    if task.what == "fail":
        return DicompressError(f"{task.uid} cannot be done")
    while task.what == "wait" and "go" not in log.read_text():
        time.sleep(0.01)
    return Result(bytes(task.what if isinstance(task.what, int) else 1))


@pytest.fixture(scope="module")
def service_of_one(tmp_path_factory):
    """A service of one worker and a cache of 10 kB, and what its worker was at."""
    log = tmp_path_factory.mktemp("frames") / "log"
    frames = Frames(log.parent, 1, 10_000, 60)
    frames.work, frames.log = partial(work, log), log
    frames.done = lambda: log.read_text().split()
    frames.go = lambda: log.write_text(f"{log.read_text()}go\n")
    yield frames
    frames.close()


@pytest.fixture
def made(service_of_one):
    service_of_one.log.write_text("")
    service_of_one.cache, service_of_one.counts = Cache(10_000), Counts()
    yield service_of_one
    service_of_one.go()
    until(lambda: not service_of_one._jobs)


def until(condition) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_who_asks_for_the_same_waits_for_the_same(made):
    futures = [made.ask(job("a", "wait")) for _ in range(5)]
    made.go()
    assert {future.result(60) for future in futures} == {Result(b"\0")}
    assert made.ask(job("a", "wait")).result(60) == Result(b"\0")
    assert made.done() == ["a", "go"] or made.done() == ["go", "a"]
    assert (made.counts.hits, made.counts.misses) == (1, 5)


def test_real_requests_come_before_what_is_warmed_and_the_newest_series_first(made):
    first = made.ask(job("first", "wait"))
    until(lambda: made.done() == ["first"])
    made.warm([job("old 1"), job("old 2")])
    made.warm([job("new 1"), job("new 2")])
    made.ask(job("asked"))
    made.ask(job("old 2"))
    made.go()
    first.result(60)
    until(lambda: made.counts.warmed == 3)
    assert made.done() == ["first", "go", "asked", "old", "2", "new", "1", "new", "2", "old", "1"]


def test_a_worker_that_dies_is_an_error_of_what_it_was_at_only(made):
    last = [made.ask(job("a")), made.ask(job("b", "die")), made.ask(job("c"))]
    assert len(last[0].result(60).data) == 10
    with pytest.raises(WorkerDiedError, match="signal 9"):
        last[1].result(60)
    assert len(last[2].result(60).data) == 10
    assert (made.counts.died, made.alive, made.waiting) == (1, 1, 0)


def test_a_worker_that_takes_too_long_is_ended(made):
    assert made.ask(job("ready")).result(60)
    made.seconds = 0.5
    with pytest.raises(WorkerDiedError, match=r"no answer in 0.5 s"):
        made.ask(job("a", "wait")).result(60)
    made.seconds = 60
    assert made.ask(job("b")).result(60)


def test_errors_are_told_and_not_kept(made):
    for _ in range(2):
        with pytest.raises(DicompressError, match="a cannot be done"):
            made.ask(job("a", "fail")).result(60)
    assert made.done() == ["a", "a"]


def test_who_gives_up_does_not_take_it_from_the_others(made):
    one, other = made.ask(job("a", "wait")), made.ask(job("a", "wait"))
    assert not one.cancel()
    made.go()
    assert other.result(60)


def test_too_many_that_wait_are_refused(made, monkeypatch):
    monkeypatch.setattr(service, "MOST_WAITING", 2)
    found = [made.ask(job(name, "wait")) for name in "ab"]
    with pytest.raises(BusyError, match="try again"):
        made.ask(job("c"))
    made.go()
    assert [future.result(60) for future in found]
    assert made.ask(job("c")).result(60)


def test_the_cache_keeps_what_was_asked_for_last_within_its_bytes():
    cache = Cache(10_000)
    for name in "abcd":
        cache.keep(job(name), Result(bytes(2000)))
    assert cache.used == 4 * 2500
    assert cache.get(job("a"))
    cache.keep(job("e"), Result(bytes(2000)))
    assert [name for name in "abcde" if job(name) in cache] == ["a", "c", "d", "e"]
    cache.keep(job("large"), Result(bytes(2001)))
    assert job("large") not in cache
    assert cache.used == 10_000


def test_what_waits_when_the_service_closes_gets_an_error(made):
    running, waiting = made.ask(job("a", "wait")), made.ask(job("b"))
    until(lambda: made.done() == ["a"])
    closing = threading.Thread(target=made.close)
    closing.start()
    with pytest.raises(BusyError, match="stopping"):
        waiting.result(60)
    made.go()
    closing.join(60)
    assert running.result(0)
