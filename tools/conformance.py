"""Compress and restore every file of pydicom's test set and of pydicom-data; writes the table of docs/conformance.md."""

import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pydicom

import dicompress.pydicom  # noqa: F401
from dicompress.dicom import PassedOn, compress_or_pass_on, restore_file

DOCUMENT = Path(__file__).parents[1] / "docs" / "conformance.md"
MARK = "<!-- tools/conformance.py writes what follows -->\n"
SAME, PIXELS, PASSED_ON, DAMAGED = "same bytes", "same pixels", "passed on", "damaged"


def files() -> dict[str, Path]:
    """Name in the table: path. Of pydicom-data only if it is installed."""
    roots = {"pydicom": Path(pydicom.__file__).parent / "data"}
    if spec := find_spec("data_store"):
        roots["pydicom-data"] = Path(spec.origin).parent / "data"
    found = {f"{name}/{f.relative_to(root).as_posix()}": f for name, root in roots.items() for f in root.rglob("*")}
    return {n: f for n, f in sorted(found.items()) if f.is_file() and (f.suffix == ".dcm" or f.read_bytes()[128:132] == b"DICM")}


def outcome(path: Path) -> tuple[str, str]:
    """What became of a file, and why it was passed on. AssertionError if a promise was broken."""
    data = path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = compress_or_pass_on(data, threads=1)
        if isinstance(result, PassedOn):
            return (DAMAGED if result.damaged else PASSED_ON), result.reason
        restored = restore_file(result.data, threads=1).data
        assert len(result.data) < len(data), f"{path} grew"
        if restored == data:
            return SAME, ""
        before, after = (pydicom.dcmread(pydicom.filebase.DicomBytesIO(d)) for d in (data, restored))
        assert np.array_equal(before.pixel_array, after.pixel_array), f"{path} changed"
        return PIXELS, before.file_meta.TransferSyntaxUID.name


def outcomes() -> dict[str, tuple[str, str]]:
    found = files()
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        return dict(zip(found, pool.map(outcome, found.values(), chunksize=8)))


def recorded() -> dict[str, str]:
    """The outcomes in the document."""
    rows = DOCUMENT.read_text().split(MARK)[1].splitlines()
    cells = [[c.strip() for c in row.strip("|").split("|")] for row in rows if row.startswith("| pydicom")]
    return {name: result for name, result, *_ in cells}


def main() -> None:
    found = outcomes()
    counts = Counter(result for result, _ in found.values())
    rows = "".join(f"| {name} | {result} | {reason.replace('|', ' ')} |\n" for name, (result, reason) in found.items())
    summary = ", ".join(f"{count} {result}" for result, count in counts.most_common())
    text = f"\n{len(found)} files: {summary}.\n\n| file | outcome | transfer syntax, or reason |\n|---|---|---|\n{rows}"
    DOCUMENT.write_text(DOCUMENT.read_text().split(MARK)[0] + MARK + text)
    print(summary)


if __name__ == "__main__":
    main()
