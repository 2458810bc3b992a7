"""The index's database: SQLite with a write-ahead log, or PostgreSQL. Transactions, and errors in our own words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from ..errors import DicompressError, FileError
from . import tables

SQLITE = "sqlite"
SCHEMA = "1"  # of the tables; another number for each change
WAIT = 60  # seconds for another's transaction
TRIES = 10


class Conflict(DicompressError):
    """Another process wrote what this one was about to write; to be done again."""


class Index:
    """url: of SQLAlchemy. FileError if there is no database, or its driver is not installed."""

    def __init__(self, url: str):
        try:
            self.engine = _engine(url)
        except (ArgumentError, ImportError) as error:
            raise FileError(f"the index: {error}") from None
        self.is_sqlite = self.engine.dialect.name == SQLITE

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with _told(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction, on the disk at its end. Conflict."""
        with _told(), self.engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    def create(self) -> None:
        """The tables, where they are not there yet."""
        with self.write() as connection:
            tables.metadata.create_all(connection)
            self.put_if_absent(connection, tables.facts, {"name": "schema", "value": SCHEMA})

    def check(self) -> None:
        """FileError if it is of another version of dicompress."""
        found = self.fact("schema")
        if found != SCHEMA:
            raise FileError(f"the index has schema {found}, and this version reads {SCHEMA}: use the version that made the store")

    def put_if_absent(self, connection: Connection, table: Table, values: dict[str, Any]) -> None:
        insert: Any = (sqlite if self.is_sqlite else postgresql).insert
        connection.execute(insert(table).values(values).on_conflict_do_nothing())

    def fact(self, name: str) -> str | None:
        with self.read() as connection:
            return connection.execute(select(tables.facts.c.value).where(tables.facts.c.name == name)).scalar()

    def set_fact(self, connection: Connection, name: str, value: str) -> None:
        connection.execute(tables.facts.delete().where(tables.facts.c.name == name))
        self.put_if_absent(connection, tables.facts, {"name": name, "value": value})

    def counts(self, connection: Connection, *columns: Any) -> list[Any]:
        """(value of each column ..., how many versions of objects)."""
        return list(connection.execute(select(*columns, func.count()).group_by(*columns)))

    def close(self) -> None:
        self.engine.dispose()


def retried(function: Any, *arguments: Any) -> Any:
    """function(*arguments), again while it meets a Conflict."""
    for _ in range(TRIES):
        try:
            return function(*arguments)
        except Conflict as error:
            last = error
    raise last


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != SQLITE:
        return create_engine(parsed, pool_pre_ping=True)
    engine = create_engine(parsed, connect_args={"timeout": WAIT})
    event.listen(engine, "connect", _connected)
    event.listen(engine, "begin", _begins)
    return engine


def _connected(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin as `_begins` says
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begins(connection: Connection) -> None:
    """A writer waits for the lock now: one that has read already could not."""
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise Conflict(f"the index: {_line(error)}") from None
    except SQLAlchemyError as error:
        raise FileError(f"the index: {_line(error)}") from None


def _line(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
