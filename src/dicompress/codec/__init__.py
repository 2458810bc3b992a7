"""Bytes from integer arrays and back: the container, the loop over a model's tensors, checksums."""

from .api import StreamInfo, decode, encode, encode_with_result, inspect
from .psnr import near_for_psnr

__all__ = ["StreamInfo", "decode", "encode", "encode_with_result", "inspect", "near_for_psnr"]
