"""Arithmetic coding of integer tensors under discretised mixtures.

Native code (`core/`) computes probabilities by + - x / in one order, so equal parameters give equal bytes on every
machine. A tensor is cut into sub-streams of whole rows, which the cores work on side by side.
"""

from ..native import coder as native
from .mixture import FEWEST_BYTES, REVISION, MixtureTensor, code_length, constant_parameters, decode, encode

__all__ = ["FEWEST_BYTES", "REVISION", "MixtureTensor", "code_length", "constant_parameters", "decode", "encode", "native"]
