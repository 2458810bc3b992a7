"""Standard output and standard error, which may be full, closed or a pipe that nobody reads any more."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import FileError

if TYPE_CHECKING:
    from rich.console import Console


def line(text: str) -> None:
    """A line on standard output, now. FileError if that cannot be written to."""
    try:
        print(text, flush=True)
    except OSError as error:
        discard()
        raise FileError(f"cannot write to standard output: {error.strerror}") from None


def discard() -> None:
    """Nothing more is written to standard output, not even what waits in its buffer."""
    with suppress(OSError, ValueError):
        handle = os.open(os.devnull, os.O_WRONLY)
        os.dup2(handle, sys.stdout.fileno())
        os.close(handle)


def messages() -> Console:
    """Standard error, also while the file descriptor is turned elsewhere to catch what libraries write."""
    from rich.console import Console

    stream = sys.stderr
    with suppress(AttributeError, OSError, ValueError):  # none, closed, or a test's
        stream = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding, errors="backslashreplace")
    return Console(file=stream, highlight=False, soft_wrap=True)


def printable(text: str) -> str:
    """One line, whatever is in the names of files."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
