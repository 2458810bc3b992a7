"""Series in one file: archives of slices that lean on each other (docs/series.md)."""

from .array import Series, open_series
from .pack import pack_series
from .reader import Archive

__all__ = ["Archive", "Series", "open_series", "pack_series"]
