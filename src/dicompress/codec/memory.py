"""Giving freed memory back between tiles, so that the peak is that of one tile and not of their fragments."""

from __future__ import annotations

import ctypes


def release() -> None:
    """Return the free pages of glibc's heap to the system; does nothing with other C libraries."""
    try:
        ctypes.CDLL(None).malloc_trim(0)
    except (AttributeError, OSError, TypeError):
        pass
