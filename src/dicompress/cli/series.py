"""The commands of archives of series."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from .. import places
from .archive import allowance_of, check_uid_map, others_of
from .options import (
    CORES,
    Force,
    Json,
    LossyAgain,
    Mammography,
    Near,
    NearHu,
    OtherFiles,
    Psnr,
    Quantitative,
    Quiet,
    Resume,
    ShardOption,
    Sources,
    StrictNear,
    UidMap,
)

Archives = Annotated[list[str], typer.Argument(help="Archives, and folders that have such.", show_default=False)]
OneArchive = Annotated[str, typer.Argument(metavar="ARCHIVE", help="A .dcma file.", show_default=False)]
Folder = Annotated[str, typer.Option("--output", "-o", metavar="FOLDER", show_default=False, help="Where the archives go.")]
Tree = Annotated[
    str, typer.Option("--output", "-o", metavar="FOLDER", show_default=False, help="Where the files go, under their paths.")
]
SeriesJobs = Annotated[int, typer.Option("--jobs", min=1, help="Series at a time.", show_default="one a core")]
PartJobs = Annotated[int, typer.Option("--jobs", min=1, help="Worker processes.", show_default="one a core")]


def pack(
    sources: Sources,
    output: Folder,
    jobs: SeriesJobs = CORES,
    others: OtherFiles = None,
    force: Annotated[bool, typer.Option("--force", help="Make archives that exist anew.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep what archives have already, once it is checked; add late files to them.")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
    near: Near = None,
    near_hu: NearHu = None,
    psnr: Psnr = None,
    allow_lossy_again: LossyAgain = False,
    allow_mammography: Mammography = False,
    allow_quantitative: Quantitative = False,
    strict_near: StrictNear = False,
    uid_map: UidMap = None,
    shard: ShardOption = None,
) -> None:
    """Pack files into an archive a series, in which slices lean on each other and elements are written once.

    Series are found by their Series Instance UID, wherever their files lie; what has none goes into one archive more. Each file
    is restored and compared before its archive appears, complete. What cannot be compressed is kept in it unchanged, so that
    `unpack` gives the whole tree back.
    """
    from . import files, grouping, packing, run, several
    from .outcome import Job
    from .part import Part

    part = Part.of(shard)
    allowance = allowance_of(near, near_hu, psnr, {
        "lossy_again": allow_lossy_again, "mammography": allow_mammography, "quantitative": allow_quantitative,
        "strict": strict_near,
    })  # fmt: skip
    check_uid_map(uid_map, allowance)
    job = Job("pack", force=force, resume=resume, allowance=allowance, others=others_of(others))

    def do(tasks: list[files.Task], ended: run.Ended) -> None:
        packages = grouping.packages(job, tasks, output, ended, part.shard)
        try:
            several.run(packing.work, job, packages, jobs, ended, [places.at(output)])
        finally:
            if resume:
                packing.mend(packages)

    run.carry_out(job, lambda: grouping.tasks(sources, output), do, json, quiet, output, uid_map, part=part)


def unpack(
    sources: Archives,
    output: Tree,
    jobs: PartJobs = CORES,
    force: Force = False,
    resume: Resume = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Give the files of archives back under their paths and names, with permissions and times.

    Originals without loss come back as `decompress` gives them, of allowed errors the derived images. Of a damaged archive all
    files come that do not depend on the damage; the others are told.
    """
    from . import run, several, unpacking
    from .outcome import Job, Outcome

    job = Job("unpack", force=force, resume=resume)
    damaged: list[Outcome] = []

    def do(portions: list[unpacking.Portion], ended: run.Ended) -> None:
        for outcome in damaged:
            ended(outcome)
        folders = {file.target.parent for portion in portions for file in portion.files if file.target}
        several.run(unpacking.work, job, portions, jobs, ended, folders)

    run.carry_out(
        job, lambda: unpacking.portions(unpacking.archives(sources), places.at(output), damaged), do, json, quiet, output,
        count=lambda portions: unpacking.count(portions) + len(damaged),
    )  # fmt: skip


def list_(archive: OneArchive, json: Json = False) -> None:
    """List the files in an archive: their size, what they take in it, how they are kept and what is guaranteed."""
    from . import listing

    sys.exit(listing.show(places.at(archive), json))


def extract(
    archive: OneArchive,
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="Its path in the archive, the end of it, or a SOP Instance UID.", show_default=False)
    ],
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="PATH", show_default=False, help="File, or folder (PATH/); - is standard output."),
    ],
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Give one file of an archive back; of the others only what it leans on is decoded."""
    from . import run, unpacking
    from .outcome import Job

    job = Job("extract", force=force)

    def do(portions: list[unpacking.Portion], ended: run.Ended) -> None:
        for portion in portions:
            unpacking.work(job, portion, ended)

    run.carry_out(job, lambda: [unpacking.single(job, places.at(archive), file, output, json)], do, json, quiet)
