"""`--manifest`: what was written, a JSON line each, in a file beside the results; and checking them by it later."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import __version__, places
from ..dicom.describe import GUARANTEES, FileInfo, describe
from ..dicom.record import BYTES, NEAR, PIXELS
from ..disk import targets
from ..errors import DicompressError, FileError
from . import files
from .outcome import PASSED_ON, Job, Outcome
from .shards import Shard

AS_IT_IS, FILE = "as it is", "file"
NAMES = {GUARANTEES[BYTES]: FILE, GUARANTEES[PIXELS]: "pixels", GUARANTEES[NEAR]: "near"}
WHAT = ("path", "sha256_before", "sha256_after", "guarantee")


@dataclass(frozen=True)
class Expected:
    """What a manifest says of a file. before: SHA-256 of what it restores to, None if that cannot be had. as_it_is: it is the original."""

    after: str
    before: str | None
    as_it_is: bool

    def check(self, data: bytes) -> None:
        """FileError if it is not what was written."""
        if digest(data) != self.after:
            raise FileError("is not what was written: it has another SHA-256 than in the manifest")

    def check_restored(self, data: bytes | bytearray) -> None:
        """FileError if it is not what was compressed."""
        if self.before and digest(data) != self.before:
            raise FileError("restores to another file than was compressed, by the SHA-256 in the manifest")


def digest(data: bytes | bytearray) -> str:
    return hashlib.sha256(data).hexdigest()


def facts(job: Job, task: files.Task, status: str, before: bytes, after: bytes | bytearray) -> dict[str, Any]:
    """Of a target that is there: what it was made of, and what is guaranteed of that. By the worker, which has the bytes."""
    info = None if before == after else _described(before if job.action == "decompress" else bytes(after))
    guarantee = AS_IT_IS if status == PASSED_ON or before == after else NAMES.get(info.guarantee, "pixels") if info else "pixels"
    return {
        "path": task.name,
        "bytes_before": len(before),
        "bytes_after": len(after),
        "sha256_before": digest(before),
        "sha256_after": digest(after),
        "guarantee": guarantee,
        "near": info.near if info else 0,
        "model": info.model if info else None,
        "model_hash": info.model_hash if info else None,
    }


class Manifest:
    """A file that lines are added to, each in one step, so that runs may share it; nothing in it is ever changed."""

    def __init__(self, path: Path, job: Job, shard: str = ""):
        """FileError."""
        self.path, self.job, self.shard = path, job, shard
        try:
            targets.make_folder(path.parent)
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o666)
            size = os.fstat(self._handle).st_size
            if size:
                os.lseek(self._handle, size - 1, os.SEEK_SET)
                if os.read(self._handle, 1) != b"\n":  # a run was killed in a line, or the disk was full
                    self._write(b"\n")
        except OSError as error:
            raise self._failed(error) from None

    def add(self, outcome: Outcome) -> None:
        """FileError if it cannot be written. Nothing is told of what has no target."""
        if outcome.manifest is None:
            return
        told = {
            "action": self.job.action,
            **outcome.manifest,
            "source": outcome.source,
            "target": outcome.target,
            "status": outcome.status,
            "seconds": round(outcome.seconds, 6),
            "version": __version__,
            "shard": self.shard or None,
        }
        try:
            self._write(json.dumps(told).encode() + b"\n")  # ASCII, as names of files may not be UTF-8
        except OSError as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """On the disk."""
        try:
            os.fsync(self._handle)
        except OSError as error:
            if error.errno != errno.EINVAL:  # a pipe
                raise self._failed(error) from None
        finally:
            os.close(self._handle)

    def _write(self, line: bytes) -> None:
        if os.write(self._handle, line) != len(line):
            raise OSError(errno.ENOSPC, "No space left on device")

    def _failed(self, error: OSError) -> FileError:
        return FileError(f"cannot write the manifest {self.path}: {error.strerror}; run again with --resume")


def read(paths: Iterable[Path], problems: list[str]) -> dict[str, Expected]:
    """By path; of a file that is listed again, the last line. problems: gets lines that are none. FileError."""
    found: dict[str, Expected] = {}
    for path in paths:
        try:
            with path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    try:
                        told = json.loads(line)
                        name, before, after, guarantee = (told[key] for key in WHAT)
                        restores = guarantee == FILE and told["action"] == "compress"
                        line_tells = Expected(after, before if restores else None, guarantee == AS_IT_IS)
                        known = found.get(name)
                        if not (line_tells.as_it_is and known and known.after == after):  # left in place by a second run
                            found[str(name)] = line_tells
                    except (ValueError, KeyError, TypeError):
                        if line.strip():
                            problems.append(f"{path}, line {number}: no line of a manifest: its run was killed, or it is damaged")
        except OSError as error:
            raise FileError(f"the manifest {path} cannot be read: {error.strerror}") from None
    return found


def tasks(
    manifests: Sequence[Path], sources: Sequence[str], found: Iterable[files.Task], shard: Shard | None, problems: list[str]
) -> Iterator[files.Task]:
    """Files with what is expected of them; those that are not listed, and those that are not there, with that problem.

    FileError unless there is one source, the folder that the manifest's paths are below.
    """
    root = places.at(sources[0])
    if len(sources) != 1 or not places.is_folder(root):
        raise FileError("--manifest goes with a single source, the folder that its paths are below")
    expected = read(manifests, problems)
    for task in found:
        if any(places.is_same(task.source, path) for path in manifests):
            continue
        told = expected.pop(task.name, None)
        yield replace(task, problem=task.problem or (None if told else "is there, but not in the manifest"), expected=told)
    for name in sorted(expected):
        if shard is None or shard.has(name):
            yield files.Task(root / name, None, "is in the manifest, but not there", name=name)


def _described(data: bytes) -> FileInfo | None:
    try:
        return describe(data)
    except DicompressError:
        return None
