"""What was measured so far, one JSON object a line beside the report; an interrupted run goes on from it."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict, fields
from pathlib import Path

from dicompress.errors import FileError

from .measure import FAILED, Measurement


class Journal:
    """Measurements by (path, frame, codec, origin), then by the digest of the pixels. Failures are tried again.

    A line that is cut short or not ours is left out; a last line without an end is taken off before the next is written.
    """

    def __init__(self, path: Path):
        self.path = path
        self._found: dict[tuple, dict[str, Measurement]] = defaultdict(dict)
        try:
            self._end = self._read()
        except OSError as error:
            raise FileError(f"cannot read {path}: {error.strerror}") from None

    def find(self, path: str, frame: int, codec: str, origin: str) -> dict[str, Measurement]:
        """digest -> measurement."""
        return self._found.get((path, frame, codec, origin), {})

    def __enter__(self) -> Journal:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "ab")
            self._file.truncate(self._end)
        except FileExistsError:
            raise FileError(f"cannot write {self.path}: {self.path.parent} is not a folder") from None
        except OSError as error:
            raise FileError(f"cannot write {self.path}: {error.strerror}") from None
        return self

    def __exit__(self, *_) -> None:
        self._file.close()
        if not self.path.stat().st_size:
            self.path.unlink()

    def add(self, measurement: Measurement) -> None:
        """Written and flushed at once: what was measured outlives a killed process."""
        try:
            self._file.write(json.dumps(asdict(measurement), ensure_ascii=False).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise FileError(f"cannot write {self.path}: {error.strerror}") from None
        self._keep(measurement)

    def _keep(self, m: Measurement) -> None:
        if m.status != FAILED:
            self._found[m.path, m.frame, m.codec, m.origin][m.digest] = m

    def _read(self) -> int:
        """Where the next line goes."""
        if not self.path.exists():
            return 0
        data = self.path.read_bytes()
        end = data.rfind(b"\n") + 1
        names = {f.name for f in fields(Measurement)}
        for line in data[:end].splitlines():
            try:
                values = json.loads(line)
                self._keep(Measurement(**{k: v for k, v in values.items() if k in names}))
            except (ValueError, TypeError, AttributeError):
                continue
        return end
