"""Several senders at a time lose nothing, and what was acknowledged is there when the gateway was killed meanwhile."""

import os
import random
import re
import subprocess
import time
from pathlib import Path

import pytest
from helpers.archive import ONE, rows
from helpers.files import read
from helpers.gateway import HOST, TITLE, made, run, served
from helpers.store import dcmtk

from dicompress.store import Store, checking

pytestmark = pytest.mark.slow
SENDERS, EACH = 4, 25
KILLS = int(os.environ.get("DICOMPRESS_TEST_GATEWAY_KILLS", 2))


def folders(folder: Path) -> list[Path]:
    """One a sender, of objects of their own."""
    found = []
    for sender in range(SENDERS):
        found.append(folder / f"sender{sender}")
        found[-1].mkdir()
        for number in range(EACH):
            (found[-1] / f"{sender}-{number}.dcm").write_bytes(made(1000 * sender + number, StudyInstanceUID=f"1.2.7.{sender}"))
    return found


def senders(port: int, sources: list[Path], folder: Path) -> list[subprocess.Popen]:
    program = dcmtk("storescu")
    return [
        subprocess.Popen(
            [program, "-v", "-aec", TITLE, "-aet", f"CT{n}", "+sd", HOST, str(port), source], stderr=subprocess.STDOUT,
            stdout=(folder / f"{n}.log").open("wb"),
        ) for n, source in enumerate(sources)
    ]  # fmt: skip


def acknowledged(folder: Path) -> set[str]:
    """SOP Instance UIDs."""
    found = set()
    for log in folder.glob("*.log"):
        path = None
        for line in log.read_text("latin-1").splitlines():
            sending = re.search(r"Sending file: (.+\.dcm)", line)
            path = Path(sending[1]) if sending else path
            if "Store Response (Success)" in line:
                found.add(str(read(path.read_bytes()).SOPInstanceUID))
    return found


def test_four_senders_at_a_time_lose_nothing(tmp_path):
    sources = folders(tmp_path)
    Store.create(tmp_path / "store").close()
    with served(tmp_path / "store") as port:
        assert [process.wait(300) for process in senders(port, sources, tmp_path)] == [0] * SENDERS
    with Store(tmp_path / "store") as store:
        found = rows(store)
        assert len(found) == SENDERS * EACH == len(acknowledged(tmp_path))
        assert {(row.sender, row.StudyInstanceUID) for row in found} == {(f"CT{n}", f"1.2.7.{n}") for n in range(SENDERS)}
        assert checking.verify(store, 1, lambda outcome: pytest.fail(str(outcome)) if outcome.is_bad else None, ONE) == []


def test_kill_9_while_they_send_loses_nothing_acknowledged(tmp_path):
    sources, chance = folders(tmp_path), random.Random(0)
    Store.create(tmp_path / "store").close()
    known = set()
    for _ in range(KILLS):
        with served(tmp_path / "store", kill=True) as port:
            processes = senders(port, sources, tmp_path)
            time.sleep(chance.uniform(0.3, 2))
        for process in processes:
            process.wait(300)
        known |= acknowledged(tmp_path)
        with Store(tmp_path / "store") as store:
            there = {row.SOPInstanceUID for row in rows(store)}
            assert known <= there
            for uid in known:
                assert read(store.get(uid)).SOPInstanceUID == uid
    print(f"{KILLS} kills, {len(known)} of {SENDERS * EACH} acknowledged")
    with served(tmp_path / "store") as port:
        assert [process.wait(300) for process in senders(port, sources, tmp_path)] == [0] * SENDERS
        run(dcmtk("echoscu"), "-aec", TITLE, HOST, port)
    with Store(tmp_path / "store") as store:
        assert len(rows(store)) == SENDERS * EACH  # those that were sent again are one
