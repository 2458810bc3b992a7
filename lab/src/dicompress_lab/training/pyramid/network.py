"""The pyramid's network in PyTorch: one body a phase, built of the paper's blocks.

The features of a phase go on to the next, so H and V see deeper than D. All levels share the weights.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from dicompress.native.pyramid import channels, used

from .. import quantise
from ..layers import Conv, DilatedResidualBlock, ParameterConv, leaky_relu, mixture_bits
from .attention import attention

PHASES = (1, 2, 3)  # D, H, V


@dataclass(frozen=True)
class Config:
    """Sizes of the network; the values of a trained model stand in its card."""

    features: int = 32
    dilations: tuple[tuple[int, ...], ...] = ((1,), (), ())  # D, H, V: one entry a residual block
    narrow: int = 32  # channels of the output block
    components: int = 3  # of a pixel's mixture
    attention: bool | str = True  # pixel attention, or one of `ATTENTIONS`, which can be trained and not exported
    mixture: str = "gaussian"  # "logistic" can be trained, to compare, and not exported
    references: bool = True  # whether it has inputs for a plane that was decoded before

    def to_dict(self) -> dict:
        return asdict(self) | {"dilations": [list(d) for d in self.dilations]}

    @classmethod
    def from_dict(cls, values: dict) -> Config:
        return cls(**{"references": False} | values | {"dilations": tuple(tuple(d) for d in values["dilations"])})


class Phase(nn.Module):
    """Inputs and the features of the phase before -> mixture parameters and features."""

    def __init__(self, config: Config, inputs: int, dilations: tuple[int, ...]):
        super().__init__()
        f, n = config.features, config.narrow
        self.head = Conv(inputs, f, 3)
        self.blocks = nn.ModuleList(DilatedResidualBlock(f, d) for d in dilations)
        self.pointwise = Conv(f, n, 1)
        self.attention = attention(config.attention, n)
        self.depthwise = Conv(n, n, 3, groups=n)
        self.parameters_out = PhaseParameters(n, config.components)
        with torch.no_grad():
            self.depthwise.weight.mul_(0.3)
            self.depthwise.weight[:, :, 1, 1] += 1

    def forward(self, x: Tensor, features: Tensor | None, exact: bool) -> tuple[Tensor, Tensor]:
        x = self.head(x, exact)
        if features is not None:
            x = quantise.activation(x + features, exact)
        x = leaky_relu(x, exact)
        for block in self.blocks:
            x = block(x, exact)
        y = leaky_relu(self.pointwise(x, exact), exact)
        if self.attention is not None:
            y = self.attention(y, exact)
        return self.parameters_out(self.depthwise(y, exact), exact), x


class PhaseParameters(ParameterConv):
    """Parameters of one pixel a position: log2 weights, means, log2 deviations in units of the phase's scale."""

    def __init__(self, features: int, components: int):
        super().__init__()
        rows, shared = 3 * components, (16.0, 2.0)
        basis = torch.eye(rows, rows + len(shared))
        basis[components : 2 * components, rows:] = torch.tensor(shared)
        self.register_buffer("basis", basis, persistent=False)
        self.weight = nn.Parameter(torch.randn(basis.shape[1], features) * 0.2 / features**0.5)
        start = torch.zeros(basis.shape[1])
        start[2 * components : rows] = torch.linspace(-1.5, 2.5, components)
        self.bias = nn.Parameter(start)

    def effective(self) -> tuple[Tensor, Tensor]:
        return self.basis @ self.weight, self.basis @ self.bias


class Pyramid(nn.Module):
    """One level. `forward` returns bits, not pixels: that is what is trained."""

    def __init__(self, config: Config = Config()):
        super().__init__()
        self.config = config
        self.phases = nn.ModuleList(Phase(config, channels(p, config.references), d) for p, d in zip(PHASES, config.dilations))

    def adopt(self, weights: dict[str, Tensor]) -> None:
        """Begin with the weights of a trained network that differs in taking no references: its inputs for them do nothing."""
        own = self.state_dict()
        for p in PHASES:
            name = f"phases.{p - 1}.head.weight"
            head = torch.zeros_like(own[name])
            head[:, : used(p)] = weights[name][:, : used(p)]
            weights = weights | {name: head}
        self.load_state_dict(weights)

    def forward(self, batch, exact: bool = False) -> list[Tensor]:
        """Bits of D, H and V of a batch of levels (three `data.PhaseBatch`), each of shape (batch,)."""
        bits, features = [], None
        for phase, t in zip(self.phases, batch):
            parameters, features = phase(t.inputs, features, exact)
            bits.append(mixture_bits(t.x, parameters, t.low, t.high, t.width, self.config.mixture))
        return bits
