"""Running integer networks; equal inputs give equal bytes whatever the processor, threads or optimisation level."""

from .session import Network

__all__ = ["Network"]
