"""Bytes from integer arrays and back: the container, the loop over a model's tensors, checksums."""

from .api import StreamInfo, decode, encode, encode_unproved, inspect

__all__ = ["StreamInfo", "decode", "encode", "encode_unproved", "inspect"]
