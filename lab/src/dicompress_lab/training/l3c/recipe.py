"""How `l3c` is trained: like `reference`, of whose network it is a configuration.

Mentzer et al., "Practical Full Resolution Learned Lossless Image Compression", CVPR 2019. From there: plain residual blocks
with ReLU, sub-pixel convolution and atrous pooling, ten logistics, an arithmetic coder that does not adapt. As in
`reference`, so that the two compare: channels, the way 16 bits enter, a learned prior of the coarsest z, Adam.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..reference.network import Config
from ..reference.recipe import ReferenceRecipe


@dataclass(frozen=True)
class L3CConfig(Config):
    dilations: tuple[int, ...] = (1,) * 8
    components: int = 10
    latent_components: int = 10
    slope: float = 0.0
    upsampler: str = "aspp"
    mixture: str = "logistic"
    adaptive: bool = False


class L3CRecipe(ReferenceRecipe):
    name = "l3c"
    Config = L3CConfig
