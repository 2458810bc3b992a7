"""`dicompress demo`: the main job on images at hand."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

IMAGES = ("CT_small.dcm", "MR_small.dcm")


@dataclass(frozen=True)
class Row:
    name: str
    codec: str
    coded_bytes: int
    pixels: int
    bits_allocated: int
    bits_stored: int


def run() -> int:
    """Exit status 0 if every file came back byte for byte."""
    from pydicom.data import get_testdata_file

    from ..dicom import compress_file, describe, restore_file
    from ..disk import targets

    rows, same = [], True
    with tempfile.TemporaryDirectory() as folder:
        for name in IMAGES:
            source = Path(str(get_testdata_file(name)))
            target = Path(folder) / name
            targets.write(target, compress_file(source.read_bytes()).data)
            same = same and restore_file(target.read_bytes()).data == source.read_bytes()
            facts = describe(target.read_bytes())
            pixels, bits = facts.rows * facts.columns, (facts.bits_allocated, facts.bits_stored)
            rows.append(Row(name, f"dicompress {facts.model}", facts.coded_bytes, pixels, *bits))
            rows.append(Row(name, "JPEG 2000 lossless", _jpeg2000_bytes(source), pixels, *bits))
    _print(rows)
    print("restored files are identical, byte for byte" if same else "RESTORED FILES DIFFER")
    return 0 if same else 1


def _jpeg2000_bytes(source: Path) -> int:
    """Bytes of the pixels as a JPEG 2000 lossless code stream."""
    from imagecodecs import jpeg2k_encode
    from pydicom import dcmread

    return len(jpeg2k_encode(dcmread(source).pixel_array, level=0, reversible=True, codecformat="j2k"))


def _print(rows: list[Row]) -> None:
    table = Table("image", "codec")
    for heading in ("bytes", "bits per pixel", "ratio (allocated)", "ratio (stored)"):
        table.add_column(heading, justify="right", no_wrap=True)
    for r in rows:
        bits = 8 * r.coded_bytes / r.pixels
        ratios = (f"{r.bits_allocated / bits:.2f}", f"{r.bits_stored / bits:.2f}")
        table.add_row(r.name, r.codec, str(r.coded_bytes), f"{bits:.3f}", *ratios)
    Console(width=max(Console().width, 100)).print(table)
