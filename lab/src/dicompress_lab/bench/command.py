"""`dicompress bench`: progress while it runs, the report's files at its end."""

from __future__ import annotations

import shlex
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from dicompress.disk import targets

from . import report
from .run import installed
from .run import run as measure

INTERRUPTED = 130


def run(folders: list[Path], names: list[str], output: Path, jobs: int, catalogue=None) -> int:
    """Exit status: 0; 1 if a codec lost an image; 130 if interrupted. catalogue: other codecs than the package's."""
    page = _page(output)
    journal = page.with_suffix(".jsonl")
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    columns = (
        TextColumn("bench"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    bar = progress.add_task("", total=None)
    try:
        with progress:
            outcome = measure(
                folders, names, jobs, journal,
                lambda done, total, text: progress.update(bar, completed=done, total=total, description=text),
                catalogue or installed,
            )  # fmt: skip
        for suffix, data in report.files(outcome, jobs, _command(folders, names, output, jobs)).items():
            targets.write(page.with_suffix(suffix), data)
    except KeyboardInterrupt:
        console.print(f"interrupted; what was measured is in {journal}: run the same command again to go on", markup=False)
        return INTERRUPTED
    for found in outcome.failed:
        console.print(f"{found.path}: {found.codec}: {found.reason}", style="red", markup=False)
    for codec in outcome.codecs:
        if codec.missing:
            console.print(f"{codec.name} cannot run here: {codec.missing}", style="yellow", markup=False)
    counts = f"{outcome.resumed} from before, {len(outcome.failed)} failed"
    print(
        f"images: {len(outcome.images)}, not measured: {len(outcome.refused)}; "
        f"measurements: {len(outcome.measurements)} ({counts}); report: {page}"
    )
    return int(bool(outcome.failed))


def _page(output: Path) -> Path:
    if output.is_dir():
        return output / "bench.html"
    return output if output.suffix == ".html" else output.with_name(f"{output.name}.html")


def _command(folders: list[Path], names: list[str], output: Path, jobs: int) -> str:
    options = [text for name in names for text in ("--codec", name)]
    return shlex.join(["dicompress", "bench", *map(str, folders), *options, "-o", str(output), "--jobs", str(jobs)])
