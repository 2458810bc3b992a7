"""Replacing a file by its proved result. Under its name there is always one of the two, whole and on the disk."""

from __future__ import annotations

import os
from pathlib import Path

from .. import places
from ..disk import system, targets
from ..errors import FileError
from ..places import Source
from . import files
from .files import Task


def check(task: Task) -> None:
    """FileError for what is not replaced: links, of either kind, and what lies where nothing may be written."""
    path = places.check_local(task.source)
    if path.is_symlink():
        raise FileError("a symbolic link, which would become a file of its own: name the file that it leads to")
    files.check(path)
    others = path.stat().st_nlink - 1
    if others and not (
        others == 1 and task.backup and _is_same(places.check_local(task.backup), path)
    ):  # a run was killed after the backup
        raise FileError("it has other names (hard links), which would go on leading to the original: it stays as it is")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise FileError(f"cannot be replaced: {path.parent} is not a folder that can be written to")


def replace(task: Task, source: Source, data: bytes | bytearray) -> None:
    """Write `data` beside the file, flush it, keep the original as `task.backup` if that is asked for, rename.

    FileError, and the file as it was, if it is not the one that was read any more or cannot be written.
    """
    path = places.check_local(task.source)
    try:
        with targets.partial(path.parent) as (file, name):
            file.write(data)
            if not system.finish(file, name, source.status):
                raise FileError("cannot be replaced: the new file could not have its owner and group")
            _check_unchanged(path, source)
            if task.backup:
                _back_up(path, source, places.check_local(task.backup))
            os.replace(name, path)
        system.sync_folder(path.parent)
    except OSError as error:
        raise FileError(f"cannot be replaced: {error.strerror}") from None


def _check_unchanged(path: Path, source: Source) -> None:
    now = files.load(Task(path, None))
    assert now.status and source.status  # both are files
    same = (now.status.st_dev, now.status.st_ino) == (source.status.st_dev, source.status.st_ino)
    if path.is_symlink() or not same or now.data != source.data:
        raise FileError("changed since it was read; run again")


def _back_up(path: Path, source: Source, backup: Path) -> None:
    """The original under a second name, on the disk; a copy where links are not possible. Other files there stay: FileError."""
    try:
        targets.make_folder(backup.parent)
        try:
            system.link(path, backup)
        except FileExistsError:
            raise
        except OSError:  # another file system, or one without links
            targets.write(backup, source.data, replace=False, like=source.status)
        system.sync_folder(backup.parent)
    except (FileExistsError, FileError) as error:
        if not os.path.lexists(backup):
            raise
        if not _is_same(backup, path) and files.read(backup) != source.data:
            raise FileError(f"the backup {backup} exists and is another file, which is never replaced") from error
    except OSError as error:
        raise FileError(f"cannot write the backup {backup}: {error.strerror}") from None


def _is_same(backup: Path, path: Path) -> bool:
    try:
        return backup.samefile(path)
    except OSError:
        return False
