"""The store: put, get, find, delete. Every object that was acknowledged comes back as it came, or as its rule promises, or is an error."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update

from ..dicom.part10 import parse
from ..errors import DamagedObjectError, FileError, NotStoredError
from . import audit, config, content, files, queries, rules, storage
from .attributes import Attributes, attributes
from .find import Filters
from .index import Index, retried
from .outcome import DELETED, SAME, STORED, VERSION, Outcome
from .tables import RAW, objects, series, studies

PENDING = 200  # events that may wait for their file


class Store:
    """What is open of a store; a context manager. Its methods may be called from several threads.

    folder: with store.toml, as `create` makes it. FileError if there is none, or its index or rules cannot be read.
    """

    def __init__(self, folder: Path | str):
        self.config = config.load(Path(folder))
        self.rules = rules.load(self.config.rules)
        self.storage = storage.at(self.config.data)
        self.index = Index(self.config.index)
        self._pending = 0
        if self.index.is_sqlite:
            config.check_index(self.config)
        self.index.check()

    @classmethod
    def create(cls, folder: Path | str, data: str = config.OBJECTS, index: str = config.INDEX, text: str = rules.DEFAULT) -> Store:
        """A new store. data: a folder in `folder`, or a URL of fsspec. index: a file in `folder`, or a URL of PostgreSQL. text: rules.

        FileError if there is one already.
        """
        made = config.new(Path(folder), data, index)
        database = Index(made.index)
        database.create()
        database.close()
        config.save(made, data, index, text)
        return cls(folder)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        try:
            self.flush()
        finally:
            self.index.close()

    def flush(self) -> None:
        """Write what waits for the audit's file."""
        audit.flush(self.index, self.config.audit)
        self._pending = 0

    def put(self, data: bytes, sender: str = "") -> Outcome:
        """Keep a DICOM file. It is on the disk, synced, and in the index when this returns.

        sender: who sent it, for rules. STORED; SAME if these bytes are stored under this SOP Instance UID already; VERSION if others
        are: both are kept, and `get` gives the newest. NotDicomError, FileError for what is no whole DICOM file, or when it cannot
        be kept: then nothing is.
        """
        return self.keep(attributes(parse(data)), data, sender)

    def keep(self, found: Attributes, data: bytes, sender: str = "") -> Outcome:
        """`put` of what was parsed already: found are the attributes of `data`. FileError if it cannot be kept, whatever it is."""
        sha256 = storage.sha256(data)
        known = self._known(found.uid, sha256)
        if known is not None:
            return self._put_again(known, data, sha256)
        key = files.write(self, sha256, storage.RAW, data)
        try:
            outcome: Outcome = retried(self._insert, found, data, sha256, key, sender)
        except BaseException:
            files.discard(self, key)
            raise
        if outcome.status == SAME:  # by another process, a moment ago
            files.discard(self, key)
        self.told()
        return outcome

    def get(self, uid: str, version: int | None = None) -> bytes:
        """The file of a SOP Instance UID, checked by SHA-256; the newest version, unless one is named.

        NotStoredError; DamagedObjectError if what is stored is not what was stored, which `status` shows from then on.
        """
        try:
            return content.read(self, queries.row(self.index, uid, version))
        except DamagedObjectError:
            self.told()
            raise

    def packed(self, uid: str, version: int | None = None) -> bytes | None:
        """The compressed form of an object, checked by SHA-256, not restored; None if it has none. version: as for `get`.

        NotStoredError, DamagedObjectError as of `get`.
        """
        try:
            return content.packed_form(self, queries.row(self.index, uid, version))
        except DamagedObjectError:
            self.told()
            raise

    def find(
        self, level: str = "STUDY", filters: Filters | None = None, limit: int | None = None, offset: int = 0
    ) -> list[dict[str, Any]]:
        """What the index knows, by DICOM keyword: a dictionary for each patient, study, series or newest version of an instance.

        level: "PATIENT", "STUDY", "SERIES" or "INSTANCE"; each has the attributes of those above it. filters: {keyword: value} as
        C-FIND has them: empty matches all; * and ? in text; ranges of dates and times (20240101-20240131, -1200); lists of
        values, of UIDs also with a backslash. Names of persons match whatever their case. ModalitiesInStudy filters studies and what is in
        them. Sorted by UID, so that limit and offset page. DicompressError for a key that the level does not have.
        """
        from .find import find

        return find(self.index, level, filters or {}, limit, offset)

    def delete(self, uid: str, version: int | None = None) -> list[Outcome]:
        """Remove an object, all versions of it or one. NotStoredError."""
        gone: list[Outcome] = retried(self._delete, uid, version)
        files.sweep(self)
        self.told()
        return gone

    def told(self) -> None:
        """An event was written: now and then they go to the file."""
        self._pending += 1
        if self._pending >= PENDING:
            with suppress(FileError):  # they wait in the index, and `flush` tells why
                self.flush()

    def _known(self, uid: str, sha256: str) -> Any:
        """The version that these bytes are: as they arrived, in whichever form, or from which an error made another object."""
        forms = [objects.c[f"{form}_sha256"] == sha256 for form in ("arrived", "raw", "packed", "restored")]
        same: ColumnElement[bool] = and_(objects.c.SOPInstanceUID == uid, or_(*forms))
        replaced = and_(objects.c.source == uid, objects.c.arrived_sha256 == sha256)
        with self.index.read() as connection:
            return connection.execute(select(objects).where(or_(same, replaced))).first()

    def _put_again(self, row: Any, data: bytes, sha256: str) -> Outcome:
        """What is stored is read, as its sender may forget it now; of a damaged object, what came is kept again."""
        reason = f"as {row.SOPInstanceUID}, {row.guarantee}" if row.source else None
        damaged = row.damaged
        try:
            content.read(self, row)
        except DamagedObjectError as error:
            damaged = str(error)
        healed = damaged is not None and content.heal(self, row, data, sha256)
        with self.index.write() as connection:
            audit.add(connection, "healed" if healed else "put again", uid=row.SOPInstanceUID, version=row.version, sha256=sha256)
        self.told()
        if damaged is not None and not healed:
            raise DamagedObjectError(f"{row.SOPInstanceUID} is stored already, and damaged: {damaged}")
        return Outcome(
            row.SOPInstanceUID, row.version, SAME, "what was stored was damaged: it is sound again" if healed else reason, len(data)
        )

    def _insert(self, found: Attributes, data: bytes, sha256: str, key: str, sender: str) -> Outcome:
        known = self._known(found.uid, sha256)
        if known is not None:
            return Outcome(found.uid, known.version, SAME, bytes_in=len(data))
        now = time.time()
        plan = self.rules.plan(str(found.series["Modality"] or ""), sender, len(data))
        with self.index.write() as connection:
            files.taken(connection, key)
            queries.keep(self.index, connection, studies, found.study)
            queries.keep(self.index, connection, series, found.series)
            mine = objects.c.SOPInstanceUID == found.uid
            version = (connection.execute(select(func.max(objects.c.version)).where(mine)).scalar() or 0) + 1
            connection.execute(update(objects).where(mine).values(newest=False))
            connection.execute(objects.insert().values(
                **found.instance, version=version, newest=True, sender=sender, received=now, state=RAW, verified=now,
                arrived_sha256=sha256, arrived_size=len(data), raw_sha256=sha256, raw_size=len(data), raw_key=key,
                **queries.planned(plan, now),
            ))  # fmt: skip
            audit.add(
                connection, "put" if version == 1 else "version", uid=found.uid, version=version, sha256=sha256, size=len(data),
                sender=sender or None,
            )  # fmt: skip
        status, reason = (STORED, None) if version == 1 else (VERSION, f"other bytes of this SOP Instance UID: version {version}")
        return Outcome(found.uid, version, status, reason, bytes_in=len(data))

    def _delete(self, uid: str, version: int | None) -> list[Outcome]:
        with self.index.write() as connection:
            wanted = [objects.c.SOPInstanceUID == uid, *([objects.c.version == version] if version is not None else [])]
            rows = list(connection.execute(select(objects).where(*wanted).order_by(objects.c.version).with_for_update()))
            if not rows:
                raise NotStoredError(queries.missing(connection, uid, version))
            for row in rows:
                self._remove(connection, row)
            queries.renew_newest(connection, uid)
            queries.prune(connection, rows)
        return [Outcome(row.SOPInstanceUID, row.version, DELETED, bytes_in=row.arrived_size) for row in rows]

    def _remove(self, connection: Connection, row: Any) -> None:
        files.wasted(self, connection, row.raw_key, row.packed_key)
        connection.execute(delete(objects).where(objects.c.id == row.id))
        audit.add(
            connection, "deleted", uid=row.SOPInstanceUID, version=row.version, sha256=row.arrived_sha256, size=row.arrived_size
        )
