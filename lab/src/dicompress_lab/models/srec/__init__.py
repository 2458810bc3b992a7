"""SReC (arXiv:2004.02872) for grey images at full depth, for comparison: a pyramid of 2x2 means, no latents."""

from .model import SReC

__all__ = ["SReC"]
