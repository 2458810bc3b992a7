"""Which files of its sources a run works on: all, or those of a shard; found by walking, or by a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import DicompressError
from . import files, listed
from .shards import Shard


@dataclass(frozen=True)
class Part:
    """shard: None for all files. listing: a list of them, instead of walking; with sizes it balances shards."""

    shard: Shard | None = None
    listing: Path | None = None

    @classmethod
    def of(cls, shard: str | None, listing: Path | None = None) -> Part:
        """Of the options. DicompressError."""
        return cls(None if shard is None else Shard.of(shard), listing)

    @property
    def label(self) -> str:
        return str(self.shard or "")

    def digest(self) -> str | None:
        """Of the listing, as all shards need the same."""
        return listed.digest(self.listing) if self.listing and self.shard else None

    def tasks(self, sources: Sequence[str], output: str | None, streamed: bool = False) -> Iterator[files.Task]:
        """As `files.tasks`, or `files.streamed`; by a list, line by line."""
        if self.listing:
            lines = listed.lines(self.listing)
            yield from listed.tasks(self.listing, sources, output, self.shard.balanced(lines) if self.shard else lines)
        else:
            yield from self._own((files.streamed if streamed else files.tasks)(sources, output))

    def in_place(self, sources: Sequence[str], backup: Path | None) -> list[files.Task]:
        """As `files.tasks_in_place`."""
        if self.listing:
            raise DicompressError("--listing goes with -o, not with --in-place")
        return list(self._own(files.tasks_in_place(sources, backup)))

    def _own(self, tasks: Iterable[files.Task]) -> Iterable[files.Task]:
        """Those of the shard."""
        for task in tasks:
            if self.shard and (task.from_stdin or task.to_stdout):
                raise DicompressError("--shard goes with files and folders, not with pipes")
            if self.shard is None or self.shard.has(task.name):
                yield task


WHOLE = Part()
