"""Arithmetic coding of integer tensors under discretised Gaussian mixtures.

The mixture CDFs come from integer tables and the range coder is native (`native/`), so equal parameters give equal
bytes on every machine. A tensor is cut into sub-streams of whole lines, which the cores work on side by side.
"""

from .mixture import MixtureTensor, code_length, decode, encode

__all__ = ["MixtureTensor", "code_length", "decode", "encode"]
