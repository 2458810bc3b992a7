"""Sources: which files go where, and reading one."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import FileError
from .targets import is_partial
from .targets import write as write


@dataclass(frozen=True)
class Task:
    """problem: why the source cannot be a source, if that is known already."""

    source: Path
    target: Path | None
    problem: str | None = None


def check(path: Path) -> None:
    """FileError unless there is a regular file: a pipe could be waited for for ever."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        what = "the symbolic link leads nowhere" if path.is_symlink() else "there is no such file"
        raise FileError(f"cannot be read: {what}") from None
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(mode):
        raise FileError("cannot be read: not a regular file")


def read(path: Path) -> bytes:
    """A regular file's bytes, all of one moment as far as its size and time of change tell."""
    check(path)
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            data = file.read()
            after = os.fstat(file.fileno())
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}") from None
    if (before.st_size, before.st_mtime_ns) != (len(data), after.st_mtime_ns) or after.st_size != len(data):
        raise FileError("changed while it was read; run again")
    return data


def size(path: Path) -> int:
    """In bytes; 0 for what cannot be read."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def tasks(sources: list[Path], output: str | Path | None) -> list[Task]:
    """One task a file. Folders are walked and keep their tree under `output`, as `cp -r` would.

    A single file goes to `output` itself unless that is a folder or ends in a separator; a single folder's contents go
    right under `output`; of several sources, each goes under `output` by its own name. Files inside `output` are not
    sources.
    """
    target = None if output is None else Path(output)
    found: list[Task] = []
    several = len(sources) > 1
    for source in sources:
        if os.path.isdir(source):
            root = target and (target / source.resolve().name if several else target)
            found += [Task(f, root and root / f.relative_to(source), problem) for f, problem in _walk(source, target)]
        elif target is None:
            found.append(Task(source, None))
        else:
            inside = several or os.path.isdir(target) or str(output).endswith(os.sep)
            found.append(Task(source, target / source.name if inside else target))
    counts = Counter(t.target for t in found if t.target)
    clash = next((path for path, count in counts.items() if count > 1), None)
    if clash:
        raise FileError(f"two sources would both be written to {clash}; compress them one after another")
    return found


def _walk(folder: Path, target: Path | None) -> Iterable[tuple[Path, str | None]]:
    """Whatever lies below `folder` and is no folder, sorted: a path, and its problem if it cannot be a source.

    Links to folders are not followed, so that there are no loops; they and folders that cannot be listed are problems.
    """
    found: dict[Path, str | None] = {}
    skip = target and os.path.realpath(target)  # unless it is `folder`: then every file is refused by its own check

    def cannot_list(error: OSError) -> None:
        found[Path(error.filename)] = f"cannot be read: {error.strerror}"

    for here, folders, names in os.walk(folder, onerror=cannot_list):
        folders[:] = [name for name in folders if os.path.realpath(os.path.join(here, name)) != skip]
        for name in folders:
            if os.path.islink(os.path.join(here, name)):
                found[Path(here, name)] = "a link to a folder is not followed; name that folder as a source"
        found |= dict.fromkeys((Path(here, name) for name in names if not is_partial(name)), None)
    return sorted(found.items(), key=lambda item: item[0])
