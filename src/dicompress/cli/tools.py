"""The commands around the archive: a demonstration, measurements, pages and training."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from ..errors import DicompressError
from .options import CORES

Page = Annotated[Path, typer.Option("--output", "-o", help="The report; .csv, .json and .jsonl beside it.")]


def demo() -> None:
    """Compress and restore the CT and MR images that come with pydicom, and compare the bytes."""
    from .demo import run

    sys.exit(run())


def bench(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of DICOM files, or files.")],
    codec: Annotated[
        Optional[list[str]],
        typer.Option(metavar="NAME", help="A codec; can be repeated. fast: all but slow ones; all.", show_default="fast"),
    ] = None,
    output: Page = Path("bench.html"),
    jobs: Annotated[int, typer.Option(min=1, help="Images at a time.", show_default="one a core")] = CORES,
) -> None:
    """Measure codecs on your own images and write a report. Needs the extra: bench.

    Run again, it goes on from the .jsonl, so that a codec named later is all that is measured. Exit status 1 if a codec
    does not give an image back.
    """
    from .bench import run

    sys.exit(run(folders, codec or [], output, jobs))


def compare(
    original: Annotated[Path, typer.Argument(help="A DICOM file.", show_default=False)],
    compressed: Annotated[Path, typer.Argument(help="What was made of it, by dicompress or another.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The page.")] = Path("compare.html"),
) -> None:
    """Show an image, its restored form and the error in one page, with figures. Needs the extra: bench.

    For near-lossless files; equal files are said to be identical. Files that do not fit together are an error.
    """
    from .compare import run

    sys.exit(run(original, compressed, output))


def train(
    model: Annotated[str, typer.Argument(help="The model to train: pyramid, reference, l3c or srec.")],
    data: Annotated[
        list[Path],
        typer.Option(help="Folder of DICOM files; one folder a series, files in a row numbered. May be given several times."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint.pt, log.csv and log.png; resumes what is there.")],
    steps: Annotated[int, typer.Option(min=1)] = 20000,
    batch: Annotated[int, typer.Option(min=1, help="Patches a step.")] = 8,
    features: Annotated[
        Optional[int],
        typer.Option(min=8, help="Channels of the network.", show_default="32"),
    ] = None,
    start: Annotated[Optional[Path], typer.Option(help="Checkpoint of a pyramid whose weights a new one begins with.")] = None,
    seed: int = 0,
) -> None:
    """Train a model on your own images. Needs the extra: train."""
    _check_installed()
    from ..training import by_name, train

    recipe = by_name(model)
    config = recipe.Config(features=features) if features else recipe.Config()
    print(train(model, data, out, config, recipe.Schedule(steps=steps, batch=batch, seed=seed), start=start))


def export(
    checkpoint: Annotated[Path, typer.Argument(help="checkpoint.pt of a training.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder for the integer networks and the model card.")],
) -> None:
    """Turn a checkpoint into the integer network, and prove that no sum in it leaves 24 bits."""
    _check_installed()
    from ..training import export_checkpoint

    for name, sums in export_checkpoint(checkpoint, out).items():
        print(f"{name}: largest possible sum {sums['largest_sum']} < 2**24")


def _check_installed() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("torch", "onnx", "matplotlib") if find_spec(name) is None]
    if missing:
        raise DicompressError(f"training needs {', '.join(missing)}: pip install 'dicompress[train]'")
