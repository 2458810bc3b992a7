"""The version stands in several places, and is one."""

import re
import tomllib
from pathlib import Path

import pytest

import dicompress

ROOT = Path(__file__).parents[1]


def test_the_package_says_what_is_built():
    assert dicompress.__version__ == tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


@pytest.mark.parametrize(
    ("document", "pattern"),
    [
        ("CITATION.cff", r"^version: (\S+)$"),
        ("CHANGELOG.md", r"^## ([\d.]+)"),
        ("lab/pyproject.toml", r'^version = "(\S+)"$'),
    ],
)
def test_documents_and_the_lab_say_the_same(document, pattern):
    found = re.search(pattern, (ROOT / document).read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    assert found[1] == dicompress.__version__
