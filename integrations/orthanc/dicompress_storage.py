# SPDX-License-Identifier: AGPL-3.0-or-later
"""Orthanc's storage, compressed behind a raw first write: README.md beside this file says how to install it.

An attachment is on the disk as it came when Orthanc acknowledges it. A worker process compresses DICOM files later, and removes a raw
file only when what it wrote, read back, restores it. Whoever reads gets the bytes that came, checked, or an error.

    python3 dicompress_storage.py restore STORAGE    every file raw again, with Orthanc stopped: the way out
"""

from __future__ import annotations

import fcntl
import json
import os
import site
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from pathlib import Path

try:
    import orthanc
except ImportError:  # the worker, or a command
    orthanc = None

PACKED, INDEX, LOCK = ".dicompress", "dicompress.sqlite", "dicompress.lock"
ATTEMPTS, AGAIN = 3, 10  # of a file on which the worker fails or dies; seconds before the next
TABLES = """PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS attachments (uuid TEXT PRIMARY KEY, state TEXT NOT NULL, sha256 TEXT, size INTEGER, stored INTEGER,
    reason TEXT, attempts INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waiting ON attachments (due) WHERE state = 'raw'"""
FOUND = """INSERT INTO attachments (uuid, state, size, stored) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET state = excluded.state,
    attempts = 0 WHERE state IN ('damaged', 'failed') OR (state = 'compressed' AND excluded.state = 'raw')"""


def find_dicompress(environment: Path) -> Path:
    """Make the virtual environment's packages importable, before Debian's of the same names. Its Python, for the worker."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages, known = environment / "lib" / version / "site-packages", list(sys.path)
    if not packages.is_dir():
        raise FileNotFoundError(f"no {packages}: Dicompress.Environment must be a virtual environment of Orthanc's {version}")
    site.addsitedir(str(packages))
    sys.path[:] = [path for path in sys.path if path not in known] + known
    return environment / "bin" / version


class Area:
    """A folder of attachments. State of each: raw (waits for the worker), compressed, left (raw for good), failed (raw), damaged."""

    def __init__(self, root: Path):
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(root / INDEX)) as connection:
            connection.executescript(TABLES)

    def raw(self, uuid: str) -> Path:
        return self.root / uuid[:2] / uuid[2:4] / uuid  # as Orthanc has it

    def packed(self, uuid: str) -> Path:
        return self.raw(uuid).with_name(uuid + PACKED)

    @contextmanager
    def index(self) -> Iterator[sqlite3.Connection]:
        """One transaction; nothing of it if there is an error."""
        with closing(sqlite3.connect(self.root / INDEX, timeout=60, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")

    def mark(self, uuid: str, state: str, reason: str, digest: str | None = None) -> None:
        with self.index() as index:
            query = "UPDATE attachments SET state = ?, reason = ?, sha256 = IFNULL(?, sha256) WHERE uuid = ?"
            if index.execute(query, (state, reason, digest, uuid)).rowcount and state != "left":
                tell(f"{self.raw(uuid)}: {state}: {reason}")

    def create(self, uuid: str, data: bytes, is_dicom: bool) -> None:
        """On the disk when it returns."""
        targets.write(self.raw(uuid), data)
        try:
            with self.index() as index:
                query = "INSERT OR REPLACE INTO attachments (uuid, state, sha256, size, stored) VALUES (?, ?, ?, ?, ?)"
                index.execute(query, (uuid, "raw" if is_dicom else "left", sha256(data).hexdigest(), len(data), len(data)))
        except sqlite3.Error:  # Orthanc hears of it, and forgets the file
            self.raw(uuid).unlink()
            raise

    def read(self, uuid: str) -> bytes:
        """The bytes that came. DicompressError if they cannot be had."""
        with self.index() as index:
            row = index.execute("SELECT sha256 FROM attachments WHERE uuid = ?", (uuid,)).fetchone()
        try:
            data = self.stored(uuid)
            if row and row[0] not in (None, sha256(data).hexdigest()):
                raise DamagedObjectError("not the bytes that came, by their SHA-256")
        except DicompressError as error:
            self.mark(uuid, "damaged", str(error))
            raise DamagedObjectError(f"{self.raw(uuid)}: {error}") from None
        return data

    def stored(self, uuid: str) -> bytes:
        """The raw file, or what the compressed one restores. This order: a worker writes the second before it removes the first."""
        with suppress(FileNotFoundError):
            return self.raw(uuid).read_bytes()
        try:
            restored = restore_file(self.packed(uuid).read_bytes())
        except FileNotFoundError:
            raise DamagedObjectError("the file is missing") from None
        if restored.remark:
            raise DamagedObjectError(restored.remark)
        return bytes(restored.data)

    def remove(self, uuid: str) -> None:
        with self.index() as index:
            index.execute("DELETE FROM attachments WHERE uuid = ?", (uuid,))
        self.raw(uuid).unlink(missing_ok=True)
        self.packed(uuid).unlink(missing_ok=True)

    def status(self) -> str:
        with self.index() as index:
            states = index.execute("SELECT state, COUNT(*), SUM(size), SUM(stored) FROM attachments GROUP BY state").fetchall()
            trouble = index.execute("SELECT uuid, state, reason FROM attachments WHERE state IN ('damaged', 'failed')").fetchall()
        found = {state: {"count": count, "size": size, "stored": stored} for state, count, size, stored in states}
        return json.dumps({"states": found, "trouble": [dict(zip(("uuid", "state", "reason"), row)) for row in trouble]}, indent=2)

    def sweep(self) -> None:
        """What a killed run left behind goes; files of before this script, or of a lost index, come in; damaged ones have another try."""
        for folder in self.root.glob("??/??"):
            targets.clean([folder])
            with self.index() as index:
                for path in (path for path in folder.iterdir() if not targets.is_partial(path.name)):
                    is_packed, size = path.name.endswith(PACKED), path.stat().st_size
                    uuid, state = (path.stem, "compressed") if is_packed else (path.name, "raw")
                    if not is_packed or not self.raw(uuid).exists():  # a compressed one is proved when the raw one is gone
                        index.execute(FOUND, (uuid, state, size, size))

    def next(self) -> str | None:
        """One that waits. One on which the worker fails, or dies, is tried again later, and in the end is not."""
        with self.index() as index:
            query = "SELECT uuid, attempts FROM attachments WHERE state = 'raw' AND due <= ? ORDER BY due LIMIT 1"
            uuid, attempts = index.execute(query, (time.time(),)).fetchone() or (None, 0)
            index.execute("UPDATE attachments SET attempts = attempts + 1, due = ? WHERE uuid = ?", (time.time() + AGAIN, uuid))
        if attempts < ATTEMPTS:
            return uuid
        return self.mark(uuid, "failed", f"compressing it failed {ATTEMPTS} times: it stays raw")

    def compress(self, uuid: str) -> None:
        """What becomes of one that waits. The raw file goes last."""
        try:
            data = self.read(uuid)
        except DamagedObjectError:
            return
        raw, packed = self.raw(uuid), self.packed(uuid)
        if raw.exists():  # else a worker died just after it had proved the compressed one
            result = compress_or_pass_on(data)
            if isinstance(result, PassedOn):
                return self.mark(uuid, "left", result.reason, sha256(data).hexdigest())
            targets.write(packed, result.data)
            restored = restore_file(packed.read_bytes())
            if restored.remark or restored.data != data:
                packed.unlink()
                return self.mark(uuid, "left", "compressed, it would not give back the same bytes", sha256(data).hexdigest())
        facts = (sha256(data).hexdigest(), len(data), packed.stat().st_size, uuid)
        with self.index() as index:
            query = "UPDATE attachments SET state = 'compressed', reason = NULL, sha256 = ?, size = ?, stored = ? WHERE uuid = ?"
            if index.execute(query, facts).rowcount:
                raw.unlink(missing_ok=True)
            else:  # Orthanc has removed it meanwhile
                packed.unlink(missing_ok=True)

    def lock(self, how: int = fcntl.LOCK_EX) -> None:
        self.held = open(self.root / LOCK, "wb")  # noqa: SIM115  # for as long as the process lives
        try:
            fcntl.flock(self.held, how)
        except BlockingIOError:
            sys.exit(f"{self.root} is in use: stop Orthanc first")

    def work(self) -> None:
        """Until Orthanc, at the other end of standard input, is gone. It may be killed at any moment."""
        threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
        os.nice(10)
        self.lock()
        self.sweep()
        while True:
            uuid = self.next()
            try:
                self.compress(uuid) if uuid else time.sleep(1)
            except Exception as error:  # the raw file stays, and is tried again
                tell(f"{self.raw(uuid)} stays raw for now: {type(error).__name__}: {error}")
                if isinstance(error, (OSError, FileError, sqlite3.Error)):  # such as a full disk: not the file's fault
                    with self.index() as index:
                        index.execute("UPDATE attachments SET attempts = 0 WHERE uuid = ?", (uuid,))

    def restore(self) -> bool:
        """Every file raw again, under Orthanc's name for it. Whether all are. Not while Orthanc runs."""
        self.lock(fcntl.LOCK_EX | fcntl.LOCK_NB)
        done = True
        for packed in sorted(self.root.glob(f"??/??/*{PACKED}")):
            try:
                targets.write(self.raw(packed.stem), self.read(packed.stem))
                packed.unlink()
            except DicompressError as error:
                tell(str(error))
                done = False
        for path in self.root.glob("dicompress.*") if done else ():  # index and lock
            path.unlink()
        return done


def tell(text: str) -> None:
    orthanc.LogError(text) if orthanc else print(text, file=sys.stderr, flush=True)


def keep_working(python: Path, root: Path) -> None:
    while True:
        code = subprocess.Popen([python, __file__, "work", root], stdin=subprocess.PIPE).wait()  # noqa: S603
        tell(f"the worker that compresses has ended with {code}; another starts in {AGAIN} seconds")
        time.sleep(AGAIN)


if orthanc:
    settings = json.loads(orthanc.GetConfiguration())
    python = find_dicompress(Path(settings.get("Dicompress", {}).get("Environment", "/opt/dicompress")))

warnings.simplefilter("ignore")  # pydicom's, about values in files
from dicompress.dicom import PassedOn, compress_or_pass_on, restore_file  # noqa: E402
from dicompress.disk import targets  # noqa: E402
from dicompress.errors import DamagedObjectError, DicompressError, FileError  # noqa: E402

if orthanc:
    place = Path(orthanc.GetConfigurationPath() or ".").resolve()  # Orthanc's relative paths are relative to its folder
    area = Area((place if place.is_dir() else place.parent) / settings.get("StorageDirectory", "OrthancStorage"))
    orthanc.RegisterStorageArea(
        lambda uuid, kind, data: area.create(uuid, data, kind == orthanc.ContentType.DICOM),
        lambda uuid, _: area.read(uuid),
        lambda uuid, _: area.remove(uuid),
    )
    orthanc.RegisterRestCallback("/dicompress", lambda output, *_, **__: output.AnswerBuffer(area.status(), "application/json"))
    threading.Thread(target=keep_working, args=(python, area.root), daemon=True).start()
elif __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("work", "restore"):
        sys.exit(__doc__)
    area = Area(Path(sys.argv[2]))
    sys.exit(area.work() if sys.argv[1] == "work" else not area.restore())
