"""Sources: which files go where, and reading one; `-` is a pipe."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from .. import places
from ..errors import FileError
from ..places import Place, Source, Url

if TYPE_CHECKING:
    from .manifest import Expected

PIPE = "-"
STDIN, STDOUT = "standard input", "standard output"  # in messages


@dataclass(frozen=True)
class Task:
    """problem: why the source cannot be a source, if that is known already. named: it was named, not found in a folder.

    backup: where the original is kept before it is replaced. from_stdin, to_stdout: instead of files.
    name: its path in the tree, with slashes, wherever that lies. size: in bytes, if it is known already.
    expected: what a manifest says of it.
    """

    source: Place
    target: Place | None
    problem: str | None = None
    named: bool = False
    backup: Place | None = None
    from_stdin: bool = False
    to_stdout: bool = False
    name: str = ""
    size: int | None = None
    expected: Expected | None = None


def check(place: Place) -> None:
    """FileError unless there is a regular file: a pipe could be waited for for ever."""
    places.check(place)


def check_named(path: Place) -> None:
    """As `check`, with the name."""
    try:
        check(path)
    except FileError as error:
        raise FileError(f"{path} {error}") from None


def read(path: Place) -> bytes:
    """A regular file's bytes, all of one moment as far as its size and time of change tell."""
    return places.load(path).data


def load(task: Task) -> Source:
    return Source(_read_stdin(), None) if task.from_stdin else places.load(task.source)


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
    return places.size(task.source) if task.size is None else task.size


def tasks(sources: Sequence[str | Path], output: str | Path | None) -> list[Task]:
    """One task a file. Folders are walked and keep their tree under `output`, as `cp -r` would.

    A single file goes to `output` itself unless that is a folder or ends in a separator; a single folder's contents go
    right under `output`; of several sources, each goes under `output` by its own name. Files inside `output` are not
    sources. A single "-" is standard input, and as `output` standard output.
    """
    if PIPE in sources or output == PIPE:
        return [_piped(sources, output)]
    found = [task for some in _found(sources, output) for task in sorted(some, key=attrgetter("source"))]
    counts = Counter(t.target for t in found if t.target)
    clash = next((path for path, count in counts.items() if count > 1), None)
    if clash:
        raise FileError(f"two sources would both be written to {clash}; compress them one after another")
    return found


def streamed(sources: Sequence[str | Path], output: str | Path | None) -> Iterator[Task]:
    """As `tasks`, one after the other as folders are walked, in no order. FileError if sources of one name share their targets."""
    if PIPE in sources or output == PIPE:
        raise FileError("a run on several machines goes with files, not with pipes")
    names = Counter(places.last_name(places.at(source)) for source in sources) if output else Counter[str]()
    clash = next((name for name, count in names.items() if count > 1), None)
    if clash:
        raise FileError(f"two sources are called {clash} and would share a target; compress them one after another")
    return (task for some in _found(sources, output) for task in some)


def _found(sources: Sequence[str | Path], output: str | Path | None) -> Iterator[Iterator[Task]]:
    """Of each source."""
    target = None if output is None else places.at(output)
    several = len(sources) > 1
    for source in map(places.at, sources):
        if places.is_folder(source):
            yield _below(source, f"{places.last_name(source)}/" if several else "", target)
        elif target is None or output is None:
            yield iter([Task(source, None, named=True, name=source.name)])
        else:
            below = several or ends_as_folder(output) or places.is_folder(target)
            place = target / source.name if below else target
            yield iter([Task(source, place, named=True, name=place.name)])


def _below(source: Place, top: str, target: Place | None) -> Iterator[Task]:
    for file in places.walk(source, target):
        name = top + file.name
        inside = target if places.is_inside(name) else None
        yield Task(file.place, inside and inside / name, file.problem, name=name, size=file.size)


def tasks_in_place(sources: Sequence[str | Path], backup: Path | None = None) -> list[Task]:
    """One task a file, its target the file itself; backups keep the tree under `backup`. A file named twice is one."""
    if PIPE in sources:
        raise FileError("standard input is no file that could be replaced")
    for source in sources:
        places.check_local(places.at(source))
    found = tasks(sources, backup and f"{backup}{os.sep}")
    once = {os.path.join(os.path.realpath(str(t.source.parent)), t.source.name): t for t in reversed(found)}
    return [replace(t, target=t.source, backup=t.target) for t in reversed(once.values())]


def _piped(sources: Sequence[str | Path], output: str | Path | None) -> Task:
    if len(sources) != 1:
        raise FileError('"-" is one file: it goes with a single source (./- is a file of that name)')
    (source,) = sources
    from_stdin, to_stdout = source == PIPE, output == PIPE
    if not from_stdin and places.is_folder(places.at(source)):
        raise FileError(f"{source} is a folder: standard output takes one file")
    if to_stdout:
        check_stdout()
    if from_stdin and not to_stdout and output and (ends_as_folder(output) or places.is_folder(places.at(output))):
        raise FileError(f"{output} is a folder, and standard input has no name: name a file")
    target = None if to_stdout or output is None else places.at(output)
    name = target.name if target else ""
    place = Path(STDIN) if from_stdin else places.at(source)
    return Task(place, target, named=True, from_stdin=from_stdin, to_stdout=to_stdout, name=name)


def ends_as_folder(name: str | Path) -> bool:
    return str(name).endswith((os.sep, os.altsep or os.sep)) or (str(name).endswith("/") and isinstance(places.at(name), Url))
