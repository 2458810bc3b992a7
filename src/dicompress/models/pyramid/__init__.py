"""`pyramid`: the image itself, coarse to fine, in three phases a level (docs/architecture.md)."""

from .model import Pyramid

__all__ = ["Pyramid"]
