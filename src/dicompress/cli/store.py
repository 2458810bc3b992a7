"""`dicompress store`: an archive that compresses behind the scenes (docs/store.md)."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import CORES, Force, Jobs, Json, Quiet, Sources
from .plugged import LIKE

if TYPE_CHECKING:
    from ..store import Store

app = typer.Typer(
    help="An archive that keeps what it is given at once and compresses it later (extra: store).", no_args_is_help=True, **LIKE
)
command = app.command

Folder = Annotated[Path, typer.Argument(metavar="STORE", help="The store's folder, made by init.", show_default=False)]
Uids = Annotated[list[str], typer.Argument(metavar="UID...", help="Of instances, series or studies.", show_default=False)]
Version = Annotated[int | None, typer.Option(min=1, help="Of objects with several.", show_default="the newest")]
SHOWN = {
    "PATIENT": ("PatientID", "PatientName", "PatientBirthDate", "NumberOfPatientRelatedStudies"),
    "STUDY": ("StudyDate", "PatientID", "PatientName", "ModalitiesInStudy", "StudyDescription", "NumberOfStudyRelatedInstances", "StudyInstanceUID"),
    "SERIES": ("SeriesNumber", "Modality", "SeriesDescription", "NumberOfSeriesRelatedInstances", "SeriesInstanceUID"),
    "INSTANCE": ("InstanceNumber", "state", "guarantee", "arrived_size", "SOPInstanceUID"),
}  # fmt: skip


@command()
def init(
    store: Folder,
    data: Annotated[str, typer.Option(help="Where the objects are: a folder in STORE, or a URL of fsspec.")] = "objects",
    index: Annotated[str, typer.Option(help="A file of SQLite in STORE, or a URL of PostgreSQL.")] = "index.sqlite",
    rules: Annotated[
        Path | None, typer.Option(help="Rules, as docs/store.md has them.", show_default="everything without loss, at once")
    ] = None,
) -> None:
    """Make a new store: a folder with store.toml, rules.toml, the index and the objects."""
    from . import files, store_tell

    store_tell.check_installed()
    from ..store import Store
    from ..store.rules import DEFAULT, load

    if rules:
        load(rules)
    with Store.create(store, data, index, files.read(rules).decode() if rules else DEFAULT):
        print(f"{store} is a store; its rules are in {store / 'rules.toml'}")


@command()
def put(
    store: Folder,
    sources: Sources,
    sender: Annotated[str, typer.Option(help="Who sent them, for rules.")] = "",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Keep DICOM files. Each is on the disk, synced, when it is told; the sources stay.

    What is stored already with the same bytes stays one object; other bytes of the same SOP Instance UID are a further version. Files
    in folders that are no DICOM are skipped.
    """
    from .store_files import put_files

    put_files(store, sources, sender, json, quiet)


@command()
def get(
    store: Folder,
    uids: Uids,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="PATH", help="File or, for several, folder; - is standard output.", show_default=False
        ),
    ],
    version: Version = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Give objects back, checked: as STUDY/SERIES/INSTANCE.dcm in a folder."""
    from .store_files import get_files

    get_files(store, uids, output, version, force, json, quiet)


@command()
def find(
    store: Folder,
    filters: Annotated[list[str] | None, typer.Argument(metavar="KEYWORD=VALUE...", show_default=False)] = None,
    level: Annotated[str, typer.Option(help="patient, study, series or instance.")] = "study",
    limit: Annotated[int | None, typer.Option(min=1)] = None,
    offset: Annotated[int, typer.Option(min=0)] = 0,
    json: Json = False,
) -> None:
    """List patients, studies, series or instances, as C-FIND does: PatientName=DOE* StudyDate=20240101-20240131 ModalitiesInStudy=CT."""
    from ..errors import DicompressError
    from . import store_tell

    pairs = [text.partition("=") for text in filters or []]
    if not all(equals for _, equals, _ in pairs):
        raise DicompressError("filters are KEYWORD=VALUE, such as PatientID=123 or StudyDate=20240101-")
    with store_tell.opened(store) as opened:
        found = opened.find(level.upper(), {name: value for name, _, value in pairs}, limit, offset)
        store_tell.rows(found, json, SHOWN[level.upper()])


@command()
def delete(store: Folder, uids: Uids, version: Version = None, json: Json = False, quiet: Quiet = False) -> None:
    """Remove objects, with all their versions unless one is named. There is no way back; the audit keeps their SHA-256."""
    from . import store_tell
    from .store_files import instances

    tell = store_tell.Teller(json, quiet)
    with store_tell.opened(store) as opened:
        for uid in instances(opened, uids, tell):
            for outcome in opened.delete(uid, version):
                tell(outcome)
    tell.end()


@command()
def compress(
    store: Folder,
    jobs: Jobs = CORES,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would become of what is due, and change nothing.")] = False,
    sample: Annotated[str, typer.Option(help="With --dry-run: try a share of each series, and tell the rest from it.")] = "100 %",
    watch: Annotated[bool, typer.Option("--watch", help="Go on for ever, and verify a sample as store.toml says.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also what failed before or was rolled back.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compress what the rules say is due. Any number of these may run, on several machines, too.

    An object stays raw until its compressed form is on the disk and restores it. What fails stays raw, is told, and tried twice more.
    """
    from .. import units
    from ..errors import DicompressError
    from ..store import dryrun, planning, worker

    if dry_run and (watch or again):
        raise DicompressError("--dry-run goes with neither --watch nor --again")

    def act(opened: Store, tell: Any, each: Any) -> None:
        if dry_run:
            return dryrun.dry_run(opened, units.share(sample), tell, each)
        if again:
            planning.renew(opened, again=True)
        worker.watch(opened, jobs, tell) if watch else worker.compress_due(opened, jobs, tell)

    _run(store, jobs, json, quiet, act, sizes=True, told="dry run: " if dry_run else "")


@command()
def verify(
    store: Folder,
    jobs: Jobs = CORES,
    sample: Annotated[str, typer.Option(help="A share: those that were not looked at for longest.")] = "100 %",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read and restore what is stored, and check every SHA-256; exit status 1 if anything is damaged."""
    from .. import units
    from ..store import checking

    def act(opened: Store, tell: Any, each: Any) -> None:
        for key in checking.verify(opened, units.share(sample), tell, each):
            tell.failed(key, "a file that the index does not have; it stays", "unindexed")

    _run(store, jobs, json, quiet, act)


@command()
def rollback(
    store: Folder,
    uids: Annotated[
        list[str] | None, typer.Argument(metavar="[UID...]", help="Of instances, series or studies.", show_default="all objects")
    ] = None,
    jobs: Jobs = CORES,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Back to raw files, as they came. They stay raw until `compress --again`."""
    from .store_files import ids_of

    def act(opened: Store, tell: Any, each: Any) -> None:
        from ..store.rollback import roll_back

        for _, outcome in each(opened, roll_back, ids_of(opened, uids, tell)):
            if outcome:
                tell(outcome)

    _run(store, jobs, json, quiet, act, sizes=True)


@command()
def status(store: Folder, json: Json = False) -> None:
    """Counts, bytes, and what is wrong; exit status 1 if an object is damaged."""
    from .store_files import show_status

    show_status(store, json)


@command()
def manifest(store: Folder) -> None:
    """A JSON object a version of an object: SHA-256 and size as it arrived and as it is stored, and what is guaranteed."""
    import json as library

    from ..store.status import manifest as lines
    from . import output, store_tell

    with store_tell.opened(store) as opened:
        for line in lines(opened):
            output.line(library.dumps(line))


@command()
def audit(store: Folder, uid: Annotated[str | None, typer.Option(help="Of one object.")] = None) -> None:
    """What happened, as JSON lines."""
    import json as library

    from ..store.audit import lines
    from . import output, store_tell

    with store_tell.opened(store) as opened:
        opened.flush()
        for line in lines(opened.config.audit):
            if uid in (None, line.get("uid"), line.get("source")):
                output.line(library.dumps(line))


def _run(store: Path, jobs: int, json: bool, quiet: bool, act: Any, sizes: bool = False, told: str = "") -> None:
    """act(store, tell, each) on what is open. Exits."""
    import sys

    from . import store_tell

    tell = store_tell.Teller(json, quiet)
    try:
        with store_tell.opened(store) as opened:
            from ..store import workers

            act(opened, tell, partial(workers.each, jobs))
    except KeyboardInterrupt:
        print("interrupted; every object is as it was or done: run again to go on", file=sys.stderr)
        sys.exit(store_tell.INTERRUPTED)
    tell.end(sizes, told)
