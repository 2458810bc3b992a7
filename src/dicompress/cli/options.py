"""Options that several commands have."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .outcome import COPY, FAIL, SKIP

CORES = os.cpu_count() or 1


class Others(StrEnum):
    copy, skip, fail = COPY, SKIP, FAIL


Sources = Annotated[list[str], typer.Argument(help="Files and folders; folders are walked.", show_default=False)]
PipedSources = Annotated[
    list[str], typer.Argument(help="Files and folders; folders are walked. A single - is standard input.", show_default=False)
]
Target = Annotated[
    str,
    typer.Option(
        "--output", "-o", metavar="PATH", show_default=False,
        help="File, or folder (PATH/) that keeps the sources' tree; - is standard output, for one file.",
    ),
]  # fmt: skip
Jobs = Annotated[int, typer.Option(min=1, help="Files at a time.", show_default="one a core")]
Force = Annotated[bool, typer.Option("--force", help="Replace targets that exist.")]
Resume = Annotated[bool, typer.Option("--resume", help="Keep targets that are right already; do damaged ones again.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a file on standard output, nothing else there.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Tell failures and damaged files only.")]
OtherFiles = Annotated[
    Others | None,
    typer.Option(help="What to do with files that are no DICOM.", show_default="copy; fail for files that are named themselves"),
]
Backup = Annotated[Path | None, typer.Option(metavar="DIR", help="With --in-place: keep the originals, in the same tree, under DIR.")]
UidMap = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Where images are derived: write their UIDs, a line each: old, tab, new."),
]
ShardOption = Annotated[
    str | None,
    typer.Option(
        "--shard", metavar="I/N", help="Only part I of N, from 0, for jobs that know nothing of each other; see merge-reports."
    ),
]  # fmt: skip
Listing = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="The files below the source, instead of walking it: a line each, size, tab, path; or JSON. Balances shards."
    ),
]  # fmt: skip
ManifestOption = Annotated[
    Path | None,
    typer.Option(
        "--manifest", metavar="FILE", help="Add a JSON line a file: SHA-256 before and after, sizes, guarantee, model, version."
    ),
]

Dask = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS", show_default=False,
        help="Let a Dask cluster do it that runs already (tcp://HOST:8786), on storage that its workers share. Needs the extra: dask.",
    ),
]  # fmt: skip

BOUNDED = "With a bounded error"
Near = Annotated[
    int | None,
    typer.Option(min=1, max=255, metavar="N", rich_help_panel=BOUNDED, help="No pixel off by more than N stored values."),
]
NearHu = Annotated[
    float | None, typer.Option(metavar="X", rich_help_panel=BOUNDED, help="No pixel off by more than X Hounsfield units.")
]
Psnr = Annotated[
    float | None,
    typer.Option(
        metavar="DB", rich_help_panel=BOUNDED,
        help="The largest N that leaves DB decibels, against the image's own range of values.",
    ),
]  # fmt: skip
LossyAgain = Annotated[
    bool,
    typer.Option("--allow-lossy-again", rich_help_panel=BOUNDED, help="An error also in images that are marked as lossy already."),
]
Mammography = Annotated[bool, typer.Option("--allow-mammography", rich_help_panel=BOUNDED, help="An error also in mammograms.")]
Quantitative = Annotated[
    bool,
    typer.Option(
        "--allow-quantitative", rich_help_panel=BOUNDED,
        help="An error also where values are measurements, such as RT Dose and PET.",
    ),
]  # fmt: skip
StrictNear = Annotated[
    bool,
    typer.Option(
        "--strict-near", rich_help_panel=BOUNDED, help="Pass on what bears no error, instead of compressing it without loss."
    ),
]
