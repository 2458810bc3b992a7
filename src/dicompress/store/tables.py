"""The tables of the index. Columns of DICOM's elements have their keywords as names."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

from .attributes import FOLDED, INSTANCE, NAMES, NUMBERS, PATIENT, SERIES, STUDY

Word = String().with_variant(String(collation="C"), "postgresql")  # compared by bytes, as SQLite does
Number = BigInteger().with_variant(Integer, "sqlite")
RAW, PROVED, COMPRESSED = "raw", "proved", "compressed"  # states
metadata = MetaData()


def _elements(names: tuple[str, ...], *but: str) -> list[Column[Any]]:
    return [Column(name, Integer if name in NUMBERS else Word) for name in names if name not in but]


studies = Table(
    "studies", metadata,
    Column("StudyInstanceUID", Word, primary_key=True),
    *_elements(PATIENT + STUDY, "StudyInstanceUID"),
    *(Column(name + FOLDED, Word) for name in NAMES),
    Index("studies_patient", "PatientID"), Index("studies_name", f"PatientName{FOLDED}"),
    Index("studies_date", "StudyDate"), Index("studies_accession", "AccessionNumber"),
)  # fmt: skip

series = Table(
    "series", metadata,
    Column("StudyInstanceUID", Word, ForeignKey("studies.StudyInstanceUID"), primary_key=True),
    Column("SeriesInstanceUID", Word, primary_key=True),  # some writers use one in two studies
    *_elements(SERIES, "SeriesInstanceUID"),
)  # fmt: skip

# A version of an object. arrived: what was put. raw: what is stored uncompressed, packed: compressed, if it is; restored: what that
# restores to. guarantee: what that is of what arrived. source: SOP Instance UID that it had before an error was allowed.
# plan: what the rules want, as JSON. due: when, in seconds since 1970; none if nothing is to be done. result: why, in a word; reason: in words.
# damaged: what is wrong with what is stored. lease_until: until then it is lease_owner's.
objects = Table(
    "objects", metadata,
    Column("id", Number, primary_key=True),
    *_elements(INSTANCE),
    Column("TransferSyntaxUID", Word),
    Column("StudyInstanceUID", Word, nullable=False),
    Column("SeriesInstanceUID", Word, nullable=False),
    Column("version", Integer, nullable=False), Column("newest", Boolean, nullable=False),
    Column("sender", Word, nullable=False), Column("received", Float(53), nullable=False),
    Column("state", Word, nullable=False), Column("guarantee", Word), Column("source", Word),
    *(Column(f"{form}_{what}", kind) for form in ("arrived", "raw", "packed", "restored") for what, kind in (("sha256", Word), ("size", Number))),
    Column("raw_key", Word), Column("packed_key", Word),
    Column("plan", Word), Column("due", Float(53)), Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("result", Word), Column("reason", Word),
    Column("damaged", Word), Column("verified", Float(53), nullable=False),
    Column("lease_owner", Word), Column("lease_until", Float(53), nullable=False, server_default=text("0")),
    ForeignKeyConstraint(["StudyInstanceUID", "SeriesInstanceUID"], ["series.StudyInstanceUID", "series.SeriesInstanceUID"]),
    UniqueConstraint("SOPInstanceUID", "version"), UniqueConstraint("SOPInstanceUID", "arrived_sha256"),
    Index("objects_series", "StudyInstanceUID", "SeriesInstanceUID"), Index("objects_source", "source"),
    Index("objects_due", "state", "due"), Index("objects_verified", "verified"),
    sqlite_autoincrement=True,
)  # fmt: skip

# Keys of files that nothing refers to, until they are gone: those of forms that were replaced, and, as long as they are being
# written, of new ones, which are removed after a day if their process died. after: when, in seconds since 1970.
waste = Table("waste", metadata, Column("key", Word, primary_key=True), Column("after", Float(53), nullable=False))

# What is to be written to the audit, in the transaction of what it tells of.
events = Table(
    "events", metadata, Column("id", Number, primary_key=True), Column("text", Word, nullable=False), sqlite_autoincrement=True
)

facts = Table("facts", metadata, Column("name", Word, primary_key=True), Column("value", Word, nullable=False))
