"""`--dask`: a cluster does what processes of this machine do, and a lost worker costs its own files only."""

import json
import os
import re
import shutil
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from helpers.command import run
from helpers.faults import assert_intact, end, partials, start, studies, targets, wait_until
from typer.testing import CliRunner

pytest.importorskip("distributed", reason="needs the extra dask")

from helpers import clusters

from dicompress import cluster as clustered
from dicompress.cli import batch, files
from dicompress.cli.app import app
from dicompress.cli.outcome import FAILED, Totals
from dicompress.cluster import Cluster
from dicompress.errors import DicompressError
from dicompress.pool import Died, Told


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with clusters.cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


@pytest.fixture
def address(running):
    return running.scheduler_address


def this_machine(*arguments) -> str:
    """What a run in this process prints."""
    done = CliRunner().invoke(app, [*map(str, arguments), "--jobs", "1"])
    assert done.exit_code == 0, done.output
    return done.stdout


def statuses(output: str) -> Counter:
    return Counter(json.loads(line)["status"] for line in output.splitlines())


def test_files_are_compressed_verified_and_restored_as_by_this_machine(address, tmp_path):
    source, small, here, again = studies(tmp_path / "in", 4), tmp_path / "small", tmp_path / "here", tmp_path / "again"
    done = run("compress", source, "-o", small, "--dask", address)
    assert done.stdout.startswith("4 compressed, 1 passed on, 0 failed; ")
    assert done.stderr == f"{source}/report.dcm: passed on: no Pixel Data (7FE0,0010)\n"
    assert_intact(source, small, 5)
    this_machine("compress", source, "-o", here)
    assert all((small / name).read_bytes() == (here / name).read_bytes() for name in targets(here))
    assert run("verify", small, "--dask", address).stdout == "4 verified, 1 not ours, 0 bad\n"
    done = run("decompress", small, "-o", again, "--dask", address, "--json")
    assert statuses(done.stdout) == {"restored": 4, "passed on": 1}
    assert all((again / name).read_bytes() == (source / name).read_bytes() for name in targets(source))
    assert not partials(tmp_path)


@pytest.mark.slow
def test_targets_that_are_there_and_bad_files_are_told_as_by_this_machine(address, tmp_path):
    source, small = studies(tmp_path / "in", 3), tmp_path / "small"
    cut = source / "series 0" / "cut.dcm"
    cut.write_bytes((source / "series 0" / "00.dcm").read_bytes()[:1000])
    command = ("compress", source, "-o", small, "--json")
    first = run(*command, "--dask", address, check=1)
    assert statuses(first.stdout) == {"compressed": 3, "passed on": 2}
    second = run(*command, "--dask", address, check=1)
    reasons = [line["reason"] for line in map(json.loads, second.stdout.splitlines())]
    assert len(reasons) == 5 and all(reason.endswith("exists; --force replaces it") for reason in reasons)


@pytest.mark.slow
def test_archives_are_verified_too(address, tmp_path):
    source = studies(tmp_path / "in", 4)
    this_machine("pack", source, "-o", tmp_path / "packed")
    this_machine("compress", source / "series 0", "-o", tmp_path / "packed" / "files")
    here = this_machine("verify", tmp_path / "packed")
    assert run("verify", tmp_path / "packed", "--dask", address).stdout == here and " 0 bad" in here


@pytest.mark.slow
def test_workers_killed_on_the_way_cost_nothing_but_time(running, address, tmp_path):
    source, small = studies(tmp_path / "in", 24), tmp_path / "small"
    work = start("compress", source, "-o", small, "--dask", address, "--json")
    for count in (2, 8):
        wait_until(lambda count=count: len(targets(small)) >= count or work.poll() is not None, 60)
        for pid in running.pids()[:1]:
            os.kill(pid, signal.SIGKILL)
    status, out, err = end(work, 120)
    assert (status, err) == (0, "")
    found = statuses(out)
    assert found["failed"] == 0 and sum(found.values()) == 25
    assert_intact(source, small, 25)
    assert not partials(small)


@pytest.mark.slow
def test_what_kills_its_worker_is_tried_twice_alone_and_the_rest_goes_on(address, tmp_path):
    names = ["kill 1", "a", "b", *(f"{n:02}" for n in range(12)), "kill 2", "c"]
    found, told = {}, list[str]()
    with Cluster(address) as work:

        def each(run, names):
            died = []
            for (name, _), result in run(clusters.named, ((name, tmp_path) for name in names)):
                if isinstance(result, Told):
                    told.append(result.value)
                elif isinstance(result, Died):
                    assert result.how.startswith("tcp://") and result.how.endswith(" was lost")
                    died.append(name)
                else:
                    found[name] = result
            return died

        died = each(work.run, names)
        assert {"kill 1", "kill 2"} <= set(died)
        assert sorted(each(work.again, died)) == ["kill 1", "kill 2"]
        assert each(work.run, ["once"]) == ["once"] and each(work.again, ["once"]) == []
        kills = {path.name: len(path.read_text().splitlines()) for path in tmp_path.iterdir()}
    assert found == {name: name.upper() for name in (*names, "once") if not name.startswith("kill")}
    assert sorted(told) == sorted(f"told by {name}" for name in found)
    assert {kills["kill 1"], kills["kill 2"]} <= {2, 3}  # alone, and with others before, unless it had not begun


@pytest.mark.slow
def test_a_file_that_kills_its_workers_fails_and_the_others_are_done(address, tmp_path, monkeypatch):
    source, small = studies(tmp_path / "in", 4), tmp_path / "small"
    shutil.copy(source / "series 0" / "00.dcm", source / "always.dcm")
    monkeypatch.setattr(batch, "process", clusters.process_or_die)
    with Cluster(address, [small]) as work:
        outcomes = list(batch.each(batch.Job("compress"), files.streamed([source], small), work))
    (failed,) = (outcome for outcome in outcomes if outcome.status == FAILED)
    assert failed.source == str(source / "always.dcm")
    assert re.fullmatch(r"the worker process died, twice \(tcp://\S+ was lost\), perhaps for lack of memory", failed.reason)
    assert len(outcomes) == 6 and Totals("compress", outcomes).exit_status() == 1
    (source / "always.dcm").unlink()
    assert_intact(source, small, 5)
    assert not partials(small)


@pytest.mark.slow
def test_a_run_interrupted_leaves_whole_targets_and_goes_on(address, tmp_path):
    source, small = studies(tmp_path / "in", 16), tmp_path / "small"
    work = start("compress", source, "-o", small, "--dask", address)
    wait_until(lambda: len(targets(small)) >= 2, 60)
    os.kill(work.pid, signal.SIGTERM)
    status, _, err = end(work)
    assert status == 130 and err.splitlines()[-1] == "interrupted; every target is complete, --resume goes on"
    assert run("compress", source, "-o", small, "--dask", address, "--resume", "-q").stdout == ""
    assert_intact(source, small, 17)


def test_tasks_are_taken_as_they_are_needed(address):
    taken, most = 0, 0

    def tasks():
        nonlocal taken
        for item in range(600):
            taken = item + 1
            yield item

    done = 0
    with Cluster(address) as work:
        for item, result in work.run(clusters.counted, tasks()):
            assert result == item * 2
            done += 1
            most = max(most, taken - done)
    assert done == 600 and most <= clustered.AHEAD * 2 + 2


def test_a_worker_that_is_unlike_is_an_error(address, tmp_path, monkeypatch):
    monkeypatch.setattr(clustered, "__version__", "9.9")
    with pytest.raises(DicompressError, match=r"the worker tcp://.*: it has dicompress .*, and this is 9\.9"):
        Cluster(address)
    monkeypatch.undo()
    monkeypatch.setattr(clustered, "_weights", lambda: "abcd")
    with pytest.raises(DicompressError, match="its dicompress has the weights .*, and this abcd"):
        Cluster(address)


def test_a_worker_that_does_not_see_the_targets_is_an_error(address, tmp_path, monkeypatch):
    monkeypatch.setattr(Cluster, "_mark", lambda self, folder: str(folder / "elsewhere"))
    monkeypatch.setattr(clustered, "SEEING", 1)
    with pytest.raises(DicompressError, match=r"it does not see .* as it is here: targets are on storage that all workers share"):
        Cluster(address, [tmp_path])


def test_where_no_cluster_is_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(clustered, "CONNECTING", 1.0)
    with pytest.raises(DicompressError, match="no Dask cluster with workers at tcp://127.0.0.1:9: "):
        Cluster("tcp://127.0.0.1:9")
    done = run("compress", "-", "-o", "-", "--dask", "tcp://127.0.0.1:9", check=1)
    assert done.stderr == "dicompress: --dask goes with files and folders, not with pipes\n"
    done = run("compress", "memory://x", "-o", tmp_path, "--dask", "tcp://127.0.0.1:9", check=1)
    assert "is in the memory of one process, which no worker sees" in done.stderr


def test_a_scheduler_that_ends_is_an_error_that_says_how_to_go_on(tmp_path):
    with clusters.cluster(tmp_path, 1) as other, Cluster(str(other.file)) as work:
        found = work.run(clusters.named, ((f"{n:03}", tmp_path) for n in range(500)))
        next(found)
        other.scheduler.kill()
        with pytest.raises(DicompressError, match="--resume goes on"):
            for _ in found:
                time.sleep(0.001)


def test_paths_are_as_the_workers_see_them(address, tmp_path, monkeypatch):
    studies(tmp_path / "in", 1)
    monkeypatch.chdir(tmp_path)
    run("compress", "in", "-o", "out", "--dask", address, "--dry-run")
    assert not Path("out").exists()
    done = run("compress", "in", "-o", "out", "--dask", address, "--json")
    assert {json.loads(line)["source"] for line in done.stdout.splitlines()} == {
        str(tmp_path / "in" / name) for name in ("report.dcm", "series 0/00.dcm")
    }
    assert_intact(tmp_path / "in", tmp_path / "out", 2)
