"""Reading values of damaged elements: pydicom raises many kinds of exceptions, ours says what could not be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import DicompressError, UnsupportedImageError


@contextmanager
def readable(what: str, kind: type[DicompressError] = UnsupportedImageError) -> Iterator[None]:
    """Turn what pydicom raises inside into one line of `kind`: `what`, then its own message."""
    try:
        yield
    except (DicompressError, MemoryError):
        raise
    except Exception as error:
        raise kind(f"{what}: {first_line(error)}") from None


def first_line(error: Exception) -> str:
    """Of an exception's message, to which pydicom adds a traceback; its kind if there is none."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
