"""Standard input and output as files, and standard output that is full or that nobody reads."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.command import run
from helpers.faults import studies
from helpers.files import pydicom_file
from helpers.folders import contents
from pydicom.data import get_testdata_file

from dicompress.dicom import compress_file, restore_file

CT = Path(get_testdata_file("CT_small.dcm"))
NAMES = ("CT_small.dcm", "MR_small_implicit.dcm", "SC_rgb.dcm", "reportsi.dcm")


def pipe(*arguments, data: bytes = b"", **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "dicompress", *map(str, arguments)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    result = subprocess.run(command, input=data, timeout=300, **options)
    assert b"Traceback" not in (result.stderr or b"") and b"Exception ignored" not in (result.stderr or b""), result.stderr
    return result


@pytest.mark.parametrize("name", NAMES)
def test_a_file_goes_through_pipes_both_ways(name):
    original = pydicom_file(name)
    small = pipe("compress", "-", "-o", "-", data=original)
    assert (small.returncode == 0 and b"1 compressed" in small.stderr) or b"1 passed on" in small.stderr
    assert small.stdout == compress_file(original).data if name != "reportsi.dcm" else original
    back = pipe("decompress", "-", "-o", "-", "--quiet", data=small.stdout)
    assert (back.returncode, back.stdout, back.stderr) == (0, original, b"")


def test_one_end_may_be_a_file(tmp_path):
    small, back = tmp_path / "small.dcm", tmp_path / "back.dcm"
    assert b"1 compressed" in pipe("compress", "-", "-o", small, data=pydicom_file()).stdout
    assert pipe("decompress", small, "-o", "-").stdout == pydicom_file()
    assert pipe("compress", CT, "-o", "-").stdout == small.read_bytes()
    assert pipe("compress", "-", "-o", small, data=pydicom_file()).returncode == 1
    assert pipe("compress", "-", "-o", small, "--resume", data=pydicom_file()).stdout.startswith(b"0 compressed, 1 kept")
    (line,) = pipe("compress", "-", "-o", back, "--json", data=pydicom_file()).stdout.splitlines()
    assert json.loads(line)["source"] == "standard input"


@pytest.mark.parametrize("action", ["compress", "decompress"])
@pytest.mark.parametrize("data", [b"", b"no image", pydicom_file()[:100]])
def test_what_fails_gives_no_bytes(action, data):
    result = pipe(action, "-", "-o", "-", data=data)
    assert (result.returncode, result.stdout) == (1, b"") and result.stderr.startswith(b"standard input: ")
    assert pipe(action, "-", "-o", "-", "--others", "copy", data=data).stdout == data


def test_damaged_data_passes_and_is_told():
    result = pipe("compress", "-", "-o", "-", data=pydicom_file()[:300])
    assert (result.returncode, result.stdout) == (1, pydicom_file()[:300])
    assert result.stderr.startswith(b"standard input: passed on, damaged: ")
    damaged = compress_file(pydicom_file()).data[:-700]
    result = pipe("decompress", "-", "-o", "-", data=damaged)
    assert (result.returncode, result.stdout) == (1, b"")


@pytest.mark.parametrize(
    "arguments",
    [
        ("compress", CT, CT, "-o", "-"), ("compress", "-", CT, "-o", "x"), ("compress", "-", "-", "-o", "-"),
        ("compress", "-", "-o", "-", "--json"), ("decompress", "-", "-o", "-", "--resume"),
        ("decompress", CT, "-o", "-", "--force"),
        ("compress", "-", "-o", "folder/"), ("compress", "-", "-o", "."), ("compress", ".", "-o", "-"),
        ("compress", "-", "--in-place"), ("verify", "-"), ("strip", "-"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_clear_line(tmp_path, arguments):
    result = pipe(*arguments, data=pydicom_file(), cwd=tmp_path)
    assert result.returncode == 1 and result.stdout == b"" and result.stderr.count(b"\n") == 1
    assert result.stderr.startswith(b"dicompress: ") and contents(tmp_path) == {}


def test_a_file_of_that_name(tmp_path):
    (tmp_path / "-").write_bytes(pydicom_file())
    assert pipe("compress", "./-", "-o", "out", cwd=tmp_path).returncode == 0
    assert restore_file((tmp_path / "out").read_bytes()).data == pydicom_file()
    (tmp_path / "out").unlink()
    assert pipe("compress", ".", "-o", "out", cwd=tmp_path).returncode == 0 and (tmp_path / "out" / "-").is_file()


@pytest.mark.parametrize("action", ["compress", "decompress"])
def test_nothing_is_written_to_a_terminal(action):
    ours, theirs = pty.openpty()
    result = pipe(action, CT, "-o", "-", stdout=theirs)
    os.close(theirs)
    assert result.returncode == 1 and b"no text for a terminal" in result.stderr
    with pytest.raises(OSError):
        os.read(ours, 1)


# Standard output that takes nothing

FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")


@pytest.mark.slow
@FULL
@pytest.mark.parametrize("options", [("--json",), ("--json", "--jobs", 1), ()])
def test_a_full_device_ends_in_one_line_and_work_done_stays(tmp_path, options):
    source, target = studies(tmp_path / "in", 3), tmp_path / "out"
    with open("/dev/full", "w") as full:
        result = pipe("compress", source, "-o", target, *options, stdout=full)
    lines = [line for line in result.stderr.decode().splitlines() if "passed on" not in line]
    assert (result.returncode, lines) == (1, ["dicompress: cannot write to standard output: No space left on device"])
    done = contents(target)
    assert done and all(
        restore_file(data).data == (source / name).read_bytes() for name, data in done.items() if name != "report.dcm"
    )
    assert run("compress", source, "-o", target, "--resume", "--json").returncode == 0


@FULL
@pytest.mark.parametrize(
    "arguments", [("--version",), ("--help",), ("compress", "--help"), ("info", "SMALL", "--json"), ("info", "SMALL")]
)
def test_other_commands_on_a_full_device(tmp_path, arguments):
    small = tmp_path / "small.dcm"
    small.write_bytes(compress_file(pydicom_file()).data)
    with open("/dev/full", "w") as full:
        result = pipe(*(small if a == "SMALL" else a for a in arguments), stdout=full)
    assert result.returncode == 1 and result.stderr.decode().splitlines()[-1].endswith("No space left on device")


@FULL
@pytest.mark.parametrize("action", ["compress", "decompress"])
def test_a_file_that_does_not_fit(action):
    with open("/dev/full", "wb") as full:
        data = pydicom_file() if action == "compress" else compress_file(pydicom_file()).data
        result = pipe(action, "-", "-o", "-", data=data, stdout=full)
    assert result.returncode == 1 and b"standard input: cannot write to standard output: No space left" in result.stderr


@FULL
def test_messages_that_cannot_be_written_stop_nothing(tmp_path):
    source = studies(tmp_path / "in", 2)
    with open("/dev/full", "w") as full:
        assert pipe("compress", source, "-o", tmp_path / "out", stderr=full).returncode == 0
    assert contents(tmp_path / "out").keys() == contents(source).keys()


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_reader_that_goes_away(tmp_path, jobs):
    source = studies(tmp_path / "in", 6)
    read, write = os.pipe()
    command = [sys.executable, "-m", "dicompress", "compress", source, "-o", tmp_path / "out", "--json", "--jobs", str(jobs)]
    process = subprocess.Popen([str(c) for c in command], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    os.read(read, 10)
    os.close(read)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (1, "dicompress: cannot write to standard output: Broken pipe\n")
    assert contents(tmp_path / "out")
