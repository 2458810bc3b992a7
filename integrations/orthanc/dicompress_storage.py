# SPDX-License-Identifier: AGPL-3.0-or-later
"""Orthanc's storage, compressed behind a raw first write: README.md beside this file says how to install it.

Orthanc loads this script through its Python plug-in. An attachment is on the disk as it came, where Orthanc itself would keep it, when
Orthanc acknowledges it. A worker process compresses DICOM files later, reads back what it wrote, restores it, and only then removes
the raw file. Whoever reads gets the bytes that came, checked, or an error.

    python3 dicompress_storage.py restore STORAGE    every file raw again, with Orthanc stopped: the way out
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import site
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

try:
    import orthanc
except ImportError:  # the worker, or a command
    orthanc = None

PACKED, INDEX, LOCK = ".dicompress", "dicompress.sqlite", "dicompress.lock"
ATTEMPTS, AGAIN = 3, 60  # of a file on which the worker dies; seconds before the next
TABLE = """CREATE TABLE IF NOT EXISTS attachments (uuid TEXT PRIMARY KEY, state TEXT NOT NULL, sha256 TEXT, size INTEGER, stored INTEGER,
    reason TEXT, attempts INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0) WITHOUT ROWID"""
WAITING = "CREATE INDEX IF NOT EXISTS waiting ON attachments (due) WHERE state = 'raw'"


def find_dicompress(environment: Path) -> Path:
    """Make the virtual environment's packages importable, before Debian's of the same names. Its Python, for the worker."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = environment / "lib" / version / "site-packages"
    if not packages.is_dir():
        raise FileNotFoundError(f'no {packages}: "Environment" in "Dicompress" must be a virtual environment of {version}, as Orthanc has')
    known = list(sys.path)
    site.addsitedir(str(packages))
    sys.path[:] = [path for path in sys.path if path not in known] + known
    return environment / "bin" / version


class DamagedError(Exception):
    """What is on the disk is not what Orthanc gave."""


class Area:
    """A folder of attachments. State of each: raw (waits for the worker), compressed, left (raw for good), damaged."""

    def __init__(self, root: Path):
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        with self.index() as index:
            index.execute(TABLE)
            index.execute(WAITING)

    def raw(self, uuid: str) -> Path:
        return self.root / uuid[:2] / uuid[2:4] / uuid  # as Orthanc has it

    def packed(self, uuid: str) -> Path:
        return self.raw(uuid).with_name(uuid + PACKED)

    def connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.root / INDEX, timeout=60, isolation_level=None)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    @contextmanager
    def index(self) -> Iterator[sqlite3.Connection]:
        """One transaction; nothing of it if there is an error."""
        with closing(self.connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def row(self, uuid: str) -> sqlite3.Row | None:
        with closing(self.connect()) as connection:
            return connection.execute("SELECT * FROM attachments WHERE uuid = ?", (uuid,)).fetchone()

    def mark(self, uuid: str, state: str, reason: str | None = None) -> None:
        with self.index() as index:
            index.execute("UPDATE attachments SET state = ?, reason = ? WHERE uuid = ?", (state, reason, uuid))
        if state == "damaged":
            tell(f"{self.raw(uuid)}: {reason}")

    def create(self, uuid: str, data: bytes, is_dicom: bool) -> None:
        """On the disk when it returns."""
        state, reason = ("raw", None) if is_dicom else ("left", "no DICOM file")
        targets.write(self.raw(uuid), data)
        with self.index() as index:
            index.execute(
                "INSERT OR REPLACE INTO attachments (uuid, state, reason, sha256, size, stored) VALUES (?, ?, ?, ?, ?, ?)",
                (uuid, state, reason, sha256(data), len(data), len(data)),
            )

    def read(self, uuid: str) -> bytes:
        """The bytes that came. DamagedError if they cannot be had."""
        row = self.row(uuid)
        try:
            data = self.stored(uuid)
            if row and row["sha256"] and sha256(data) != row["sha256"]:
                raise DamagedError("not the bytes that came, by their SHA-256")
        except DamagedError as error:
            if row and self.row(uuid):  # not removed meanwhile
                self.mark(uuid, "damaged", str(error))
            raise
        return data

    def stored(self, uuid: str) -> bytes:
        """The raw file, or what the compressed one restores. This order: a worker writes the second before it removes the first."""
        with suppress(FileNotFoundError):
            return self.raw(uuid).read_bytes()
        try:
            restored = restore_file(self.packed(uuid).read_bytes())
        except FileNotFoundError:
            raise DamagedError("the file is missing") from None
        except DicompressError as error:
            raise DamagedError(str(error)) from None
        if restored.remark:
            raise DamagedError(restored.remark)
        return bytes(restored.data)

    def remove(self, uuid: str) -> None:
        with self.index() as index:
            index.execute("DELETE FROM attachments WHERE uuid = ?", (uuid,))
        for path in (self.raw(uuid), self.packed(uuid)):
            path.unlink(missing_ok=True)

    def status(self) -> dict:
        with closing(self.connect()) as connection:
            found = connection.execute("SELECT state, COUNT(*), SUM(size), SUM(stored) FROM attachments GROUP BY state").fetchall()
            damaged = connection.execute("SELECT uuid, reason FROM attachments WHERE state = 'damaged' LIMIT 1000").fetchall()
        states = {state: {"count": count, "size": size, "stored": stored} for state, count, size, stored in found}
        return {"states": states, "damaged": {row["uuid"]: row["reason"] for row in damaged}}

    def sweep(self) -> None:
        """What a killed run left behind goes; files of before this script, or of a lost index, come in; damaged ones have another try."""
        for folder in self.root.glob("??/??"):
            targets.clean([folder])
            with self.index() as index:
                for path in folder.iterdir():
                    if targets.is_partial(path.name):
                        continue
                    size, is_packed = path.stat().st_size, path.name.endswith(PACKED)
                    if is_packed and self.raw(path.stem).exists():  # it is not known whether it was proved
                        continue
                    index.execute(
                        f"INSERT INTO attachments (uuid, state, size, stored) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET state = "
                        f"excluded.state, attempts = 0 WHERE state IN ('damaged', {"'raw'" if is_packed else "'compressed'"})",
                        (path.stem if is_packed else path.name, "compressed" if is_packed else "raw", None if is_packed else size, size),
                    )

    def next(self) -> str | None:
        """One that waits. One on which the worker died is tried again later, and is left in the end."""
        now = time.time()
        with self.index() as index:
            query = "SELECT uuid, attempts FROM attachments WHERE state = 'raw' AND due <= ? ORDER BY due LIMIT 1"
            row = index.execute(query, (now,)).fetchone()
            if row is None:
                return None
            if row["attempts"] < ATTEMPTS:
                index.execute("UPDATE attachments SET attempts = attempts + 1, due = ? WHERE uuid = ?", (now + AGAIN, row["uuid"]))
                return row["uuid"]
        self.mark(row["uuid"], "left", f"compressing it failed {ATTEMPTS} times")
        return self.next()

    def compress(self, uuid: str) -> None:
        """What becomes of one that waits. The raw file goes last."""
        try:
            data = self.read(uuid)
        except DamagedError:
            return
        raw, packed = self.raw(uuid), self.packed(uuid)
        if raw.exists():
            result = compress_or_pass_on(data)
            if isinstance(result, PassedOn):
                return self.mark(uuid, "left", result.reason)
            targets.write(packed, result.data)
            restored = restore_file(packed.read_bytes())
            if restored.remark or restored.data != data:
                packed.unlink()
                return self.mark(uuid, "left", "compressed, it would not give back the same bytes")
        with self.index() as index:
            facts = (sha256(data), len(data), packed.stat().st_size, uuid)
            query = "UPDATE attachments SET state = 'compressed', reason = NULL, sha256 = ?, size = ?, stored = ? WHERE uuid = ?"
            if index.execute(query, facts).rowcount:
                raw.unlink(missing_ok=True)
            else:  # Orthanc has removed it meanwhile
                packed.unlink(missing_ok=True)

    @contextmanager
    def alone(self, wait: bool) -> Iterator[None]:
        with open(self.root / LOCK, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            yield

    def work(self) -> None:
        """Until Orthanc, at the other end of standard input, is gone. It may be killed at any moment."""
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
        os.nice(10)
        with self.alone(wait=True):
            self.sweep()
            while True:
                uuid = self.next()
                if uuid is None:
                    time.sleep(1)
                    continue
                try:
                    self.compress(uuid)
                except Exception as error:  # such as a full disk: the raw file stays, and is tried again
                    tell(f"{self.raw(uuid)} stays raw for now: {type(error).__name__}: {error}")

    def restore(self) -> int:
        """Every file raw again, under Orthanc's name for it. The exit code."""
        failed = 0
        with self.alone(wait=False):
            for packed in sorted(self.root.glob(f"??/??/*{PACKED}")):
                uuid = packed.name.removesuffix(PACKED)
                try:
                    targets.write(self.raw(uuid), self.read(uuid))
                    packed.unlink()
                except (DamagedError, DicompressError) as error:
                    tell(f"{packed}: {error}")
                    failed += 1
            if not failed:
                for name in (INDEX, f"{INDEX}-wal", f"{INDEX}-shm", LOCK):
                    (self.root / name).unlink(missing_ok=True)
        return int(failed > 0)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def tell(text: str) -> None:
    orthanc.LogError(text) if orthanc else print(text, file=sys.stderr, flush=True)


def keep_working(python: Path, root: Path) -> None:
    while True:
        code = subprocess.Popen([python, __file__, "work", root], stdin=subprocess.PIPE).wait()
        tell(f"the worker that compresses has ended with {code}; another starts in {AGAIN} seconds")
        time.sleep(AGAIN)


if orthanc:
    settings = json.loads(orthanc.GetConfiguration())
    python = find_dicompress(Path(settings.get("Dicompress", {}).get("Environment", "/opt/dicompress")))

from dicompress.dicom import PassedOn, compress_or_pass_on, restore_file  # noqa: E402
from dicompress.disk import targets  # noqa: E402
from dicompress.errors import DicompressError  # noqa: E402

if orthanc:
    configuration = Path(orthanc.GetConfigurationPath() or ".").resolve()
    folder = configuration if configuration.is_dir() else configuration.parent  # what Orthanc's relative paths are relative to
    area = Area(folder / settings.get("StorageDirectory", "OrthancStorage"))
    orthanc.RegisterStorageArea(
        lambda uuid, kind, data: area.create(uuid, data, kind == orthanc.ContentType.DICOM),
        lambda uuid, kind: area.read(uuid),
        lambda uuid, kind: area.remove(uuid),
    )
    orthanc.RegisterRestCallback("/dicompress", lambda output, uri, **request: output.AnswerBuffer(
        json.dumps(area.status(), indent=2), "application/json"))  # fmt: skip
    threading.Thread(target=keep_working, args=(python, area.root), daemon=True).start()
elif __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("work", "restore"):
        sys.exit(__doc__)
    area = Area(Path(sys.argv[2]))
    sys.exit(area.work() if sys.argv[1] == "work" else area.restore())
