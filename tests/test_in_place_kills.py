"""--in-place, killed, interrupted and twice at a time: no image is lost."""

import os
import random
import shutil
import signal
import time

import pytest
from helpers.faults import KILLS, end, needs_proc, partials, processes, start, studies, wait_until
from helpers.files import make
from helpers.folders import contents, save
from helpers.images import phantom
from helpers.in_place import originals


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("backup", [False, True])
def test_killed_at_any_moment_no_image_is_lost(tmp_path, backup):
    source, kept = tmp_path / "in", tmp_path / "backup"
    fresh = studies(tmp_path / "fresh", 10)
    save(fresh / "note.txt", b"no image")
    before, chance, kills, whole_runs, found = contents(fresh), random.Random(backup), 0, 0, []
    command = ("compress", source, "--in-place", "--jobs", 2, *(("--backup", kept) if backup else ()))
    shutil.copytree(fresh, source)
    started = time.monotonic()
    assert end(start(*command))[0] == 0
    longest = time.monotonic() - started
    compressed = contents(source)

    def count() -> int:
        return sum((source / name).stat().st_size == len(data) != len(before[name]) for name, data in compressed.items())

    while kills < KILLS:
        resumed = kills % 3 != 0 and count() < 10  # goes on from the last kill; others start anew
        if not resumed:
            for folder in (source, kept):
                shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(fresh, source)
        goal, moment = count() + chance.randrange(3), time.monotonic() + chance.uniform(0.2 * longest, longest)
        process = start(*command)
        while process.poll() is None:
            if (count() >= goal and partials(tmp_path)) if resumed else time.monotonic() > moment:
                os.killpg(process.pid, signal.SIGKILL)
                break
            time.sleep(0.0005)
        status, _, _ = end(process)
        wait_until(lambda process=process: not processes(process.pid))
        assert originals(source) == before
        for name, data in contents(kept).items():
            assert name.endswith(".partial") or data == before[name]
        found.append(count())
        if status == 0:
            whole_runs += 1
        else:
            assert status == -signal.SIGKILL
            kills += 1
    print(f"in place, backup {backup}: {kills} kills, {whole_runs} ended; files replaced: {found}")
    assert end(start(*command))[0] == 0
    assert contents(source) == compressed and originals(source) == before and not partials(tmp_path)
    if backup:
        assert contents(kept) == {name: data for name, data in before.items() if compressed[name] != data}


@needs_proc
@pytest.mark.parametrize("jobs", [1, 2])
def test_interrupted(tmp_path, jobs):
    folder = studies(tmp_path / "in", 4)
    save(folder / "x.dcm", make(phantom(1000, 1000)))
    before = contents(folder)
    sizes = {name: len(data) for name, data in before.items()}
    process = start("compress", folder, "--in-place", "--jobs", jobs)
    wait_until(lambda: any((folder / name).stat().st_size < size for name, size in sizes.items()))
    os.killpg(process.pid, signal.SIGINT)
    status, out, err = end(process)
    told = [line for line in err.splitlines() if "passed on" not in line]
    assert (status, out) == (130, "")
    assert told == ["interrupted; every file is the original or its result: run again to go on"]
    assert originals(folder) == before and not partials(folder)


def test_two_at_a_time(tmp_path):
    folder = studies(tmp_path / "in", 6)
    before = contents(folder)
    runs = [start("compress", folder, "--in-place", "--jobs", 1) for _ in range(2)]
    for process in runs:
        _, _, err = end(process)
        assert all("already compressed" in line or "changed since" in line or "no Pixel Data" in line or "files: " in line
                   for line in err.splitlines()), err  # fmt: skip
    assert originals(folder) == before and not partials(folder)
