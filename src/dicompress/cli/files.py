"""Sources: which files go where, and reading one; `-` is a pipe."""

from __future__ import annotations

import os
import stat
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..disk.targets import is_partial
from ..errors import FileError

PIPE = "-"
STDIN, STDOUT = "standard input", "standard output"  # in messages


@dataclass(frozen=True)
class Task:
    """problem: why the source cannot be a source, if that is known already. named: it was named, not found in a folder.

    backup: where the original is kept before it is replaced. from_stdin, to_stdout: instead of files.
    name: its path in the tree, with slashes, wherever that lies. size: in bytes, if it is known already.
    """

    source: Path
    target: Path | None
    problem: str | None = None
    named: bool = False
    backup: Path | None = None
    from_stdin: bool = False
    to_stdout: bool = False
    name: str = ""
    size: int | None = None


@dataclass(frozen=True)
class Source:
    """A file's bytes, and its modes and times; None for a pipe."""

    data: bytes
    status: os.stat_result | None


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


def check_named(path: Path) -> None:
    """As `check`, with the name."""
    try:
        check(path)
    except FileError as error:
        raise FileError(f"{path} {error}") from None


def read(path: Path) -> bytes:
    """A regular file's bytes, all of one moment as far as its size and time of change tell."""
    return _read(path).data


def load(task: Task) -> Source:
    return Source(_read_stdin(), None) if task.from_stdin else _read(task.source)


def _read(path: Path) -> Source:
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
    return Source(data, after)


def _read_stdin() -> bytes:
    if sys.stdin is None:
        raise FileError("cannot be read: it is closed")
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}") from None


def write_stdout(data: bytes | bytearray) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise FileError(f"cannot write to standard output: {error.strerror}") from None


def check_stdout() -> None:
    """FileError if it takes no file."""
    if sys.stdout is None or sys.stdout.isatty():
        raise FileError("compressed and restored files are no text for a terminal: send standard output elsewhere")


def size_of(task: Task) -> int:
    """In bytes; 0 for what cannot be read."""
    return size(task.source) if task.size is None else task.size


def size(path: Path) -> int:
    """In bytes; 0 for what cannot be read."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def tasks(sources: Sequence[str | Path], output: str | Path | None) -> list[Task]:
    """One task a file. Folders are walked and keep their tree under `output`, as `cp -r` would.

    A single file goes to `output` itself unless that is a folder or ends in a separator; a single folder's contents go
    right under `output`; of several sources, each goes under `output` by its own name. Files inside `output` are not
    sources. A single "-" is standard input, and as `output` standard output.
    """
    if PIPE in sources or output == PIPE:
        return [_piped(sources, output)]
    found = [task for some in _found(sources, output) for task in sorted(some, key=lambda task: task.source)]
    counts = Counter(t.target for t in found if t.target)
    clash = next((path for path, count in counts.items() if count > 1), None)
    if clash:
        raise FileError(f"two sources would both be written to {clash}; compress them one after another")
    return found


def streamed(sources: Sequence[str | Path], output: str | Path | None) -> Iterator[Task]:
    """As `tasks`, one after the other as folders are walked, in no order. FileError if sources of one name share their targets."""
    if PIPE in sources or output == PIPE:
        raise FileError("a run on several machines goes with files, not with pipes")
    names = Counter(Path(source).resolve().name for source in sources) if output else Counter()
    clash = next((name for name, count in names.items() if count > 1), None)
    if clash:
        raise FileError(f"two sources are called {clash} and would share a target; compress them one after another")
    return (task for some in _found(sources, output) for task in some)


def _found(sources: Sequence[str | Path], output: str | Path | None) -> Iterator[Iterator[Task]]:
    """Of each source."""
    target = None if output is None else Path(output)
    several = len(sources) > 1
    for source in map(Path, sources):
        if os.path.isdir(source):
            top = Path(source.resolve().name) if several else Path()
            yield _below(source, top, target)
        elif target is None or output is None:
            yield iter([Task(source, None, named=True, name=source.name)])
        else:
            inside = several or os.path.isdir(target) or ends_as_folder(output)
            yield iter([Task(source, target / source.name if inside else target, named=True, name=source.name)])


def _below(source: Path, top: Path, target: Path | None) -> Iterator[Task]:
    for file, problem in _walk(source, target):
        below = top / file.relative_to(source)
        yield Task(file, target and target / below, problem, name=below.as_posix())


def tasks_in_place(sources: Sequence[str | Path], backup: Path | None = None) -> list[Task]:
    """One task a file, its target the file itself; backups keep the tree under `backup`. A file named twice is one."""
    if PIPE in sources:
        raise FileError("standard input is no file that could be replaced")
    found = tasks(sources, backup and f"{backup}{os.sep}")
    once = {os.path.realpath(t.source.parent) + os.sep + t.source.name: t for t in reversed(found)}
    return [replace(t, target=t.source, backup=t.target) for t in reversed(once.values())]


def _piped(sources: Sequence[str | Path], output: str | Path | None) -> Task:
    if len(sources) != 1:
        raise FileError('"-" is one file: it goes with a single source (./- is a file of that name)')
    (source,) = sources
    from_stdin, to_stdout = source == PIPE, output == PIPE
    if os.path.isdir(source) and not from_stdin:
        raise FileError(f"{source} is a folder: standard output takes one file")
    if to_stdout:
        check_stdout()
    if from_stdin and not to_stdout and output and (os.path.isdir(output) or ends_as_folder(output)):
        raise FileError(f"{output} is a folder, and standard input has no name: name a file")
    target = None if to_stdout or output is None else Path(output)
    return Task(Path(STDIN) if from_stdin else Path(source), target, named=True, from_stdin=from_stdin, to_stdout=to_stdout)


def is_inside(path: str) -> bool:
    """Whether a path with slashes leads into the folder that it is put behind, on this system."""
    foreign = (os.sep, ":") if os.sep != "/" else ()
    return not any(part in ("", ".", "..") for part in path.split("/")) and not any(c in path for c in ("\0", *foreign))


def ends_as_folder(name: str | Path) -> bool:
    return str(name).endswith((os.sep, os.altsep or os.sep))


def _walk(folder: Path, target: Path | None) -> Iterator[tuple[Path, str | None]]:
    """Whatever lies below `folder` and is no folder, as it is found: a path, and its problem if it cannot be a source.

    Links to folders are not followed, so that there are no loops; they and folders that cannot be listed are problems.
    """
    skip = target and os.path.realpath(target)  # unless it is `folder`: then every file is refused by its own check
    waiting = [str(folder)]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    if not _is_folder(entry):
                        if not is_partial(entry.name):
                            yield Path(entry.path), None
                    elif os.path.realpath(entry.path) != skip:
                        if entry.is_symlink():
                            yield Path(entry.path), "a link to a folder is not followed; name that folder as a source"
                        else:
                            waiting.append(entry.path)
        except OSError as error:
            yield Path(here), f"cannot be read: {error.strerror}"


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
