"""How much memory a piece of work took at its height. Only Linux tells."""

from __future__ import annotations

import ctypes
import gc
import sys
from functools import cache


class Peak:
    """Begin before the work, call `megabytes` after it."""

    def __init__(self) -> None:
        gc.collect()
        _give_back()
        self.before = _reset_and_read()

    def megabytes(self) -> float | None:
        """What the process held at most since then, beyond what it held before; None where the system does not tell."""
        status = _status()
        if self.before is None or "VmHWM" not in status:
            return None
        return max(0, status["VmHWM"] - self.before) / 1024


def _reset_and_read() -> int | None:
    """Resident kB now, and the high-water mark put back to it (proc(5), clear_refs)."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        return None
    return _status().get("VmRSS")


def _status() -> dict[str, int]:
    """The kB lines of /proc/self/status."""
    try:
        with open("/proc/self/status") as file:
            lines = [line.split() for line in file]
    except OSError:
        return {}
    return {parts[0][:-1]: int(parts[1]) for parts in lines if len(parts) == 3 and parts[2] == "kB"}


def _give_back() -> None:
    """Memory that an earlier codec freed but the allocator kept would be used again without being seen."""
    trim = _trim()
    if trim:
        trim(0)


@cache
def _trim():
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ctypes.CDLL(None).malloc_trim  # glibc only
    except (OSError, AttributeError):
        return None
