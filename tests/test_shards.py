"""Shards: independent runs that share nothing do every file once, and their reports add up to the whole."""

import json
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from helpers.command import run
from helpers.files import change, pydicom_file
from helpers.folders import contents
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from dicompress import DicompressError, FileError
from dicompress.cli import listed
from dicompress.cli.app import app
from dicompress.cli.part import Part
from dicompress.cli.shards import Shard

EXAMPLES = Path(__file__).parents[1] / "examples" / "cluster"
NAMES = st.text(st.characters(exclude_characters="\0\n\r", codec="utf-8") | st.just("\udcff"), min_size=1)


@dataclass(frozen=True)
class Item:
    name: str
    size: int | None


@given(st.sets(NAMES), st.integers(1, 20))
def test_every_name_is_in_one_shard(names, count):
    shards = [Shard(index, count) for index in range(count)]
    for name in names:
        assert sum(shard.has(name) for shard in shards) == 1


@given(st.lists(st.builds(Item, NAMES, st.integers(0, 10**12) | st.none())), st.integers(1, 20))
def test_every_listed_file_is_in_one_shard_and_sizes_balance(items, count):
    numbered = [Item(f"{number}/{item.name}", item.size) for number, item in enumerate(items)]
    parts = [list(Shard(index, count).balanced(iter(numbered))) for index in range(count)]
    assert sorted((i for part in parts for i in part), key=numbered.index) == numbered
    loads = [sum(item.size or 0 for item in part) for part in parts]
    assert max(loads) - min(loads) <= max((item.size or 0 for item in items), default=0)


def test_a_shard_stays_what_it_is():
    """What runs of today began, later versions go on with."""
    assert [next(i for i in range(8) if Shard(i, 8).has(name)) for name in ("a", "b/ct.dcm", "ä")] == [2, 7, 4]


@pytest.mark.parametrize("text", ["", "1", "8/8", "-1/8", "1/0", "a/b", "1/8/9", " 1/8", "²/8"])
def test_what_is_no_shard_is_told(text):
    with pytest.raises(DicompressError, match="counted from 0"):
        Shard.of(text)


def test_a_listing_is_read_line_by_line_in_both_forms(tmp_path):
    path = tmp_path / "files"
    path.write_bytes(b'12\ta/ct.dcm\n\n3\t./\xff.dcm\r\n{"path": "b\\tc", "size": 7}\n{"path": "d"}\n5\t../e\n5\t/f\n')
    found = list(listed.lines(path))
    assert [(line.name, line.size) for line in found[:4]] == [("a/ct.dcm", 12), ("\udcff.dcm", 3), ("b\tc", 7), ("d", None)]
    assert [bool(line.problem) for line in found] == [False] * 4 + [True] * 2
    tasks = list(listed.tasks(path, ["in"], "out"))
    assert [task.target for task in tasks[3:]] == [Path("out/d"), None, None]


@pytest.mark.parametrize("line", ["a.dcm", "x\ta.dcm", "-3\ta.dcm", "{}", '{"path": 3}', '{"path": "a", "size": "3"}', "{", "[]"])
def test_a_line_that_is_none_is_named(tmp_path, line):
    (tmp_path / "files").write_text(f"1\tb\n{line}\n")
    with pytest.raises(FileError, match="files, line 2: "):
        list(listed.lines(tmp_path / "files"))


def test_a_listing_goes_with_one_folder(tmp_path):
    (tmp_path / "files").write_text("1\tb\n")
    with pytest.raises(FileError, match="single source"):
        list(Part.of(None, tmp_path / "files").tasks(["a", "b"], "out"))


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """Eight files in a tree, one of them damaged."""
    root = tmp_path_factory.mktemp("shards") / "in"
    for number in range(7):
        (root / str(number % 3)).mkdir(parents=True, exist_ok=True)
        (root / str(number % 3) / f"{number}.dcm").write_bytes(change(pydicom_file("MR_small.dcm"), InstanceNumber=number))
    (root / "notes.txt").write_text("no image")
    return root


def shard(*arguments, check=0) -> str:
    return run(*arguments, "--json", "--jobs", 1, check=check).stdout


@pytest.mark.parametrize("by_list", [False, True])
def test_shards_together_do_what_one_run_does(tree, tmp_path, by_list):
    out, reports = tmp_path / "out", []
    options = []
    if by_list:
        (tmp_path / "files").write_text(
            "".join(f"{p.stat().st_size}\t{p.relative_to(tree)}\n" for p in tree.rglob("*") if p.is_file())
        )
        options = ["--listing", tmp_path / "files"]
    for index in range(3):
        reports.append(tmp_path / f"{index}.jsonl")
        reports[-1].write_text(shard("compress", tree, "-o", out, "--shard", f"{index}/3", *options))
    run("compress", tree, "-o", tmp_path / "whole")
    assert contents(out) == contents(tmp_path / "whole")
    merged = run("merge-reports", *reports)
    assert merged.stdout.startswith("3 shards: 7 compressed, 0 passed on, 1 other file copied, 0 failed; ")
    facts = json.loads(run("merge-reports", "--json", *reports).stdout)
    assert (facts["files"], facts["done"], facts["others"], facts["exit_status"], facts["problems"]) == (8, 7, 1, 0, [])
    assert facts["bytes_in"] == sum(map(len, contents(tree).values()))
    assert facts["bytes_out"] == sum(map(len, contents(out).values()))


def merged(tmp_path, *reports: str) -> tuple[int, str]:
    paths = [tmp_path / f"report{number}" for number in range(len(reports))]
    for path, text in zip(paths, reports):
        path.write_text(text)
    result = CliRunner().invoke(app, ["merge-reports", *map(str, paths)])
    return result.exit_code, result.stderr


def line(source: str, part: str = "0/2", **facts) -> str:
    return json.dumps({"source": source, "target": None, "status": "compressed", "shard": part, **facts}) + "\n"


def end(part: str, **facts) -> str:
    return json.dumps({"end": "compress", "shard": part, "files": 1, **facts}) + "\n"


def test_what_is_missing_twice_or_killed_is_told(tmp_path):
    zero, one = line("a") + end("0/2"), line("b", "1/2") + end("1/2")
    assert merged(tmp_path, zero, one) == (0, "")
    assert merged(tmp_path, zero, end("1/2")) == (0, "")  # a shard that got no file
    assert merged(tmp_path, zero) == (1, "dicompress: no report of shard 1 of 2\n")
    assert merged(tmp_path, zero, line("b", "1/2")) == (1, "dicompress: not finished: shard 1 of 2; run again with --resume\n")
    status, told = merged(tmp_path, zero, line("b", "1/2") + '{"sour')
    assert status == 1 and "report1, line 2: it is cut" in told and "not finished: shard 1 of 2" in told
    assert merged(tmp_path, zero, line("a", "1/2") + one) == (1, "dicompress: a: told by shard 0/2 and by shard 1/2\n")
    status, told = merged(tmp_path, zero, one, end("1/3"))
    assert status == 1 and "different runs: of 2, of 3" in told
    status, told = merged(tmp_path, line("a") + end("0/2", listing="x"), end("1/2", listing="y"))
    assert status == 1 and "shards with different listings: x, y" in told


def test_a_run_that_went_on_counts_as_told_last(tmp_path):
    failed = line("a", status="failed", reason="the disk is full")
    assert merged(tmp_path, failed + end("0/1")) != (0, "")
    first, again = failed.replace("0/2", "0/1"), line("a", "0/1", status="kept") + end("0/1")
    assert merged(tmp_path, first + end("0/1"), again) == (0, "")
    status, told = merged(tmp_path, again, first + end("0/1"))
    assert (status, told) == (1, "a: the disk is full\n")


def test_what_is_no_report_is_an_error(tmp_path):
    (tmp_path / "x").write_text("hello\nworld\n")
    result = run("merge-reports", tmp_path / "x", check=1)
    assert "x, line 1: no line of a report" in result.stderr


def test_a_series_is_packed_by_one_shard_whole(tmp_path):
    for number, uid in enumerate(["1.2.3", "1.2.3", "1.2.4", "1.2.5"]):
        data = change(pydicom_file(), SeriesInstanceUID=uid, InstanceNumber=number)
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / "in" / f"{number}.dcm").write_bytes(data)
    (tmp_path / "in" / "cut.dcm").write_bytes(pydicom_file()[:200])
    reports = [shard("pack", tmp_path / "in", "-o", tmp_path / "out", "--shard", f"{i}/2", check=None) for i in range(2)]
    told = [json.loads(line) for report in reports for line in report.splitlines()]
    sources = sorted(facts["source"] for facts in told if "source" in facts)
    assert sources == sorted(map(str, (tmp_path / "in").iterdir()))
    assert sorted(p.name for p in (tmp_path / "out").iterdir() if p.name.startswith("1.")) == [
        "1.2.3.dcma",
        "1.2.4.dcma",
        "1.2.5.dcma",
    ]


def test_verify_takes_shards(tree, tmp_path):
    run("compress", tree, "-o", tmp_path / "out")
    counts = [len(shard("verify", tmp_path / "out", "--shard", f"{i}/2").splitlines()) - 1 for i in range(2)]
    assert sum(counts) == 8 and min(counts) > 0


def command_of(words: list[str]) -> None:
    """Every option is one of the command."""
    command = words[words.index("dicompress") + 1]
    help_text = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "300", "TERM": "dumb"}).stdout
    options = [word for word in words if word.startswith("-")]
    assert options and all(re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", help_text) for option in options)


def test_the_examples_are_sound():
    script = EXAMPLES / "compress.sbatch"
    if bash := shutil.which("bash"):
        subprocess.run([bash, "-n", script], check=True)
    text = script.read_text()
    call = text[text.index('dicompress compress "') :].replace("\\\n", " ").split(">>")[0]
    command_of(shlex.split(call))
    assert "#SBATCH --array=0-" in text
    job = yaml.safe_load((EXAMPLES / "compress.yaml").read_text())
    (container,) = job["spec"]["template"]["spec"]["containers"]
    command_of(container["command"])
    assert job["spec"]["completionMode"] == "Indexed"
    assert container["command"][-1] == f"$(JOB_COMPLETION_INDEX)/{job['spec']['completions']}"
