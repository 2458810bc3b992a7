"""Files into a store and out of it, and objects by the UIDs of what they are in."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..disk import targets
from ..errors import DicompressError, NotDicomError, NotStoredError
from . import files, output
from .reasons import kind_of
from .report import amount
from .store_tell import Teller, opened

if TYPE_CHECKING:
    from ..store import Store

LEVELS = ("StudyInstanceUID", "SeriesInstanceUID")


def put_files(folder: Path, sources: list[str], sender: str, as_json: bool, quiet: bool) -> None:
    """Exits."""
    tell = Teller(as_json, quiet)
    with opened(folder) as store:
        for task in files.tasks(sources, None):
            name = str(task.source)
            try:
                if task.problem:
                    raise DicompressError(task.problem)
                tell(replace(store.put(files.load(task).data, sender), source=name))
            except NotDicomError as error:
                tell.failed(name, str(error), "failed" if task.named else "skipped")
            except DicompressError as error:
                tell.failed(name, str(error))
    tell.end()


def get_files(folder: Path, uids: list[str], target: str, version: int | None, force: bool, as_json: bool, quiet: bool) -> None:
    """Exits."""
    from ..store.outcome import GIVEN, Outcome

    tell = Teller(as_json, quiet or target == files.PIPE)
    with opened(folder) as store:
        wanted = instances(store, uids, tell)
        several = len(wanted) > 1 or Path(target).is_dir() or target.endswith("/")
        if target == files.PIPE and (len(wanted) != 1 or as_json):
            raise DicompressError("-o - is one object, without --json")
        for uid in wanted:
            try:
                data = store.get(uid, version)
                if target == files.PIPE:
                    files.write_stdout(data)
                    continue
                path = Path(target) / _place(store, uid) if several else Path(target)
                targets.write(path, data, force)
                tell(Outcome(uid, version or 0, GIVEN, bytes_in=len(data), bytes_out=len(data), source=str(path)))
            except DicompressError as error:
                tell.failed(uid, str(error))
    tell.end()


def instances(store: Store, uids: list[str], tell: Teller) -> list[str]:
    """SOP Instance UIDs, each once; of what is not stored, it is told."""
    found: dict[str, None] = {}
    for uid in uids:
        inside = [row["SOPInstanceUID"] for name in LEVELS for row in store.find("INSTANCE", {name: uid})] if uid else []
        if not inside:
            try:
                inside = [_known(store, uid)]
            except NotStoredError as error:
                tell.failed(uid, str(error))
        found |= dict.fromkeys(inside)
    return list(found)


def ids_of(store: Store, uids: list[str] | None, tell: Teller) -> list[int]:
    """Of all versions of objects, or of all objects."""
    from sqlalchemy import select

    from ..store.tables import objects

    with store.index.read() as connection:
        if not uids:
            return list(connection.execute(select(objects.c.id).order_by(objects.c.id)).scalars())
    found: list[int] = []
    for uid in instances(store, uids, tell):
        with store.index.read() as connection:
            found += connection.execute(select(objects.c.id).where(objects.c.SOPInstanceUID == uid)).scalars()
    return found


def show_status(folder: Path, as_json: bool) -> None:
    """Exits with 1 if an object is damaged."""
    from ..store.status import status

    with opened(folder) as store:
        found = status(store)
    if as_json:
        output.line(json.dumps(found))
    else:
        _show(found)
    sys.exit(int(found["damaged"] > 0))


def _show(found: dict[str, Any]) -> None:
    plain = {name: value for name, value in found.items() if isinstance(value, int)}
    width = max(map(len, plain))
    for name, value in plain.items():
        output.line(f"{name.replace('_', ' '):{width}}  {amount(value) if name.endswith('bytes') else value}")
    kinds: Counter[str] = Counter()
    for reason, count in found["reasons"]:
        kinds[kind_of(reason)] += count
    for kind, count in kinds.most_common():
        output.line(f"{count} raw: {output.printable(kind)}")
    for damaged in found["damaged_objects"]:
        output.line(f"damaged: {damaged['SOPInstanceUID']} version {damaged['version']}: {output.printable(damaged['damaged'])}")


def _known(store: Store, uid: str) -> str:
    from ..store.queries import row

    return str(row(store.index, uid, None).SOPInstanceUID)


def _place(store: Store, uid: str) -> Path:
    """In a folder. UIDs are not trusted to be names."""
    from ..store.queries import row

    found = row(store.index, uid, None)
    names = [_name(text) or "none" for text in (found.StudyInstanceUID, found.SeriesInstanceUID, uid)]
    return Path(*names[:2], f"{names[2]}.dcm")


def _name(uid: str) -> str:
    return "".join(c if c.isalnum() or c in ".-" else "_" for c in uid).strip(".")[:100]
