"""Inputs that once took gigabytes or long, or raised an error of another kind: tests/findings, named after what they did.

Bare streams are .dcmp, DICOM files .dcm. fuzz/README.md tells how such files are found.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FINDINGS = sorted((HERE / "findings").iterdir())
SECONDS = 20  # of processor time, on a machine that others use, too
MEMORY = 256 << 20  # more than before the first of them, which none may take


@pytest.fixture(scope="module")
def found():
    command = [sys.executable, "-m", "helpers.finding_run"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=HERE)
    facts = {fact["name"]: fact for fact in map(json.loads, run.stdout.splitlines())}
    assert run.returncode == 0, run.stderr + f"after {[*facts][-1:]}"  # a crash would be a negative one
    return facts


@pytest.mark.parametrize("path", FINDINGS, ids=lambda path: path.name)
def test_an_error_of_ours_soon_and_for_little_memory(found, path):
    fact = found[path.name]
    expected = "StreamError" if path.suffix == ".dcmp" else "DicompressError"
    assert fact["errors"] and all(expected in kinds for kinds in fact["errors"])
    assert fact["seconds"] < SECONDS and fact["memory"] < MEMORY
