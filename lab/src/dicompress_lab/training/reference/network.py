"""The paper's network in PyTorch: E(s), z(s), D(s), the up-sampler, the learned prior (paper sections 3.1 to 3.4)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import quantise
from ..layers import (
    SLOPE,
    BlockParameters,
    Conv,
    DilatedResidualBlock,
    Prior,
    full_precision,
    leaky_relu,
    mixture_bits,
)  # fmt: skip

LEVEL_STEP = 1 / 8  # distance of two levels of z
DEAD_ZONE = 410 / 4096  # levels


@dataclass(frozen=True)
class Config:
    """What the paper leaves open; the values of a trained model stand in its card."""

    scales: int = 3
    features: int = 32  # C_f, channels of E and D
    channels: int = 5  # channels of every z(s)
    levels: int = 25  # quantisation levels of z
    dilations: tuple[int, ...] = (1, 1, 2, 2, 4, 4, 8, 16)  # one entry a residual block
    components: int = 4  # of the mixture of a pixel
    latent_components: int = 3  # of the mixture of a position of z
    slope: float = SLOPE  # of LeakyReLU in the blocks; 0 for ReLU
    upsampler: str = "attention"  # or "aspp", that of L3C
    mixture: str = "gaussian"  # or "logistic"
    adaptive: bool = True  # does the coder adapt to the errors before a symbol?

    def to_dict(self) -> dict:
        return asdict(self) | {"dilations": list(self.dilations)}

    @classmethod
    def from_dict(cls, values: dict) -> Config:
        return cls(**values | {"dilations": tuple(values["dilations"])})


class Trunk(nn.Module):
    """The dilated residual blocks, a convolution, and the long skip around them."""

    def __init__(self, config: Config):
        super().__init__()
        self.blocks = nn.ModuleList(DilatedResidualBlock(config.features, d, config.slope) for d in config.dilations)
        self.tail = Conv(config.features, config.features, 3)
        with torch.no_grad():
            self.tail.weight.mul_(0.1)

    def forward(self, x: Tensor, exact: bool) -> Tensor:
        y = x
        for block in self.blocks:
            y = block(y, exact)
        return quantise.activation(x + self.tail(y, exact), exact)


class ImageConv(Conv):
    """The first layer: 12-bit pixels in eighths of the image's noise, and weights of 8 bits and a sign.

    It starts as half high-pass filters at the level of the noise, half local means of several gains.
    """

    WEIGHT_MAX = 255  # 25 * 255 * 2048 < 2**24
    INPUT_EXPONENT = -3

    def __init__(self, features: int):
        super().__init__(1, features, 5, stride=2)
        half = features // 2
        with torch.no_grad():
            w = torch.randn(features, 1, 5, 5)
            w[:half] -= w[:half].mean((2, 3), keepdim=True)
            w[:half] *= torch.logspace(0, -1, half).view(-1, 1, 1, 1) / w[:half].flatten(1).norm(dim=1).view(-1, 1, 1, 1)
            w[half:] = torch.rand(features - half, 1, 5, 5)
            gain = torch.logspace(-0.7, -2, features - half).view(-1, 1, 1, 1)
            w[half:] *= gain / w[half:].sum((2, 3), keepdim=True)
            self.weight.copy_(w)

    def linear(self, x: Tensor, exact: bool) -> Tensor:
        with full_precision(x):
            return super().linear(x, exact)


class ScalarQuantiser(nn.Module):
    """Project features to z, in levels; rounding them waits until the predictor's mean is known (`to_levels`)."""

    STEP = 2.0**-6  # of the integer projection, an eighth of a level

    def __init__(self, config: Config):
        super().__init__()
        self.half = config.levels // 2
        self.project = Conv(config.features, config.channels, 1)
        with torch.no_grad():
            self.project.weight.mul_(0.5)  # start with few bits; training adds what pays

    def forward(self, x: Tensor, exact: bool) -> Tensor:
        z = self.project.linear(x, exact).float()
        z = quantise.round_to(z, self.STEP) if exact else z
        return z.clamp(-2, 127 / 64) / LEVEL_STEP


def to_levels(z: Tensor, parameters: Tensor, half: int, dead_zone: float) -> Tensor:
    """Round `z` (batch, channels, rows, columns), in levels, straight-through.

    The mean of the heaviest component draws z by at most `dead_zone` first. With straight-through gradients many
    values end near the edge between two levels; drawing them a tenth of a level halved the bits of z(1) (model card).
    """
    p = parameters.detach().view(parameters.shape[0], z.shape[1], 3, -1, *parameters.shape[2:])
    heaviest = p[:, :, 0].argmax(2, keepdim=True)
    away = z.detach() - torch.gather(p[:, :, 1], 2, heaviest)[:, :, 0]
    rounded = torch.round(z.detach() - away.clamp(-dead_zone, dead_zone)).clamp(-half, half)
    return z.clamp(-half, half) + (rounded - z.detach().clamp(-half, half))


class FeatureExtractor(nn.Module):
    """E(s): halve the resolution, extract features, and emit z(s)."""

    def __init__(self, config: Config, scale: int):
        super().__init__()
        self.head = ImageConv(config.features) if scale == 1 else Conv(config.features, config.features, 5, stride=2)
        self.trunk = Trunk(config)
        self.quantiser = ScalarQuantiser(config)

    def forward(self, x: Tensor, exact: bool) -> tuple[Tensor, Tensor]:
        """Features or the image at 1/2**(s-1) -> (features, z(s) in levels, not rounded) at 1/2**s."""
        features = self.trunk(self.head(x, exact), exact)
        return features, self.quantiser(features, exact)


class PixelAttention(nn.Module):
    """Gate every value by the sigmoid of a 1x1 convolution (paper section 3.2.2, Fig. 2)."""

    def __init__(self, features: int):
        super().__init__()
        self.gate = Conv(features, features, 1)

    def forward(self, x: Tensor, exact: bool) -> Tensor:
        gate = torch.sigmoid(self.gate(x, exact))
        if exact:
            gate = quantise.round_to(gate, 1 / 256).clamp(max=255 / 256)
        return quantise.activation(x * gate, exact)


def parameters_out(config: Config, scale: int, features: int, phases: int) -> BlockParameters:
    if scale == 1:
        return BlockParameters(features, 1, config.components, True, phases)
    return BlockParameters(features, config.channels, config.latent_components, False, phases)


class AttentionUpsampler(nn.Module):
    """Depthwise separable convolutions around pixel attention (paper Fig. 3b), then mixture parameters."""

    def __init__(self, config: Config, scale: int):
        super().__init__()
        f = config.features
        self.depthwise1 = Conv(f, f, 3, groups=f)
        self.pointwise1 = Conv(f, f, 1)
        self.attention = PixelAttention(f)
        self.depthwise2 = Conv(f, f, 3, groups=f)
        self.parameters_out = parameters_out(config, scale, f, phases=4)
        self.context_out = None if scale == 1 else Conv(f, 4 * f, 1)
        with torch.no_grad():
            for depthwise in (self.depthwise1, self.depthwise2):
                depthwise.weight.mul_(0.3)
                depthwise.weight[:, :, 1, 1] += 1

    def forward(self, x: Tensor, exact: bool) -> tuple[Tensor, Tensor | None]:
        """Features -> mixture parameters at twice their resolution, and the context for D(s-1) there."""
        x = leaky_relu(self.pointwise1(self.depthwise1(x, exact), exact), exact)
        x = self.depthwise2(self.attention(x, exact), exact)
        finer = None if self.context_out is None else F.pixel_shuffle(self.context_out(x, exact), 2)
        return self.parameters_out(x, exact), finer


class AsppUpsampler(nn.Module):
    """L3C's: a sub-pixel convolution (ESPCN), then atrous spatial pyramid pooling at the fine resolution (Fig. 3a, 4)."""

    RATES = (1, 2, 4)

    def __init__(self, config: Config, scale: int):
        super().__init__()
        f = config.features
        self.subpixel = Conv(f, 4 * f, 3)
        self.pooling = nn.ModuleList(Conv(f, f, 3, dilation=d) for d in self.RATES)
        self.parameters_out = parameters_out(config, scale, len(self.RATES) * f, phases=1)
        with torch.no_grad():  # linear layers one after another: without this, contexts saturate from scale to scale
            for conv in (self.subpixel, *self.pooling):
                conv.weight.mul_(0.5)

    def forward(self, x: Tensor, exact: bool) -> tuple[Tensor, Tensor]:
        """Features -> mixture parameters at twice their resolution, and the features there, the context for D(s-1)."""
        finer = F.pixel_shuffle(self.subpixel(x, exact), 2)
        return self.parameters_out(torch.cat([conv(finer, exact) for conv in self.pooling], 1), exact), finer


UPSAMPLERS = {"attention": AttentionUpsampler, "aspp": AsppUpsampler}


class Predictor(nn.Module):
    """D(s) and its up-sampler: z(s) and the coarser context -> mixture parameters of z(s-1), context for D(s-1)."""

    def __init__(self, config: Config, scale: int):
        super().__init__()
        self.head = Conv(config.channels, config.features, 3)
        self.trunk = Trunk(config)
        self.upsampler = UPSAMPLERS[config.upsampler](config, scale)

    def forward(self, z: Tensor, context: Tensor | None, exact: bool) -> tuple[Tensor, Tensor | None]:
        x = self.head(z, exact)
        if context is not None:
            x = quantise.activation(x + context, exact)
        return self.upsampler(self.trunk(x, exact), exact)


class Reference(nn.Module):
    """The whole model. `forward` returns bits, not pixels: that is what is trained."""

    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = config
        self.extractors = nn.ModuleList(FeatureExtractor(config, s + 1) for s in range(config.scales))
        self.predictors = nn.ModuleList(Predictor(config, s + 1) for s in range(config.scales))
        self.prior = Prior(config.channels, config.latent_components, (0.0, 3.0))
        self.thumbnail_prior = Prior(1, config.components, (0.0, 6.0))

    def forward(self, batch, exact: bool = False, settled: bool = False) -> list[Tensor]:
        """Bits of x, z(1), ... z(S) and the thumbnail for a `data.Batch` of tensors; each of shape (batch,).

        settled: E learns no more, and z is rounded as the encoder does, with the dead zone.
        """
        bits_of = partial(mixture_bits, mixture=self.config.mixture)
        x = batch.x - batch.base
        latents, features = [], x.clamp(-256, 255.875)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not settled):
            for extractor in self.extractors:
                features, z = extractor(features, exact)
                latents.append(z)
        half, one = self.config.levels // 2, torch.ones_like(batch.width)
        span = batch.high - batch.low
        bits = [bits_of(batch.residual, self.thumbnail_prior(exact), -span, span, batch.width)]
        parameters, context = self.prior(exact), None
        for s in range(self.config.scales, 0, -1):
            z = to_levels(latents[s - 1], parameters, half, DEAD_ZONE if settled else 0.0)
            bits.append(bits_of(z, parameters, -half * one, half * one, one))
            parameters, context = self.predictors[s - 1](z * LEVEL_STEP, context, exact)
        bits.append(bits_of(x, parameters, batch.low - batch.base, batch.high - batch.base, batch.width))
        return bits[::-1]
