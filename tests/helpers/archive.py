"""Stores: objects to put into them, and a server of PostgreSQL of Debian's where it is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest

from dicompress.store import Outcome, Store, worker, workers
from dicompress.store.tables import objects

from .files import change, pydicom_file

ONE = partial(workers.each, 1)  # process


def instance(number: int = 1, name: str = "CT_small.dcm", **attributes) -> bytes:
    """An object of pydicom's, with a SOP Instance UID by number."""
    return change(pydicom_file(name), **{"SOPInstanceUID": f"1.2.3.{number}", "InstanceNumber": number} | attributes)


def compress(store: Store, jobs: int = 1) -> dict[str, Outcome]:
    """What becomes of all that is due, by UID."""
    found: list[Outcome] = []
    worker.compress_due(store, jobs, found.append)
    return {outcome.uid: outcome for outcome in found}


def rows(store: Store) -> list:
    with store.index.read() as connection:
        return list(connection.execute(objects.select().order_by(objects.c.id)))


def stored(store: Store) -> set[str]:
    """The keys of all files."""
    return set(store.storage.keys())


def set_rules(store: Store, text: str) -> Store:
    """The store with other rules, opened again."""
    store.close()
    store.config.rules.write_text(text)
    return Store(store.config.folder)


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


@contextmanager
def postgresql() -> Iterator[str]:
    """The folder of the socket of a server. The test is skipped where there is none."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    user = None
    if os.geteuid() == 0:  # the server refuses to be root
        user = next((name for name in ("postgres", "nobody") if name in {one.pw_name for one in pwd.getpwall()}), None)
        shutil.chown(folder, user)
    options = {"user": user, "cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    try:
        data = folder / "data"
        subprocess.run([programs / "initdb", "-D", data, "-U", "test", "-A", "trust", "-N", "-E", "UTF8"], check=True, **options)
        command = [programs / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]
        with subprocess.Popen(command, **options) as server:
            try:
                _wait(folder)
                yield str(folder)
            finally:
                server.terminate()
                server.send_signal(2)  # fast: without waiting for clients
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(folder: Path) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            return psycopg.connect(host=str(folder), user="test", dbname="postgres").close()
        except psycopg.OperationalError:
            assert time.monotonic() < end, "PostgreSQL does not start"
            time.sleep(0.1)


@contextmanager
def database(server: str, name: str) -> Iterator[str]:
    """The URL of a new one."""
    with psycopg.connect(host=server, user="test", dbname="postgres", autocommit=True) as connection:
        connection.execute(f"create database {name}")
        yield f"postgresql://test@/{name}?host={server}"
        connection.execute(f"drop database {name} with (force)")
