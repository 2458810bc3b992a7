"""What the documents show is what happens: their Python and shell blocks are run, in order, and what they say is printed is compared."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from doctest import ELLIPSIS, OutputChecker
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

import dicompress
from dicompress.dicom import compress_file

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(python|sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = 'dicompress() { "$PYTHON" -m dicompress "$@"; }\n'


def blocks(document: str) -> list[tuple[str, str]]:
    """(language, code) of a document's fenced blocks; `text` is what the block before it prints."""
    return BLOCK.findall((ROOT / document).read_text(encoding="utf-8"))


def run(document: str, names: dict) -> int:
    """Run a document's blocks in this folder, all Python in the same `names`; how many there were."""
    printed, found = "", blocks(document)
    for number, (language, code) in enumerate(found):
        if language == "python":
            with redirect_stdout(StringIO()) as out:
                exec(compile(code, f"{document}, block {number + 1}", "exec"), names)
            printed = out.getvalue()
        elif language == "sh":
            printed = shell(code)
        else:
            assert OutputChecker().check_output(code, printed, ELLIPSIS), f"{document} says\n{code}\nbut it is\n{printed}"
    return len(found)


def shell(code: str) -> str:
    """What it prints on either stream, which must not fail."""
    result = subprocess.run(
        ["bash", "-euc", COMMAND + code], check=False, text=True, encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=os.environ | {"PYTHON": sys.executable, "COLUMNS": "200"},
    )  # fmt: skip
    assert result.returncode == 0, result.stdout
    return result.stdout


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="the first hour is typed into a shell: no bash here")
@pytest.mark.slow
def test_the_first_hour_goes_as_it_is_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("docs/first-hour.md", {}) > 15


def test_the_readme_s_python_runs(tmp_path, monkeypatch, ct_path, ct_pixels):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ct_path, "ct.dcm")
    Path("SMALL").mkdir()
    Path("SMALL/ct.dcm").write_bytes(compress_file(Path("ct.dcm").read_bytes()).data)
    volume = np.stack([ct_pixels + k for k in range(8)])
    code = "".join(code for language, code in blocks("README.md") if language == "python")
    names = {"array": volume, "volume": volume}
    exec(compile(code, "README.md", "exec"), names)
    assert np.array_equal(names["array"], volume)
    assert np.abs(dicompress.decode(names["rough"]).astype(int) - volume).max() == 2
    assert np.array_equal(dicompress.decode(names["small"]), volume)
    assert names["early"].shape == (8, 32, 32)


@pytest.mark.parametrize("guide", ["docs/guides/arrays.md"])
def test_the_python_of_a_guide_runs(guide, tmp_path, monkeypatch):
    pytest.importorskip("zarr")
    monkeypatch.chdir(tmp_path)
    assert run(guide, {})
