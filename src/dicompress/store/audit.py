"""What happened to objects, as JSON lines that are only ever appended to.

An event is written to the index in the transaction of what it tells of, and goes from there to the file; a line may come twice, with
the same id, if a process is killed just then.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, select

from ..disk import system
from ..errors import FileError
from .index import Index
from .tables import events

MOST = 1000  # lines at a time


def add(connection: Connection, event: str, **facts: Any) -> None:
    told = {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event}
    text = json.dumps(told | {name: value for name, value in facts.items() if value is not None})
    connection.execute(events.insert().values(text=text))


def flush(index: Index, path: Path) -> None:
    """Append what waits in the index. FileError, and it waits on."""
    while True:
        with index.read() as connection:
            if connection.execute(select(events.c.id).limit(1)).first() is None:
                return
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise FileError(f"{path} cannot be written: {error.strerror}") from None
        try:
            system.lock(handle)
            with index.read() as connection:
                found = list(connection.execute(select(events.c.id, events.c.text).order_by(events.c.id).limit(MOST)))
            lines = "".join(f"{json.dumps({'id': row.id})[:-1]}, {row.text[1:]}\n" for row in found)
            _append(handle, lines.encode())
            with index.write() as connection:
                connection.execute(delete(events).where(events.c.id.in_([row.id for row in found])))
        except OSError as error:
            raise FileError(f"{path} cannot be written: {error.strerror}") from None
        finally:
            os.close(handle)


def _append(handle: int, data: bytes) -> None:
    """All of it, on a line of its own: a full disk may have cut the last one."""
    if os.lseek(handle, 0, os.SEEK_END):
        os.lseek(handle, -1, os.SEEK_END)
        data = data if os.read(handle, 1) == b"\n" else b"\n" + data
    while data:
        data = data[os.write(handle, data) :]
    os.fsync(handle)


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """The events, each once; what is no JSON (a line that a full disk cut) is left out."""
    seen: set[int] = set()
    try:
        with path.open("rb") as file:
            for line in file:
                try:
                    event = json.loads(line)
                except ValueError:
                    continue
                if event["id"] not in seen:
                    seen.add(event["id"])
                    yield event
    except FileNotFoundError:
        return
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from None
