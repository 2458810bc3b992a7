"""The commands around the archive: a demonstration, pages, the kit for machines without a network."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from .options import Quiet


def demo() -> None:
    """Compress and restore the CT and MR images that come with pydicom, and compare the bytes."""
    from .demo import run

    sys.exit(run())


def compare(
    original: Annotated[Path, typer.Argument(help="A DICOM file.", show_default=False)],
    compressed: Annotated[Path, typer.Argument(help="What was made of it, by dicompress or another.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page.")] = Path("compare.html"),
) -> None:
    """Show an image, its restored form and the error in one page, with figures. Needs the extra: compare.

    For near-lossless files; equal files are said to be identical. Files that do not fit together are an error.
    """
    from .compare import run

    sys.exit(run(original, compressed, output))


def kit(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="A new folder.", show_default=False)],
    wheel: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="dicompress's own wheel.", show_default="packed from what is installed"),
    ] = None,
    extra: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="With what this extra needs, too; may be repeated.", show_default=False)
    ] = None,
) -> None:
    """Write what a machine without a network needs: wheels, golden streams, a bill of materials, a page. Needs the extra: kit.

    The wheels are packed from what is installed here, file by file by its SHA-256, so they fit machines with this system and Python.
    """
    from .kit import run

    sys.exit(run(output, wheel, extra or []))


def merge_reports(
    reports: Annotated[list[Path], typer.Argument(help="What runs with --shard and --json printed.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
    quiet: Quiet = False,
) -> None:
    """Add up the reports of shards; exit status 1 if a file is bad or was told by two, or if a shard is missing or not finished.

    A file that a shard told more than once, as by a run that went on, counts as told last; give reports in their order.
    """
    from .merging import merge

    sys.exit(merge(reports, json, quiet))
