"""Files on disk: their bytes, permissions and times."""

from __future__ import annotations

import os
import stat
from pathlib import Path

THEN = (1_100_000_000_123_456_789, 1_000_000_000_987_654_321)  # of access, of change


def contents(folder: Path) -> dict:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def facts(path: Path) -> tuple[int, int]:
    found = path.stat()
    return stat.S_IMODE(found.st_mode), found.st_mtime_ns


def save(path: Path, data: bytes, mode: int = 0o640) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(mode)
    os.utime(path, ns=THEN)
    return path
