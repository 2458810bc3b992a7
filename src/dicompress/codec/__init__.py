"""Bytes from integer arrays and back: the container, the loop over a model's tensors, checksums."""

from .api import StreamInfo, decode, encode, inspect

__all__ = ["StreamInfo", "decode", "encode", "inspect"]
