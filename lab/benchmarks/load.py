"""Write docs/load.md: a folder of 2,000 files of mixed kinds, compressed in one run, against the same files kind by kind.

    python lab/benchmarks/load.py DATA/dev [--files 2000] [-o docs/load.md]

The images of DATA are altered, copy by copy, and wrapped into objects of all kinds (load_files.py) in a temporary folder.
Checked: every file's outcome; memory stays flat; the summary's throughput is that of the parts; all cores are busy; `verify`
finds nothing bad. Exit status 1 if one of them is not so. Linux only; numbers mean something on an idle machine.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import sys
import tempfile
from collections import Counter
from datetime import date
from importlib.metadata import version
from pathlib import Path

from load_files import DAMAGED, DONE, KINDS, PASSED_ON, File, make_files
from load_watch import Run, watch

from dicompress_lab.bench.environment import processor

TOLERANCE = 0.10  # of the parts' sum, and for how much memory may grow
BUSY = 0.90  # of all cores, from the start of the work to the last few files
TOO_LARGE = "compressed it would take"
GREW = "would have grown"  # passed on, as it should be
EQUAL = "CT"  # a kind whose files are all of one size
EDGE = 5.0  # seconds at either end of a run when cores may idle: processes start, and the last files end
SUMMARY = re.compile(
    r"(?P<done>\d+) compressed, (?P<passed_on>\d+) passed on, (?:(?P<damaged>\d+) damaged, )?(?P<failed>\d+) failed; "
    r".*ratio (?P<ratio>[\d.]+); (?P<speed>[\d.]+) megapixels a second"
)
VERIFIED = re.compile(r"(\d+) verified, (\d+) not ours, (\d+) bad")


def compress(source: Path, target: Path, folder: Path) -> Run:
    return watch([sys.executable, "-m", "dicompress", "compress", str(source), "-o", str(target)], folder)


def summary(run: Run) -> dict[str, float]:
    found = SUMMARY.search(run.output)
    if not found:
        raise SystemExit(f"no summary (exit status {run.status}): {run.output[-500:]}\n{run.errors[-2000:]}")
    return {name: float(value or 0) for name, value in found.groupdict().items()}


def outcomes(run: Run, files: list[File], source: Path, target: Path) -> dict[Path, str]:
    """By the targets, and the lines on standard error: one for each damaged file, a few for others."""
    damaged = {line.partition(f": {PASSED_ON}, {DAMAGED}: ")[0] for line in run.errors.splitlines() if f", {DAMAGED}: " in line}
    found = {}
    for file in files:
        small = target / file.path.relative_to(source)
        if not small.exists():
            found[file.path] = "absent"
        elif small.read_bytes() != file.path.read_bytes():
            found[file.path] = DONE
        else:
            found[file.path] = DAMAGED if str(file.path) in damaged else GREW if file.outcome == DONE else PASSED_ON
    return found


def told_to_grow(run: Run) -> int:
    """How many files were passed on because they would have grown."""
    counted = re.search(rf"^(\d+) files: {PASSED_ON}: {TOO_LARGE}", run.errors, re.MULTILINE)
    return int(counted[1]) if counted else run.errors.count(f": {PASSED_ON}: {TOO_LARGE}")


def parts(files: list[File], folder: Path) -> dict[str, Run]:
    """A run for each kind, its files alone."""
    found = {}
    for kind in KINDS:
        place = folder / "part"
        place.mkdir()
        for file in files:
            if file.kind == kind:
                os.link(file.path, place / file.path.name)
        found[kind] = compress(place, folder / "small part", folder)
        shutil.rmtree(place)
        shutil.rmtree(folder / "small part", ignore_errors=True)
    return found


def quarters(run: Run) -> list[tuple[float, float]]:
    """Peak memory in MB and cores in use, quarter by quarter."""
    found = []
    for k in range(4):
        inside = [s for s in run.samples if k <= 4 * s.seconds / run.seconds < k + 1]
        rates = (inside[-1].cpu - inside[0].cpu) / max(inside[-1].seconds - inside[0].seconds, 1e-9) if inside else 0.0
        found.append((max((s.memory for s in inside), default=0) / 1e6, rates))
    return found


def growth(run: Run) -> float:
    """Of the peak memory, from the first quarter to the last."""
    peaks = [peak for peak, _ in quarters(run)]
    return peaks[3] / peaks[0] - 1


def cores_in_use(run: Run) -> float:
    """Without the edges."""
    inside = [s for s in run.samples if EDGE <= s.seconds <= run.seconds - EDGE]
    if len(inside) < 2:
        return 0.0
    return (inside[-1].cpu - inside[0].cpu) / (inside[-1].seconds - inside[0].seconds)


def checks(files: list[File], run: Run, alone: dict[str, Run], verify: Run, found: dict[Path, str]) -> list[tuple]:
    """What was promised, whether it is so, and the figures. found: what became of each file."""
    cores, told = os.cpu_count() or 1, summary(run)
    wanted = Counter(f.outcome for f in files)
    grew = [f for f in files if f.outcome == DONE and found[f.path] == GREW]
    wrong = [f for f in files if found[f.path] != f.outcome and f not in grew]
    measured = sum(f.pixels for f in files) / 1e6 / run.seconds
    seconds = sum(r.seconds for r in alone.values())
    grown, grown_alone = growth(run), growth(alone[EQUAL])
    counts = [int(n) for n in VERIFIED.search(verify.output).groups()] if VERIFIED.search(verify.output) else []
    return [
        ("outcomes", not wrong and told["done"] + len(grew) == wanted[DONE] and told["damaged"] == wanted[DAMAGED]
         and told["failed"] == 0 and len(grew) == told_to_grow(run),
         f"{told['done']:.0f} compressed, {told['passed_on']:.0f} passed on, {told['damaged']:.0f} damaged; passed on because "
         f"they would have grown: {', '.join(f.kind for f in grew) or 'none'}; not as expected: "
         + (", ".join(sorted({f"{f.kind} ({found[f.path]})" for f in wrong})) or "none")),
        ("exit status", run.status == int(wanted[DAMAGED] > 0), f"{run.status}, as {wanted[DAMAGED]} files are damaged"),
        ("the summary's throughput is right", abs(told["speed"] / measured - 1) < TOLERANCE,
         f"{told['speed']:.2f} megapixels a second; pixels by the clock: {measured:.2f}"),
        ("as fast as the parts", abs(run.seconds / seconds - 1) < TOLERANCE,
         f"{run.seconds:.1f} s, the parts {seconds:.1f} s: {100 * (run.seconds / seconds - 1):+.1f} %"),
        ("memory is flat", max(grown, grown_alone) <= TOLERANCE,
         f"peak of the last quarter {100 * grown:+.1f} % against the first (the largest files are first); "
         f"of the {EQUAL} files alone, all of one size, {100 * grown_alone:+.1f} %"),
        ("all cores are busy", cores_in_use(run) >= BUSY * cores,
         f"{cores_in_use(run):.2f} of {cores} but for {EDGE:.0f} s at either end, {run.cpu / run.seconds:.2f} in all"),
        ("verify", verify.status == run.status and counts == [told["done"], told["passed_on"], told["damaged"]],
         verify.output.strip()),
    ]  # fmt: skip


def by_kind(files: list[File], alone: dict[str, Run]) -> str:
    lines = ["| kind | files | MB | megapixels | s | megapixels a second | peak MB | cores |", "|---" + "|---:" * 7 + "|"]
    for kind, run in alone.items():
        mine = [f for f in files if f.kind == kind]
        pixels, size = sum(f.pixels for f in mine) / 1e6, sum(f.path.stat().st_size for f in mine) / 1e6
        peak = max((s.memory for s in run.samples), default=0) / 1e6
        speed = f"{pixels / run.seconds:.2f}" if pixels else ""
        cells = (kind, len(mine), f"{size:.1f}", f"{pixels:.1f}", f"{run.seconds:.1f}", speed, f"{peak:.0f}")
        lines.append("| " + " | ".join(map(str, cells)) + f" | {run.cpu / run.seconds:.2f} |")
    return "\n".join(lines)


def page(
    files: list[File], wanted: int, load: float, run: Run, alone: dict[str, Run], verify: Run, became: dict[Path, str]
) -> tuple[str, bool]:
    found = checks(files, run, alone, verify, became)
    rows = "\n".join(f"| {name} | {'yes' if good else '**no**'} | {figures} |" for name, good, figures in found)
    memory = "\n".join(f"| {k + 1} | {peak:.0f} | {cores:.2f} |" for k, (peak, cores) in enumerate(quarters(run)))
    libraries = ", ".join(f"{n} {version(n)}" for n in ("dicompress", "numpy", "pydicom"))
    size = sum(f.path.stat().st_size for f in files) / 1e6
    text = f"""# Load test

{len(files)} files of mixed kinds, {size:.0f} MB: compressed in one run, then kind by kind; then `dicompress verify`.

    pip install . ./lab && python lab/benchmarks/load.py DATA/dev --files {wanted}

{date.today()}; {os.cpu_count()} cores, {processor()}, Python {platform.python_version()}; {libraries}.
Load average before the start: {load:.2f}.
The files are copies of real images, flipped, moved and with other noise in one pixel of a hundred, so that no two are equal.

| | as promised | |
|---|---|---|
{rows}

## The run, quarter by quarter

Memory is the proportional set size of all processes, once a second.

| quarter | peak MB | cores in use |
|---|---:|---:|
{memory}

## Kind by kind

Each kind's files in a run of their own; the time includes the start of the processes.

{by_kind(files, alone)}
"""
    return text, all(good for _, good, _ in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("-o", "--output", type=Path, default=Path("docs/load.md"))
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = make_files(arguments.folder, folder / "files", arguments.files)
        run = compress(folder / "files", folder / "small", folder)
        verify = watch([sys.executable, "-m", "dicompress", "verify", str(folder / "small")], folder)
        became = outcomes(run, files, folder / "files", folder / "small")
        shutil.rmtree(folder / "small")
        text, good = page(files, arguments.files, load, run, parts(files, folder), verify, became)
    arguments.output.write_text(text)
    print(text)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
