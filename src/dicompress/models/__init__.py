"""Models behind three functions, found by name when encoding and by hash when decoding."""

from .base import Model
from .registry import DEFAULT, by_hash, by_name, for_archives, names

__all__ = ["DEFAULT", "Model", "by_hash", "by_name", "for_archives", "names"]
