"""Quantisation-aware training: the float network computes what the integer one will.

Activations are signed 8-bit with the one format of the runtime, ``q / 32`` (range [-4, 4)); weights are integers in
[-63, 63] times a power of two per output channel (docs/architecture.md, "Exactness").
Rounding passes the gradient straight through.
"""

from __future__ import annotations

import torch
from torch import Tensor

ACTIVATION_STEP = 1 / 32
ACTIVATION_LIMIT = 127 / 32
WEIGHT_MAX = 63


class _Activation(torch.autograd.Function):
    """Saturate and, when exact, round. The gradient passes inside the range, and outside where it leads back into it.

    Without the way back, values that left the range would stay outside for ever, and with them most of a network.
    """

    @staticmethod
    def forward(ctx, x: Tensor, exact: bool) -> Tensor:
        ctx.save_for_backward(x)
        if not exact:
            return x.clamp(-4, ACTIVATION_LIMIT)
        return x.float().mul(32).round().clamp(-128, 127).mul(ACTIVATION_STEP).to(x.dtype)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors  # arithmetic alone: comparisons of bfloat16 take four times as long
        side = (x - x.clamp(-4, ACTIVATION_LIMIT)).sign_()
        return torch.addcmul(grad, (grad * side).clamp_(max=0), side, value=-1), None


def activation(x: Tensor, exact: bool) -> Tensor:
    """Saturate `x` to the activation range and, when `exact`, round it to the activation grid."""
    return _Activation.apply(x, exact)


def weight_exponents(weight: Tensor, weight_max: int = WEIGHT_MAX) -> Tensor:
    """Per output channel the smallest e with max|w| <= weight_max * 2**e (int64, shape (out,))."""
    peak = weight.detach().abs().flatten(1).amax(1).clamp_min(2.0**-20)
    return torch.ceil(torch.log2(peak / weight_max)).to(torch.int64)


def weight(w: Tensor, weight_max: int = WEIGHT_MAX) -> Tensor:
    """`w` rounded to the grid that `weight_exponents` gives; straight-through gradient."""
    step = torch.exp2(weight_exponents(w, weight_max).to(w.dtype)).view(-1, *[1] * (w.dim() - 1))
    rounded = torch.round(w.detach() / step).clamp(-weight_max, weight_max) * step
    return w + (rounded - w.detach())


def bias(b: Tensor, w: Tensor, weight_max: int, input_exponent: int) -> Tensor:
    """`b` rounded to the grid of the sums of `w` on integers times 2**input_exponent; straight-through gradient."""
    return round_to(b, torch.exp2((weight_exponents(w, weight_max) + input_exponent).to(b.dtype)))


def round_to(x: Tensor, step: float | Tensor) -> Tensor:
    """`x` rounded to multiples of `step`; straight-through gradient."""
    return x + (torch.round(x.detach() / step) * step - x.detach())
