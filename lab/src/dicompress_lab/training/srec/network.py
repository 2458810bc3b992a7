"""SReC's network in PyTorch: three predictors a level, one for each coded pixel of a 2x2 block.

Cao, Wu, Kraehenbuehl, "Lossless Image Compression through Super-Resolution", arXiv:2004.02872. As in `reference`, so that
the two compare: channels, 8-bit activations, the slope of LeakyReLU. Here the remainders and the coarsest means have a
learned prior instead of a uniform one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...models.srec.levels import CODED, LEVELS, PLANES, REMAINDER, REMAINDER_COMPONENTS
from .. import quantise
from ..layers import BlockParameters, Conv, DilatedResidualBlock, Prior, mixture_bits


@dataclass(frozen=True)
class Config:
    """Sizes of the network; the values of a trained model stand in its card."""

    features: int = 32  # 64 in the paper, 32 in `reference`
    blocks: int = 4  # residual blocks a predictor; 3 to 5 in the paper
    rates: tuple[int, ...] = (1, 2, 4)  # of the dilated convolutions before the parameters
    components: int = 10  # of a pixel's mixture
    mixture: str = "logistic"  # or "gaussian"
    adaptive: bool = False  # does the coder adapt to the errors before a symbol?

    def to_dict(self) -> dict:
        return asdict(self) | {"rates": list(self.rates)}

    @classmethod
    def from_dict(cls, values: dict) -> Config:
        return cls(**values | {"rates": tuple(values["rates"])})


class Predictor(nn.Module):
    """Planes of the block and the context -> mixture parameters of one pixel, and the next context.

    An EDSR-like trunk, then dilated convolutions side by side. The context goes on to the next pixel, and from the last
    pixel of a level, by pixel shuffle, to the next level.
    """

    def __init__(self, config: Config, pixel: int, finest: bool):
        super().__init__()
        f = config.features
        self.head = Conv(PLANES[pixel], f, 3)
        self.blocks = nn.ModuleList(DilatedResidualBlock(f, 1) for _ in range(config.blocks))
        self.tail = Conv(f, f, 3)
        self.dilated = nn.ModuleList(Conv(f, f, 3, dilation=d) for d in config.rates)
        self.parameters_out = BlockParameters(len(config.rates) * f, 1, config.components, image=True, phases=1)
        self.shuffles = pixel == CODED - 1
        self.context_out = None if self.shuffles and finest else Conv(f, 4 * f if self.shuffles else f, 3)
        with torch.no_grad():  # activations end at 4: start well inside, or most of them stay at the ends
            self.tail.weight.mul_(0.1)
            self.head.weight.mul_(0.2)
            for conv in (*self.dilated, self.context_out):
                if conv is not None:
                    conv.weight.mul_(0.5)

    def forward(self, planes: Tensor, context: Tensor | None, exact: bool) -> tuple[Tensor, Tensor | None]:
        x = self.head(planes, exact)
        if context is not None:
            x = quantise.activation(x + context, exact)
        y = x
        for block in self.blocks:
            y = block(y, exact)
        x = quantise.activation(x + self.tail(y, exact), exact)
        parameters = self.parameters_out(torch.cat([conv(x, exact) for conv in self.dilated], 1), exact)
        if self.context_out is None:
            return parameters, None
        context = self.context_out(x, exact)
        return parameters, F.pixel_shuffle(context, 2) if self.shuffles else context


class SRec(nn.Module):
    """The whole model. `forward` returns bits, not pixels: that is what is trained."""

    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = config
        self.predictors = nn.ModuleList(  # by level, 1 (the finest) first, and by pixel
            nn.ModuleList(Predictor(config, k, level == 0) for k in range(CODED)) for level in range(LEVELS)
        )
        self.prior = Prior(1, config.components, (0.0, 6.0))
        self.remainder_priors = nn.ModuleList(Prior(1, REMAINDER_COMPONENTS, (-2.0, 1.0)) for _ in range(LEVELS))

    def forward(self, batch: list, exact: bool = False) -> list[Tensor]:
        """Bits of the pixels of levels 1, 2, ..., of all remainders, and of the coarsest means; each of shape (batch,).

        batch: as `data.sample` returns it.
        """
        bits_of = partial(mixture_bits, mixture=self.config.mixture)
        top, *levels = batch
        coarsest = bits_of(top.residual, self.prior(exact), -top.span, top.span, top.width)
        pixels, remainders, context, one = [], 0.0, None, torch.ones_like(top.width)
        for number, level in zip(reversed(range(LEVELS)), levels):
            low, high = (one * v for v in REMAINDER)
            remainders = remainders + bits_of(level.remainder, self.remainder_priors[number](exact), low, high, one)
            bits = 0.0
            for k, predictor in enumerate(self.predictors[number]):
                parameters, context = predictor(level.planes[:, : PLANES[k]], context, exact)
                x, least, most = (v[:, k : k + 1] for v in (level.x, level.low, level.high))
                bits = bits + bits_of(x, parameters, least, most, level.width)
            pixels.append(bits)
        return [*reversed(pixels), remainders, coarsest]
