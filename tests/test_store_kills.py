"""Killed at any moment and on a full disk, a store loses nothing that it acknowledged."""

import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import time

import pytest
from helpers.archive import ONE, compress, instance, rows, stored
from helpers.faults import partials

from dicompress.store import Store, checking, files
from dicompress.store.status import status
from dicompress.store.tables import objects, waste

KILLS = int(os.environ.get("DICOMPRESS_TEST_STORE_KILLS", 50))
COUNT = 12


def work(folder: str, told) -> None:
    """Puts and compresses in turn, and tells what is acknowledged."""
    with Store(folder) as store:
        known = len(rows(store))
        told.send("ready")
        for number in range(known, known + COUNT):
            told.send(store.put(instance(number)).uid)
            if number % 3 == 2:
                compress(store)


@pytest.mark.slow
def test_kill_9_at_any_moment_loses_nothing_acknowledged(store):
    context = multiprocessing.get_context("fork")  # quick, and killed as any
    store.index.close()
    chance, acknowledged, states, longest = random.Random(0), set(), [], 1.0
    for _ in range(KILLS):
        mine, theirs = context.Pipe()
        process = context.Process(target=work, args=(str(store.config.folder), theirs))
        process.start()
        theirs.close()
        mine.recv()
        start, moment = time.monotonic(), chance.uniform(0, longest)
        process.join(moment)
        process.kill()
        process.join()
        if process.exitcode == 0:
            longest = min(longest, time.monotonic() - start)
        while mine.poll():
            try:
                acknowledged.add(mine.recv())
            except EOFError:
                break
        found = rows(store)
        assert acknowledged <= {row.SOPInstanceUID for row in found}
        for row in found[-COUNT:]:
            assert store.get(row.SOPInstanceUID) == instance(row.InstanceNumber)
        states.append({row.state for row in found})
        with store.index.write() as connection:
            connection.execute(objects.update().values(lease_until=0))  # some minutes later
        store.index.close()
    met = {state: sum(state in found for found in states) for state in ("raw", "proved", "compressed")}
    print(f"{KILLS} kills, {len(acknowledged)} acknowledged; kills after which there were objects of each state: {met}")
    with store.index.write() as connection:
        connection.execute(waste.update().values(after=0))  # a day later
    compress(store)
    bad = []
    assert checking.verify(store, 1, lambda outcome: bad.append(outcome) if outcome.is_bad else None, ONE) == []
    assert not bad and {row.state for row in rows(store)} == {"compressed"} and len(stored(store)) == len(rows(store))
    assert not partials(store.config.folder)


FULL = """
import sys
from helpers.archive import compress, instance
from dicompress.errors import FileError
from dicompress.store import Store
store, stored, refused = Store(sys.argv[1]), [], None
for number in range(100):
    try:
        stored.append(store.put(instance(number)).uid)
    except FileError as error:
        refused = str(error)
        break
assert stored and refused and "space" in refused or "full" in refused, refused
try:
    found = {outcome.status for outcome in compress(store).values()}
except FileError as error:  # there is no room in the index either
    found = {str(error)}
assert all(store.get(uid) == instance(number) for number, uid in enumerate(stored))
print(len(stored), found, refused)
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or shutil.which("unshare") is None, reason="mounts a small disk of its own")
def test_a_full_disk_keeps_what_was_acknowledged_raw_and_the_rest_is_refused(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    script = 'mount -t tmpfs -o size=1m none "$1" || exit 99; "$2" -m dicompress store init "$1/s" && exec "$2" -c "$3" "$1/s"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", disk, sys.executable, FULL]
    environment = os.environ | {"PYTHONPATH": os.path.dirname(__file__)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    if done.returncode in (1, 99) and not done.stdout:
        pytest.skip(f"no disk can be mounted: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1].split()[0]) > 5


def test_what_a_killed_process_was_writing_goes_after_a_day(store):
    store.put(instance())
    key = files.write(store, "0" * 64, "raw", b"half")
    files.sweep(store)
    assert key in stored(store) and status(store)["files_to_be_removed"] == 1
    with store.index.write() as connection:
        connection.execute(waste.update().values(after=time.time() - 1))
    compress(store)
    assert key not in stored(store) and status(store)["files_to_be_removed"] == 0
