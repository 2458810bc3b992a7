"""Every file of pydicom's test set and of pydicom-data comes back as promised or is passed on (docs/conformance.md)."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[1] / "tools" / "conformance.py"


@pytest.mark.slow
def test_every_file_has_the_outcome_that_is_documented():
    spec = importlib.util.spec_from_file_location("conformance", PATH)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    recorded, found = tool.recorded(), tool.files()
    assert len(recorded) > 250 and set(found) <= set(recorded)
    for name, path in found.items():
        result, reason = tool.outcome(path)
        assert result == recorded[name], f"{name}: {reason}"
