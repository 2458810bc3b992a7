"""The command that writes standard transfer syntaxes."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from .options import CORES, Force, Jobs, Json, Listing, ManifestOption, OtherFiles, PipedSources, Quiet, Resume, ShardOption, Target


class To(StrEnum):
    native, jls, j2k, htj2k, jxl = "native", "jls", "j2k", "htj2k", "jxl"


def transcode(
    sources: PipedSources,
    to: Annotated[
        To,
        typer.Option(help="Uncompressed, JPEG-LS, JPEG 2000, HTJ2K or JPEG XL, all of them without loss.", show_default=False),
    ],
    output: Target,
    jobs: Jobs = CORES,
    others: OtherFiles = None,
    force: Force = False,
    resume: Resume = False,
    json: Json = False,
    quiet: Quiet = False,
    shard: ShardOption = None,
    listing: Listing = None,
    manifest: ManifestOption = None,
) -> None:
    """Write files, compressed by dicompress or in a lossless syntax, in a standard one; each is read again and compared.

    Without loss: pixels, elements and the SOP Instance UID stay. What a syntax cannot hold is passed on unchanged, with the reason;
    what dicompress compressed is written in native form then, and its JPEG frames as the JPEG they are.
    """
    from . import run
    from .part import Part

    run.batch(
        "transcode", sources, output, jobs, json, quiet, force=force, resume=resume, others=others and others.value, to=to.value,
        part=Part.of(shard, listing), manifest=manifest,
    )  # fmt: skip
