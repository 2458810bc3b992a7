"""The example notebook: it runs as it stands, on the images that come with pydicom, and no outputs of anybody's are kept in it."""

from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "bench.ipynb"
nbformat = pytest.importorskip("nbformat", reason="nbformat, nbclient and ipykernel execute the notebook: pip install './lab[test]'")


@pytest.mark.slow
def test_it_measures_and_writes_its_report(tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.delenv("DICOMPRESS_BENCH", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    assert "3 images, 15 measurements, 0 failed, 0 not measured" in printed
    assert "pyramid | " in printed
    assert {path.suffix for path in tmp_path.glob("*/report.*")} == {".html", ".csv", ".json", ".jsonl"}


def test_it_holds_no_outputs():
    cells = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)
