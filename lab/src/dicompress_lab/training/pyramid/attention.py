"""What gates the channels of the output block: the pixel attention that ships, and two blocks to compare it with.

The blocks to compare are trained and not exported. Both take means, one also maxima, over a whole plane. To be exact a model
would need the sums of uint8 activations as integers (float32 holds those of 2**16 pixels and no more), a division that rounds
alike everywhere, the small layers as integer convolutions of one position, and the sigmoid as a table, as `reference` has it.
A pixel's distribution would then depend on all of its plane: that of a tile is another one than that of its image.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .. import quantise
from ..layers import Conv

REDUCTION = 4  # of channels inside; 16 in both papers, whose layers have 64 channels and more


class HardAttention(nn.Module):
    """Pixel attention whose sigmoid is a clipped line: integer convolutions clip for nothing."""

    def __init__(self, features: int):
        super().__init__()
        self.gate = Conv(features, features, 1)
        with torch.no_grad():
            self.gate.weight.mul_(0.25)
            self.gate.bias.fill_(0.5)

    def forward(self, x: Tensor, exact: bool) -> Tensor:
        gate = self.gate.linear(x, exact)
        if exact:
            gate = quantise.round_to(gate.float(), 1 / 256).to(x.dtype)
        return quantise.activation(x * gate.clamp(0, 255 / 256), exact)


class SqueezeExcitation(nn.Module):
    """One gate a channel, of the means of all channels. Hu, Shen, Sun, "Squeeze-and-Excitation Networks", CVPR 2018."""

    def __init__(self, features: int):
        super().__init__()
        self.reduce = Conv(features, features // REDUCTION, 1)
        self.expand = Conv(features // REDUCTION, features, 1)

    def scores(self, squeezed: Tensor, exact: bool) -> Tensor:
        """Of (batch, features, 1, 1)."""
        squeezed = quantise.activation(squeezed, exact)
        return self.expand(torch.relu(self.reduce(squeezed, exact)), exact)

    def forward(self, x: Tensor, exact: bool) -> Tensor:
        return gated(x, self.scores(x.mean((2, 3), keepdim=True), exact), exact)


class Cbam(SqueezeExcitation):
    """Squeeze and excitation of means and maxima, then a gate a position.

    Woo, Park, Lee, Kweon, "CBAM: Convolutional Block Attention Module", ECCV 2018.
    """

    def __init__(self, features: int):
        super().__init__(features)
        self.place = Conv(2, 1, 7)

    def forward(self, x: Tensor, exact: bool) -> Tensor:
        means, largest = x.mean((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        x = gated(x, quantise.activation(self.scores(means, exact) + self.scores(largest, exact), exact), exact)
        across = torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1)
        return gated(x, self.place(quantise.activation(across, exact), exact), exact)


def gated(x: Tensor, scores: Tensor, exact: bool) -> Tensor:
    """x times the sigmoid of the scores."""
    gate = torch.sigmoid(scores)
    if exact:
        gate = quantise.round_to(gate.float(), 1 / 256).clamp(max=255 / 256).to(x.dtype)
    return quantise.activation(x * gate, exact)


ATTENTIONS = {"squeeze and excitation": SqueezeExcitation, "cbam": Cbam}  # by the name of a configuration


def attention(kind: bool | str, features: int) -> nn.Module | None:
    """The block that a configuration names; True is pixel attention, False none."""
    return None if kind is False else HardAttention(features) if kind is True else ATTENTIONS[kind](features)
