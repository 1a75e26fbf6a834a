"""Weights of 16 bits on a processor that has no products of 16 bits: they are multiplied as 32, and kept as they are.

Such a processor takes forty times as long for the way back of a product in 16 bits, for it unpacks each number again
and again. A layer at a time is unpacked as a whole instead; sums are those of 32 bits, and answers are rounded to the
model's own 16. A few rows that nobody goes back through (a token being written) are left to torch, which is as fast.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import linear
from transformers.pytorch_utils import Conv1D

from studio.foreign import Original
from studio.models.device import DeviceFacts, multiplies_16_bits

READ_FROM = (
    Original("torch.nn.Linear.forward", "2.13.0", "601ba6d5a64d"),
    Original("transformers.pytorch_utils.Conv1D.forward", "5.23.0", "2de078e4b215"),
)
FEW_ROWS = 8
"""Up to so many rows torch's own product of 16 bits is as fast, where there is no way back."""


class WideLinear(torch.nn.Linear):
    """A linear layer of frozen 16-bit weights (out x in) that is multiplied in 32 bits."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return input W^T + bias, in the input's own width."""
        return multiply(input, self.weight, self.bias, super().forward)


class WideConv1D(Conv1D):
    """The same for GPT-2's layers, whose weights lie the other way round (in x out)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x W + bias, in its own width."""
        return multiply(x, self.weight.T, self.bias, super().forward)


WIDE: dict[type, type] = {torch.nn.Linear: WideLinear, Conv1D: WideConv1D}


def multiply(
    x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None, plainly: Callable[[torch.Tensor], torch.Tensor]
) -> torch.Tensor:
    """Return x W^T + bias for x (... x in) and W (out x in); by `plainly` where that is as fast, or W isn't frozen."""
    goes_back = torch.is_grad_enabled() and x.requires_grad
    few = x.numel() <= FEW_ROWS * x.shape[-1] and not goes_back
    if few or find_width(x) == x.dtype or weight.dtype != x.dtype or weight.requires_grad:
        return plainly(x)
    found: torch.Tensor = _Product.apply(x, weight, bias)
    return found


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        ctx.weight = weight  # frozen, and held by its layer
        return linear(x.float(), weight.float(), None if bias is None else bias.float()).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        (grad,) = grads
        return (grad.float() @ ctx.weight.float()).to(grad.dtype), None, None


def widen_products(model: Any, device: DeviceFacts) -> int:
    """Let a loaded model multiply its 16-bit weights in 32 bits where the device has no others; return how many do."""
    if not device.unpacks:
        return 0
    layers = [module for module in model.modules() if type(module) in WIDE and module.weight.element_size() == 2]
    for layer in layers:
        layer.__class__ = WIDE[type(layer)]
    return len(layers)


def find_width(states: torch.Tensor) -> torch.dtype:
    """Return what states are multiplied in: under autocast its 16 bits, and 32 where a processor has no others."""
    kind = states.device.type
    if torch.is_autocast_enabled(kind):
        return torch.get_autocast_dtype(kind)
    return torch.float32 if kind == "cpu" and states.dtype.itemsize == 2 and not multiplies_16_bits() else states.dtype
