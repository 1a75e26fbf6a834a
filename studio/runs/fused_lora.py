"""LoRA's layers computed as one operation while they train: W x + scale B A x, and its way back, without casts between.

peft adds the pair to its layer's answer by eight operations, each with a step back of its own; on a processor these
cost as much as the products. The numbers are those of mixed precision: everything is multiplied in 16 bits, and the
gradients of A and B are kept in theirs. (The idea is that of Unsloth's LoRA kernels.)
"""

from collections.abc import Callable
from typing import Any

import torch
from peft.tuners.lora import LoraLayer
from torch.nn.functional import linear


def fuse_lora(model: Any, keep_copies: bool = True) -> int:
    """Let the plain LoRA layers of a model compute so under autocast; return how many there are.

    A base in 32 bits is multiplied as a copy in 16, kept from step to step, which takes no more than the way back keeps
    anyhow; without `keep_copies`, as gradient checkpointing wants it, each is made anew.
    DoRA, dropout, a bias of B's own, int8, and layers stored the other way round stay with peft.
    """
    layers = [module for module in model.modules() if isinstance(module, LoraLayer) and _is_plain(module)]
    for layer in layers:
        layer.forward = _Fused(layer, layer.forward, keep_copies)
    return len(layers)


def _is_plain(layer: Any) -> bool:
    base, name = layer.get_base_layer(), layer.active_adapters[0]
    return (
        type(layer).__module__.startswith(
            "peft.tuners.lora."
        )  # AdaLoRA's layers are LoRA's heirs, and compute otherwise
        and type(base).__name__ in ("Linear", "Linear4bit")
        and base is layer.base_layer
        and len(layer.lora_A) == 1
        and name in layer.lora_A
        and not layer.lora_variant
        and not any(layer.lora_bias.values())
        and isinstance(layer.lora_dropout[name], torch.nn.Identity)
        and not base.weight.requires_grad
    )


class _Fused:
    """The forward of one layer. Falls back on peft's where adapters are off, or nothing computes in 16 bits."""

    def __init__(self, layer: Any, plainly: Callable[..., torch.Tensor], keep_copies: bool) -> None:
        self.layer, self.plainly, self.name = layer, plainly, layer.active_adapters[0]
        self.keep_copies = keep_copies
        self.weight: torch.Tensor | None = None  # of a base in 32 bits, as autocast would make it anew in each step

    def __call__(self, x: torch.Tensor, *more: Any, **options: Any) -> torch.Tensor:
        layer, device = self.layer, x.device.type
        if more or options or layer.disable_adapters or layer.merged or not torch.is_autocast_enabled(device):
            return self.plainly(x, *more, **options)
        base, to = layer.base_layer, torch.get_autocast_dtype(device)
        state = getattr(base.weight, "quant_state", None)
        if state is not None:
            weight = base.weight.data
        elif base.weight.dtype == to:
            weight = base.weight
        elif self.weight is not None and self.weight.dtype == to:
            weight = self.weight
        else:
            weight = base.weight.detach().to(to)
            self.weight = weight if self.keep_copies else None
        a, b = layer.lora_A[self.name].weight, layer.lora_B[self.name].weight
        found: torch.Tensor = _Product.apply(x, weight, base.bias, a, b, layer.scaling[self.name], state, to)
        return found if state is None else found.to(x.dtype)


class _Product(torch.autograd.Function):
    """x W^T + bias + scale x A^T B^T, for x (... x in), W (out x in, or 4-bit codes), A (rank x in), B (out x rank)."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        a: torch.Tensor,
        b: torch.Tensor,
        scale: float,
        state: Any,
        to: torch.dtype,
    ) -> torch.Tensor:
        rows, a16, b16 = x.reshape(-1, x.shape[-1]).to(to), a.to(to), b.to(to)
        y = linear(rows, _whole(weight, state, to), bias if bias is None else bias.to(to))
        inner = rows @ a16.T
        y.addmm_(inner, b16.T, alpha=scale)
        ctx.save_for_backward(rows, inner, weight, a16, b16)
        ctx.scale, ctx.state, ctx.to, ctx.shape, ctx.types = scale, state, to, x.shape, (x.dtype, a.dtype, b.dtype)
        return y.view(*x.shape[:-1], y.shape[-1])

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        rows, inner, weight, a, b = ctx.saved_tensors
        of_x, of_a, of_b = ctx.types
        grad = grads[0].reshape(-1, grads[0].shape[-1]).to(ctx.to)
        inner_grad = (grad @ b).mul_(ctx.scale)
        x_grad = None
        if ctx.needs_input_grad[0]:
            x_grad = (grad @ _whole(weight, ctx.state, ctx.to)).addmm_(inner_grad, a).view(ctx.shape).to(of_x)
        a_grad = (inner_grad.T @ rows).to(of_a)
        b_grad = (grad.T @ inner).to(of_b).mul_(ctx.scale)
        return x_grad, None, None, a_grad, b_grad, None, None, None


def _whole(weight: torch.Tensor, state: Any, to: torch.dtype) -> torch.Tensor:
    if state is None:
        return weight
    from bitsandbytes.functional import dequantize_4bit

    return dequantize_4bit(weight, state).to(to)
