"""The commands of `dicompress` that the lab adds: measurements and training (entry points in pyproject.toml)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from dicompress.cli.options import CORES
from dicompress.errors import DicompressError

Page = Annotated[Path, typer.Option("--output", "-o", help="The report; .csv, .json and .jsonl beside it.")]


def bench(
    folders: Annotated[list[Path], typer.Argument(metavar="DIR...", help="Folders of DICOM files, or files.")],
    codec: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A codec; can be repeated. fast: all but slow ones; all.", show_default="fast"),
    ] = None,
    output: Page = Path("bench.html"),
    jobs: Annotated[int, typer.Option(min=1, help="Images at a time.", show_default="one a core")] = CORES,
) -> None:
    """Measure codecs on your own images and write a report.

    Run again, it goes on from the .jsonl, so that a codec named later is all that is measured. Exit status 1 if a codec
    does not give an image back.
    """
    from .bench.command import run

    sys.exit(run(folders, codec or [], output, jobs))


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
        int | None,
        typer.Option(min=8, help="Channels of the network.", show_default="32"),
    ] = None,
    start: Annotated[Path | None, typer.Option(help="Checkpoint of a pyramid whose weights a new one begins with.")] = None,
    seed: int = 0,
) -> None:
    """Train a model on your own images. Needs torch."""
    _check_installed()
    from .training import by_name, train

    recipe = by_name(model)
    config = recipe.Config(features=features) if features else recipe.Config()
    print(train(model, data, out, config, recipe.Schedule(steps=steps, batch=batch, seed=seed), start=start))


def export(
    checkpoint: Annotated[Path, typer.Argument(help="checkpoint.pt of a training.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder for the integer networks and the model card.")],
) -> None:
    """Turn a checkpoint into the integer network, and prove that no sum in it leaves 24 bits."""
    _check_installed()
    from .training import export_checkpoint

    for name, sums in export_checkpoint(checkpoint, out).items():
        print(f"{name}: largest possible sum {sums['largest_sum']} < 2**24")


def _check_installed() -> None:
    from importlib.util import find_spec

    if find_spec("torch") is None:
        raise DicompressError("training needs torch: pip install torch, or './lab[train]' in a checkout of dicompress")
