"""The DIMSE door (docs/dimse.md)."""

from .door import Door

__all__ = ["Door"]
