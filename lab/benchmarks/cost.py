"""Print core-hours and prices a terabyte by modality, and what it saves a year, as a table for docs/scale.md.

    python lab/benchmarks/cost.py DATA/dev [--keep FOLDER] [--core-hour 0.04] [--gigabyte-month 0.023]

Each folder of DATA/dev (ct, mr, cr) is first written uncompressed, then compressed and proved by one process; its work is what the
system says that it took of processors (user and system), which hardly depends on what else the machine does. A terabyte is 10^12 bytes of
uncompressed files; the last column is against the files as they lie in DATA/dev, most of them in JPEG 2000. Prices are assumptions, to
be replaced by your own: what a core costs for an hour, what a gigabyte costs for a month.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TERABYTE, GIGABYTE = 1e12, 1e9


def run(*arguments: object, report: Path | None = None) -> float:
    """Seconds of processors."""
    command = [sys.executable, "-m", "dicompress", *map(str, arguments)]
    with (report or Path(os.devnull)).open("w") as file:
        process = subprocess.Popen(command, stdout=file)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return used.ru_utime + used.ru_stime


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--keep", type=Path, help="a folder for the reports")
    parser.add_argument("--core-hour", type=float, default=0.04)
    parser.add_argument("--gigabyte-month", type=float, default=0.023)
    options = parser.parse_args()
    print(
        "| | files | megapixels | megapixels a second and core | core-hours a TB | price a TB | of a TB stays | saved a TB and year |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for folder in sorted(path for path in options.data.iterdir() if path.is_dir()):
        with tempfile.TemporaryDirectory() as work:
            native, small = Path(work, "native"), Path(work, "small")
            run("transcode", folder, "-o", native, "--to", "native", "--jobs", 1, "-q")
            keep = options.keep or Path(work)
            keep.mkdir(parents=True, exist_ok=True)
            report = keep / f"{folder.name}.jsonl"
            seconds = run("compress", native, "-o", small, "--jobs", 1, "--json", report=report)
            before, after = size(native), size(small)
        lines = [json.loads(line) for line in report.read_text().splitlines()]
        megapixels = sum(line["pixels"] for line in lines) / 1e6
        hours = seconds / before * TERABYTE / 3600
        saved = (1 - after / before) * TERABYTE / GIGABYTE * options.gigabyte_month * 12
        print(
            f"| {folder.name} | {len(lines)} | {megapixels:.1f} | {megapixels / seconds:.2f} | {hours:.0f} | "
            f"{hours * options.core_hour:.2f} | {100 * after / before:.1f} % | {saved:.0f} | {100 * after / size(folder):.1f} % |"
        )  # fmt: skip
    print(f"\nAssumed: {options.core_hour} for a core and hour, {options.gigabyte_month} for a gigabyte and month.")


if __name__ == "__main__":
    main()
