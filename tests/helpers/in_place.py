"""Runs in place, and what files restore to."""

from __future__ import annotations

from pathlib import Path

from dicompress.cli import batch, files
from dicompress.dicom import restore_file
from dicompress.errors import NotDicomError, UnsupportedImageError

from .folders import contents


def outcomes(sources, backup=None, **options):
    tasks = files.tasks_in_place(sources, backup)
    found = batch.run(batch.Job("compress", in_place=True, **options), tasks, 1, lambda outcome: None)
    return {Path(o.source).name: o for o in found}


def original(data: bytes) -> bytes:
    try:
        return restore_file(data).data
    except (UnsupportedImageError, NotDicomError):
        return data


def originals(folder: Path) -> dict[str, bytes]:
    """What each file is or restores to; partial files do not count."""
    return {name: original(data) for name, data in contents(folder).items() if not name.endswith(".partial")}
