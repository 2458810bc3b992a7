"""Files: which go where, and writing so that a target is either absent or complete."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ..errors import FileError


@dataclass(frozen=True)
class Task:
    source: Path
    target: Path | None


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}") from None


def write(path: Path, data: bytes) -> None:
    """Write beside `path`, flush to the disk, then rename: no half-written file is ever seen under the name."""
    partial = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, 0o666 & ~_umask())
        os.replace(partial, path)
        _sync_folder(path.parent)
    except FileExistsError:
        raise FileError(f"cannot write {path}: {path.parent} is not a folder") from None
    except OSError as error:
        raise FileError(f"cannot write {path}: {error.strerror}") from None
    finally:
        if partial and os.path.exists(partial):
            os.unlink(partial)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
        if source.is_dir():
            root = target and (target / source.resolve().name if several else target)
            found += [Task(f, root and root / f.relative_to(source)) for f in _walk(source, target)]
        elif target is None:
            found.append(Task(source, None))
        else:
            inside = several or target.is_dir() or str(output).endswith(os.sep)
            found.append(Task(source, target / source.name if inside else target))
    counts = Counter(t.target for t in found if t.target)
    clash = next((path for path, count in counts.items() if count > 1), None)
    if clash:
        raise FileError(f"two sources would both be written to {clash}; compress them one after another")
    return found


def _walk(folder: Path, target: Path | None) -> list[Path]:
    skip = target.resolve() if target else None
    if skip == folder.resolve():
        skip = None  # source and target the same: every file is refused by its own check
    return sorted(
        f for f in folder.rglob("*") if f.is_file() and not (skip and skip in f.resolve().parents)
    )
