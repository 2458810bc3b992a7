"""What libraries say while they work on a file: Python's warnings, and what C libraries write to standard error."""

from __future__ import annotations

import logging
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from .reasons import kind_of

SILENT = (DeprecationWarning, PendingDeprecationWarning, FutureWarning, ImportWarning, ResourceWarning)  # for developers
LONGEST = 300  # characters of a text
MOST = 1 << 16  # bytes of standard error that are looked at
STDERR = 2
_QUIET = logging.NullHandler()


@contextmanager
def caught() -> Iterator[list[str]]:
    """A list that in the end has the text of every kind of warning, once; nothing of them reaches standard error."""
    told: list[str] = []
    logging.getLogger().addHandler(_QUIET)  # else loggers without a handler write to standard error
    with warnings.catch_warnings(record=True) as found, _standard_error() as written:
        warnings.simplefilter("always")
        for category in SILENT:
            warnings.simplefilter("ignore", category)
        yield told
    texts = [str(warning.message) for warning in found] + b"".join(written).decode(errors="replace").splitlines()
    kinds: dict[str, str] = {}
    for text in filter(None, (" ".join(text.split()) for text in texts)):
        kinds.setdefault(kind_of(text), re.sub(rf"(?<=.{{{LONGEST}}}).+", "…", text))
    told += kinds.values()


@contextmanager
def _standard_error() -> Iterator[list[bytes]]:
    """A list that in the end has what was written to the file descriptor of standard error meanwhile."""
    written: list[bytes] = []
    try:
        keep = os.dup(STDERR)
    except OSError:  # closed
        yield written
        return
    try:
        with _scratch() as file:
            _flush()
            try:
                os.dup2(file.fileno(), STDERR)
                yield written
            finally:
                _flush()
                os.dup2(keep, STDERR)
                file.seek(0)
                written.append(file.read(MOST))
    finally:
        os.close(keep)


def _scratch() -> BinaryIO:
    with suppress(AttributeError, OSError):  # Linux only
        return os.fdopen(os.memfd_create("dicompress"), "w+b")
    return tempfile.TemporaryFile()


def _flush() -> None:
    with suppress(AttributeError, OSError, ValueError):  # none, or closed
        sys.stderr.flush()
