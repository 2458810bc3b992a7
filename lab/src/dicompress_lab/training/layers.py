"""The layers that the models' networks share, and the loss: bits under the mixture that a network predicts.

Every layer exists twice over: as a float layer to train with, and, with ``exact=True``, as the integer layer that
`export` writes. All tensors are (batch, channels, rows, columns).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import quantise

LN2 = 0.6931471805599453
SLOPE = 0.25  # LeakyReLU; a power of two, so that it is exact on integers


def full_precision(x: Tensor) -> torch.autocast:
    """Where 8 bits of mantissa are too few: the pixels themselves and the mixture parameters."""
    return torch.autocast(x.device.type, enabled=False)


class Conv(nn.Conv2d):
    """A convolution with zero padding whose output is an 8-bit activation."""

    WEIGHT_MAX = quantise.WEIGHT_MAX
    INPUT_EXPONENT = -5  # inputs are integers times 2**INPUT_EXPONENT

    def __init__(self, inputs: int, outputs: int, size: int, *, stride: int = 1, dilation: int = 1, groups: int = 1):
        padding = dilation * (size // 2)
        super().__init__(inputs, outputs, size, stride, padding, dilation, groups)
        nn.init.kaiming_normal_(self.weight, a=SLOPE, mode="fan_in")
        nn.init.zeros_(self.bias)

    def linear(self, x: Tensor, exact: bool) -> Tensor:
        w, b = self.weight, self.bias
        if exact:
            w, b = quantise.weight(w, self.WEIGHT_MAX), quantise.bias(b, w, self.WEIGHT_MAX, self.INPUT_EXPONENT)
        return F.conv2d(x, w, b, self.stride, self.padding, self.dilation, self.groups)

    def forward(self, x: Tensor, exact: bool) -> Tensor:
        return quantise.activation(self.linear(x, exact), exact)


def leaky_relu(x: Tensor, exact: bool, slope: float = SLOPE) -> Tensor:
    y = F.leaky_relu(x, slope)
    return quantise.activation(y, True) if exact else y


class DilatedResidualBlock(nn.Module):
    """conv - LeakyReLU - conv on a skip, no batch norm (paper Fig. 1c); slope 0 and dilation 1 are EDSR's block."""

    def __init__(self, features: int, dilation: int, slope: float = SLOPE):
        super().__init__()
        self.slope = slope
        self.first = Conv(features, features, 3, dilation=dilation)
        self.second = Conv(features, features, 3, dilation=dilation)
        with torch.no_grad():
            self.second.weight.mul_(0.1)

    def forward(self, x: Tensor, exact: bool) -> Tensor:
        y = self.second(leaky_relu(self.first(x, exact), exact, self.slope), exact)
        return quantise.activation(x + y, exact)


class ParameterConv(nn.Module):
    """The last pointwise convolution: mixture parameters in multiples of 2**-12.

    The means get a coarse and a fine output in common (`basis`); it folds into the integer weights.
    """

    STEP = 2.0**-12
    WEIGHT_STEP = STEP / quantise.ACTIVATION_STEP

    def effective(self) -> tuple[Tensor, Tensor]:
        """The folded weight (parameters, features) and bias (parameters,)."""
        raise NotImplementedError

    def forward(self, x: Tensor, exact: bool) -> Tensor:
        with full_precision(x):
            w, b = self.effective()
            if exact:
                w, b = quantise.round_to(w, self.WEIGHT_STEP), quantise.round_to(b, self.STEP)
            return F.conv2d(x.float(), w[:, :, None, None], b)


class BlockParameters(ParameterConv):
    """Parameters of the pixels, or positions of z, that a position becomes: four of them, or one."""

    def __init__(self, features: int, symbols: int, components: int, image: bool, phases: int = 4):
        super().__init__()
        shared = (64.0, 8.0) if image else (8.0,)
        own = 1.0 if image else 4.0
        rows = 3 * components
        basis = torch.eye(rows, rows + len(shared))
        basis[components : 2 * components, components : 2 * components] *= own
        basis[components : 2 * components, rows:] = torch.tensor(shared)
        self.register_buffer("basis", basis, persistent=False)
        self.symbols, self.phases = symbols, phases
        self.weight = nn.Parameter(torch.randn(phases * symbols * basis.shape[1], features) * 0.2 / features**0.5)
        start = torch.zeros(basis.shape[1])
        start[2 * components : rows] = torch.linspace(-1, 5, components) if image else torch.linspace(-0.5, 3, components)
        self.bias = nn.Parameter(start.repeat(phases * symbols))

    def effective(self) -> tuple[Tensor, Tensor]:
        """Weight (phases * symbols * 3K, features) and bias (its rows,), ordered (symbol, parameter, phase)."""
        n = self.basis.shape[1]
        w = torch.einsum("rn,psnf->srpf", self.basis, self.weight.view(self.phases, self.symbols, n, -1))
        b = torch.einsum("rn,psn->srp", self.basis, self.bias.view(self.phases, self.symbols, n))
        return w.reshape(-1, self.weight.shape[1]), b.reshape(-1)

    def forward(self, x: Tensor, exact: bool) -> Tensor:
        y = super().forward(x, exact)
        return y if self.phases == 1 else F.pixel_shuffle(y, 2)


class Prior(nn.Module):
    """One learned mixture a channel, the same everywhere: for the coarsest z and the thumbnail."""

    def __init__(self, channels: int, components: int, log_scales: tuple[float, float]):
        super().__init__()
        start = torch.zeros(channels, 3, components)
        start[:, 1] = torch.linspace(-1, 1, components)
        start[:, 2] = torch.linspace(*log_scales, components)
        self.parameters_out = nn.Parameter(start.view(1, -1, 1, 1))

    def forward(self, exact: bool) -> Tensor:
        p = self.parameters_out
        return quantise.round_to(p, ParameterConv.STEP) if exact else p


def _gaussian(x: Tensor) -> Tensor:
    return -0.5 * x.square().clamp(max=100) - 0.919


def _logistic(x: Tensor) -> Tensor:
    x = x.abs()
    return -x.clamp(max=100) - 2 * torch.log1p(torch.exp(-x))


DISTRIBUTIONS = {"gaussian": (torch.special.ndtr, _gaussian), "logistic": (torch.sigmoid, _logistic)}


def mixture_bits(x: Tensor, parameters: Tensor, low: Tensor, high: Tensor, width: Tensor, mixture: str = "gaussian") -> Tensor:
    """Bits of `x` under a discretised mixture (paper Eq. 5 as a CDF difference, open at the ends).

    x: (batch, symbols, rows, columns); parameters: (batch or 1, symbols * 3K, rows or 1, columns or 1) in the order
    log2 of the unnormalised weights, means, log2 of the scales; low, high, width: broadcast to x. Returns (batch,).
    mixture: of "gaussian" or "logistic" components.
    """
    cdf, log_density = DISTRIBUTIONS[mixture]
    c = x.shape[1]
    p = parameters.float()
    p = p.view(p.shape[0], c, 3, -1, *p.shape[2:])
    log_weight = torch.log_softmax(p[:, :, 0] * LN2, dim=2)
    mean, log_scale = p[:, :, 1], p[:, :, 2]
    width, low, high = (v.unsqueeze(2) for v in (width, low, high))
    inverse = torch.exp2(-log_scale.clamp(-8, 10))
    x = x.float().unsqueeze(2)
    upper = (x + width / 2 - mean) * inverse
    lower = (x - width / 2 - mean) * inverse
    upper = torch.where(x >= high - width / 4, torch.full_like(upper, 30.0), upper)
    lower = torch.where(x <= low + width / 4, torch.full_like(lower, -30.0), lower)
    flip = torch.where(upper + lower > 0, -1.0, 1.0)
    mass = (cdf(flip * upper) - cdf(flip * lower)).abs()
    centre = (x - mean) * inverse
    tail = (log_density(centre) + torch.log(width * inverse)).clamp(max=0)
    log_mass = torch.where(mass > 1e-6, torch.log(mass.clamp_min(1e-6)), tail)
    log_p = torch.logsumexp(log_weight + log_mass, dim=2)
    floor = torch.full_like(log_p, -16.6)  # 2**-24, the coder's floor
    return -torch.logaddexp(log_p, floor).sum((1, 2, 3)) / LN2
