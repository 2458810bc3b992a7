"""L3C (Mentzer et al., CVPR 2019) for grey images at full depth, for comparison: `reference` before the paper's changes."""

from ..reference import Reference

__all__ = ["L3C"]


class L3C(Reference):
    """Its residual blocks, up-sampler and mixture are a configuration of the same network (`training/l3c/recipe.py`)."""

    name = "l3c"
