"""The commands around the archive: a demonstration and pages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


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
