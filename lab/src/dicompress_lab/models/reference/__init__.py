"""The paper's network: three scales of learned representations z(s), non-autoregressive (docs/architecture.md)."""

from .model import Reference

__all__ = ["Reference"]
