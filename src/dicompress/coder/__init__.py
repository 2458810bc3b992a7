"""Tensors under discretised mixtures: what models in Python give to the core's coder (`core/coder`)."""

from ..native import coder as native
from .mixture import MixtureTensor, code_length, constant_parameters

__all__ = ["MixtureTensor", "code_length", "constant_parameters", "native"]
