"""Models behind three functions, found by name when encoding and by hash when decoding."""

from .base import AnyModel, Model, Values
from .registry import DEFAULT, Family, by_hash, by_name, for_archives, name_of, names

__all__ = ["DEFAULT", "AnyModel", "Family", "Model", "Values", "by_hash", "by_name", "for_archives", "name_of", "names"]
