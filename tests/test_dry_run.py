"""A dry run tells what the real one does, and writes nothing; a sample tells the rest."""

import json
import os
from pathlib import Path

import pytest
from helpers.archives import call, make_series
from helpers.files import pydicom_file
from helpers.folders import contents

from dicompress.cli import dryrun
from dicompress.cli.files import Task
from dicompress.sampling import PREDICTED, blocks

FACTS = ("source", "target", "status", "reason", "bytes_in", "bytes_out", "pixels", "is_dicom", "damaged")


@pytest.fixture
def tree(tmp_path):
    make_series(tmp_path / "in" / "series", range(6))
    for name, data in {"notes.txt": b"no image", "cut.dcm": pydicom_file()[:20000], "mr.dcm": pydicom_file("MR_small.dcm")}.items():
        (tmp_path / "in" / name).write_bytes(data)
    os.symlink("nowhere", tmp_path / "in" / "link.dcm")
    return tmp_path / "in"


def told(*arguments) -> tuple[int, list[dict]]:
    ended = call("compress", *arguments, "--json", "--jobs", 1)
    return ended.status, sorted(map(json.loads, ended.out.splitlines()), key=lambda facts: facts["source"])


def facts(outcomes: list[dict]) -> list[list]:
    return [[outcome[name] for name in FACTS] for outcome in outcomes]


def test_a_dry_run_of_all_is_what_the_real_run_does(tree, tmp_path):
    before = contents(tmp_path)
    status, dry = told(tree, "-o", tmp_path / "out", "--dry-run")
    assert contents(tmp_path) == before
    assert not (tmp_path / "out").exists()
    real = told(tree, "-o", tmp_path / "out")
    assert (status, facts(dry)) == (real[0], facts(real[1])) and status == 1 and len(dry) == 10
    ended = call("compress", tree, "-o", tmp_path / "new", "--dry-run", "--jobs", 2)
    assert ended.out.startswith("dry run: 7 compressed, 0 passed on, 1 damaged, 1 other file copied, 1 failed; ")


def test_in_place_nothing_is_replaced(tree):
    before = contents(tree)
    _, dry = told(tree / "series", "--in-place", "--dry-run")
    assert [outcome["status"] for outcome in dry] == ["compressed"] * 6 and contents(tree) == before


def test_what_is_there_already_is_told(tree, tmp_path):
    call("compress", tree / "series", "-o", tmp_path / "out", "--jobs", 1)
    before = contents(tmp_path)
    for sample in ("100 %", "30 %"):
        for options, status in ([], "failed"), (["--resume"], "kept"), (["--force"], "compressed"):
            _, dry = told(tree / "series", "-o", tmp_path / "out", "--dry-run", "--sample", sample, *options)
            assert [outcome["status"] for outcome in dry] == [status] * 6
    assert contents(tmp_path) == before


def test_a_sample_tells_the_rest(tmp_path):
    make_series(tmp_path / "in", range(12))
    status, dry = told(tmp_path / "in", "-o", tmp_path / "out", "--dry-run", "--sample", "25%")
    _, real = told(tmp_path / "in", "-o", tmp_path / "out")
    predicted = [outcome["reason"] == PREDICTED for outcome in dry]
    assert predicted == [False, True, True, True] * 3 and status == 0
    assert [o["status"] for o in dry] == [o["status"] for o in real]
    assert [o["bytes_out"] for o, guess in zip(dry, predicted) if not guess] == [o["bytes_out"] for o in real[::4]]
    sizes = [sum(o["bytes_out"] for o in run) for run in (dry, real)]
    assert abs(sizes[0] / sizes[1] - 1) < 0.02
    assert all(outcome["seconds"] > 0 for outcome in dry)


def test_many_files_are_sampled_of_themselves(tmp_path, monkeypatch):
    make_series(tmp_path / "in", range(10))
    monkeypatch.setattr(dryrun, "ALL", 9)
    _, dry = told(tmp_path / "in", "-o", tmp_path / "out", "--dry-run")
    assert sum(outcome["reason"] == PREDICTED for outcome in dry) == 9


def test_files_are_of_a_kind_by_folder_and_length():
    def task(name: str, size: int) -> Task:
        return Task(Path(name), None, name=name, size=size)

    series = [task(f"a/{number:02}", 1000) for number in range(8)]
    odd, scattered = task("a/99", 9000), [task(f"{letter}/x", 4000) for letter in "bcd"]
    kinds = dryrun._kinds([*scattered, odd, *reversed(series)], 4)
    assert kinds == [series, [odd], scattered]
    assert [(tried.name, len(others)) for tried, others in blocks(series, 0.25)] == [("a/00", 3), ("a/04", 3)]


def test_a_file_that_fails_is_no_neighbour(tmp_path):
    make_series(tmp_path / "in", range(6))
    whole = (tmp_path / "in" / "00.dcm").read_bytes()
    (tmp_path / "in" / "00.dcm").write_bytes(whole[:-2])  # damaged
    (tmp_path / "in" / "01.dcm").unlink()
    (tmp_path / "in" / "01.dcm").symlink_to("nowhere")
    status, dry = told(tmp_path / "in", "-o", tmp_path / "out", "--dry-run", "--sample", "20 %")
    assert status == 1
    assert [o["status"] for o in dry] == ["passed on", "failed", *["compressed"] * 4]
    assert [o["reason"] == PREDICTED for o in dry] == [False, False, False, True, True, True]


@pytest.mark.parametrize("options, reason", [
    (["--dry-run", "--manifest", "x"], "writes nothing"), (["--dry-run", "--sample", "0 %"], "no share"), (["--sample", "5 %"], "goes with --dry-run"),
])  # fmt: skip
def test_what_does_not_go_together_is_told(tree, tmp_path, options, reason):
    ended = call("compress", tree, "-o", tmp_path / "out", *options)
    assert ended.status == 1 and reason in ended.err
