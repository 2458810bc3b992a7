"""The command line in a process of its own."""

from __future__ import annotations

import subprocess
import sys


def run(*arguments, check: int | None = 0) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "dicompress", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert "Traceback" not in result.stderr, result.stderr
    if check is not None:
        assert result.returncode == check, result.stderr
    return result
