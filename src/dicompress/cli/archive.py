"""The commands that compress, restore and check files."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .. import places
from ..errors import DicompressError
from .options import (
    CORES,
    Backup,
    Dask,
    Force,
    Jobs,
    Json,
    Listing,
    LossyAgain,
    Mammography,
    ManifestOption,
    Near,
    NearHu,
    OtherFiles,
    Others,
    PipedSources,
    Psnr,
    Quantitative,
    Quiet,
    Resume,
    ShardOption,
    Sources,
    StrictNear,
    Target,
    UidMap,
)

if TYPE_CHECKING:
    from ..dicom import Allowance


def compress(
    sources: PipedSources,
    output: Target = "",
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Instead of -o: each result replaces its source, once it is proved and on disk.")
    ] = False,
    backup: Backup = None,
    model: Annotated[str | None, typer.Option(help="The model to compress with.", show_default="pyramid")] = None,
    jobs: Jobs = CORES,
    others: OtherFiles = None,
    no_record: Annotated[
        bool, typer.Option("--no-record", help="Write no restore record, which may hold what the elements do not show.")
    ] = False,
    force: Force = False,
    resume: Resume = False,
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
    listing: Listing = None,
    manifest: ManifestOption = None,
    dask: Dask = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would become of each file, and of its size, and write nothing.")
    ] = False,
    sample: Annotated[
        str | None,
        typer.Option(
            help="With --dry-run: try a share of the files, and tell the rest from it.",
            show_default="all of up to 200 files, 10 % of more",
        ),
    ] = None,
) -> None:
    """Compress DICOM files; each is restored and compared before its target is written.

    Without loss, unless one of --near, --near-hu and --psnr allows an error: then the result is a derived image with a new SOP
    Instance UID, marked as lossy. What cannot be compressed is passed on unchanged, with the reason; so are damaged files,
    which make the exit status 1. With --in-place, what is passed on stays as it is.
    """
    from ..models import DEFAULT, by_name, for_archives
    from ..units import share
    from . import files, run
    from .part import Part

    model = by_name(model or DEFAULT).name
    if model != DEFAULT and model not in for_archives():
        raise DicompressError(
            f"{model} is there for comparisons: a later version may not decode its files; there is {', '.join(for_archives())}"
        )
    allowance = allowance_of(near, near_hu, psnr, {
        "lossy_again": allow_lossy_again, "mammography": allow_mammography, "quantitative": allow_quantitative,
        "strict": strict_near,
    })  # fmt: skip
    check_uid_map(uid_map, allowance)
    if in_place:
        _check_in_place(output, backup, force, resume, allowance)
    elif backup:
        raise DicompressError("--backup goes with --in-place")
    elif not output:
        raise DicompressError("say where to write: -o PATH, or --in-place")
    if dry_run and (manifest or uid_map or files.PIPE in (*sources, output)):
        raise DicompressError("--dry-run writes nothing: it goes with neither --manifest, --uid-map nor pipes")
    if sample and not dry_run:
        raise DicompressError("--sample goes with --dry-run")
    run.batch(
        "compress", sources, output or None, jobs, json, quiet, backup=backup, uid_map=uid_map, model=model, force=force,
        resume=resume, allowance=allowance, record=not no_record, in_place=in_place, others=others_of(others),
        part=Part.of(shard, listing), manifest=manifest, dask=dask, dry=dry_run, sample=share(sample) if sample else None,
    )  # fmt: skip


def allowance_of(near: int | None, near_hu: float | None, psnr: float | None, further: dict[str, bool]) -> Allowance | None:
    from ..dicom import Allowance

    if (near, near_hu, psnr) != (None, None, None):
        try:
            return Allowance(near, near_hu, psnr, **further)
        except ValueError:
            raise DicompressError("give one of --near, --near-hu and --psnr, above 0") from None
    if any(further.values()):
        raise DicompressError("--allow-... and --strict-near go with --near, --near-hu or --psnr")
    return None


def check_uid_map(uid_map: Path | None, allowance: Allowance | None) -> None:
    if uid_map and not allowance:
        raise DicompressError("--uid-map goes with --near, --near-hu or --psnr: otherwise no UID changes")


def _check_in_place(output: str, backup: Path | None, force: bool, resume: bool, allowance: Allowance | None) -> None:
    if output:
        raise DicompressError("--in-place writes to the sources: it does not go with -o")
    if force or resume:
        raise DicompressError(
            "--in-place knows neither --force nor --resume: run again, it goes on, as what is compressed already stays"
        )
    if allowance and not backup:
        raise DicompressError(
            "--in-place with --near, --near-hu or --psnr would leave no original: --backup DIR keeps them, or write elsewhere, "
            "with -o"
        )


def others_of(chosen: Others | None) -> str | None:
    return chosen and chosen.value


def decompress(
    sources: PipedSources,
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
    dask: Dask = None,
) -> None:
    """Give the original files back, or the derived images of near-lossless ones.

    Files that dicompress did not write are passed on unchanged.
    """
    from . import run
    from .part import Part

    run.batch(
        "decompress", sources, output, jobs, json, quiet, force=force, resume=resume, others=others_of(others),
        part=Part.of(shard, listing), manifest=manifest, dask=dask,
    )  # fmt: skip


def verify(
    sources: Sources,
    jobs: Jobs = CORES,
    json: Json = False,
    quiet: Quiet = False,
    shard: ShardOption = None,
    listing: Listing = None,
    manifest: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Also check that all that it lists is there, as it was written, and nothing else; may be repeated."
        ),
    ] = None,
    dask: Dask = None,
) -> None:
    """Decode compressed files, and those in archives, and check every checksum; exit status 1 if any file is bad.

    Bad are damaged files, and those whose elements were changed after compression, as damage looks the same. Files without
    their restore record are verified as far as they can be, told and counted apart. With --manifest each file is compared with its
    SHA-256 there, and what it restores to with that of the original; missing and further files are bad, too.
    """
    from . import checking
    from .part import Part

    checking.verify(sources, jobs, json, quiet, Part.of(shard, listing), dask, manifest or [])


def strip(sources: Sources, jobs: Jobs = CORES, json: Json = False, quiet: Quiet = False) -> None:
    """Remove the restore record from compressed files, in place; tells what cannot be had back without it.

    The record may hold what a de-identified file no longer shows: a preamble, elements that occur twice. Each result is on disk
    before it replaces its file. Files that have no record stay as they are, with the reason.
    """
    from . import run

    run.batch("strip", sources, None, jobs, json, quiet, in_place=True)


def info(file: Annotated[str, typer.Argument(show_default=False)], json: Json = False) -> None:
    """Show what a compressed file or an archive holds, without decoding it."""
    from ..dicom import describe
    from . import files, listing, unpacking

    place = places.at(file)
    try:
        if unpacking.is_archive(files.Task(place, None, named=True)):
            facts = listing.facts(place)
        else:
            facts = asdict(describe(files.read(place)))
    except DicompressError as error:
        raise DicompressError(f"{file}: {error}") from None
    if json:
        return print(_json({"file": str(file), **facts}))
    width = max(map(len, facts))
    for name, value in facts.items():
        values = value if isinstance(value, list) else [f"{value:.3f}" if isinstance(value, float) else value]
        print(f"{name.replace('_', ' '):{width}}  {', '.join(map(str, values))}")


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value)  # ASCII, as names of files may not be UTF-8
