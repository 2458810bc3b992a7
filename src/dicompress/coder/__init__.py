"""Arithmetic coding of integer tensors under discretised mixtures.

The mixture CDFs come from integer tables and the range coder is native (`native/`), so equal parameters give equal
bytes on every machine. A tensor is cut into sub-streams of whole lines, which the cores work on side by side.
"""

from .mixture import FEWEST_BYTES, MixtureTensor, code_length, constant_parameters, decode, encode

__all__ = ["FEWEST_BYTES", "MixtureTensor", "code_length", "constant_parameters", "decode", "encode"]
