"""The commands of `dicompress` (typer)."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Optional

import typer

from .. import __version__
from ..errors import DicompressError

app = typer.Typer(
    help="Learned compression of DICOM images, lossless or with a bounded error, bit-exact on every machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Sources = Annotated[list[Path], typer.Argument(help="Files and folders; folders are walked.", show_default=False)]
Target = Annotated[
    str, typer.Option("--output", "-o", metavar="PATH", help="File, or folder (PATH/) that keeps the sources' tree.")
]
Jobs = Annotated[int, typer.Option(min=1, help="Files at a time.", show_default="one a core")]
Force = Annotated[bool, typer.Option("--force", help="Replace targets that exist.")]
Resume = Annotated[bool, typer.Option("--resume", help="Keep targets that are right already; do damaged ones again.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a file on standard output, nothing else there.")]
Page = Annotated[Path, typer.Option("--output", "-o", help="The report; .csv, .json and .jsonl beside it.")]
CORES = os.cpu_count() or 1


def main() -> None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    try:
        app()
    except DicompressError as error:
        print(f"dicompress: {error}", file=sys.stderr)
        sys.exit(1)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"dicompress {__version__}")
        raise typer.Exit()


@app.callback()
def _options(
    version: Annotated[
        Optional[bool], typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = None,
) -> None:
    pass


@app.command()
def compress(
    sources: Sources,
    output: Target,
    model: Annotated[Optional[str], typer.Option(help="The model to compress with.", show_default="pyramid")] = None,
    jobs: Jobs = CORES,
    near: Annotated[
        Optional[int], typer.Option(min=1, max=255, metavar="N", help="No pixel off by more than N stored values.")
    ] = None,
    near_hu: Annotated[
        Optional[float], typer.Option(metavar="X", help="No pixel off by more than X Hounsfield units.")
    ] = None,
    psnr: Annotated[
        Optional[float],
        typer.Option(metavar="DB", help="The largest N that leaves DB decibels, against the image's own range of values."),
    ] = None,
    allow_lossy_again: Annotated[
        bool, typer.Option("--allow-lossy-again", help="Also images that are marked as lossy already.")
    ] = False,
    allow_mammography: Annotated[bool, typer.Option("--allow-mammography", help="Also mammograms.")] = False,
    force: Force = False,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """Compress DICOM files; each is restored and compared before its target is written.

    Without loss, unless one of --near, --near-hu and --psnr allows an error: then the result is a derived image with a new SOP
    Instance UID, marked as lossy. What cannot be compressed is passed on unchanged, with the reason.
    """
    from ..dicom import Allowance
    from ..models import DEFAULT, by_name, for_archives

    model = by_name(model or DEFAULT).name
    if model not in for_archives():
        raise DicompressError(
            f"{model} is there for comparisons: a later version may not decode its files; there is {', '.join(for_archives())}"
        )
    allowance = None
    if (near, near_hu, psnr) != (None, None, None):
        try:
            allowance = Allowance(near, near_hu, psnr, allow_lossy_again, allow_mammography)
        except ValueError:
            raise DicompressError("give one of --near, --near-hu and --psnr, above 0") from None
    elif allow_lossy_again or allow_mammography:
        raise DicompressError("--allow-lossy-again and --allow-mammography go with --near, --near-hu or --psnr")
    _batch("compress", sources, output, jobs, json, model=model, force=force, resume=resume, allowance=allowance)


@app.command()
def decompress(
    sources: Sources,
    output: Target,
    jobs: Jobs = CORES,
    force: Force = False,
    resume: Resume = False,
    json: Json = False,
) -> None:
    """Give the original files back, or the derived images of near-lossless ones.

    Files that dicompress did not write are passed on unchanged.
    """
    _batch("decompress", sources, output, jobs, json, force=force, resume=resume)


@app.command()
def verify(sources: Sources, jobs: Jobs = CORES, json: Json = False) -> None:
    """Decode compressed files and check every checksum; exit status 1 if any file is bad."""
    _batch("verify", sources, None, jobs, json)


@app.command()
def info(file: Annotated[Path, typer.Argument(show_default=False)], json: Json = False) -> None:
    """Show what a compressed file holds, without decoding it."""
    from ..dicom import describe
    from . import files

    try:
        facts = asdict(describe(files.read(file)))
    except DicompressError as error:
        raise DicompressError(f"{file}: {error}") from None
    if json:
        return print(_json({"file": str(file), **facts}))
    width = max(map(len, facts))
    for name, value in facts.items():
        values = value if isinstance(value, list) else [f"{value:.3f}" if isinstance(value, float) else value]
        print(f"{name.replace('_', ' '):{width}}  {', '.join(map(str, values))}")


@app.command()
def demo() -> None:
    """Compress and restore the CT and MR images that come with pydicom, and compare the bytes."""
    from .demo import run

    sys.exit(run())


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


def _json(value: dict) -> str:
    return json.dumps(value)  # ASCII, as names of files may not be UTF-8


def _batch(action: str, sources: list[Path], output: str | None, jobs: int, as_json: bool, **options) -> None:
    start = time.perf_counter()
    try:
        from . import batch, files
        from .report import Report

        tasks = files.tasks(sources, output)
        with Report(action, len(tasks), as_json) as report:
            outcomes = batch.run(batch.Job(action, **options), tasks, jobs, report.file)
    except KeyboardInterrupt:
        go_on = "" if action == "verify" else "; every target is complete, --resume goes on"
        print(f"interrupted{go_on}", file=sys.stderr)
        sys.exit(130)
    report.summary(outcomes, time.perf_counter() - start)
    sys.exit(batch.exit_status(outcomes))
