"""LoRA's layers computed as one operation while they train: W x + scale B A x, and its way back, without casts between.

peft adds the pair to its layer's answer by eight operations, each with a step back of its own; on a processor these
cost as much as the products. So layers that read the same (queries, keys and values; gate and up) are also computed
together, as one wide layer whose B is block-diagonal. The numbers are those of mixed precision: everything is
multiplied in 16 bits, and the gradients of A and B are kept in theirs. (The idea is that of Unsloth's LoRA kernels.)
"""

from collections.abc import Callable
from typing import Any

import torch
from peft.tuners.lora import LoraLayer
from torch.nn.functional import linear

from studio.estimates.memory import MOST_COPIED_BYTES
from studio.foreign import Original
from studio.models.forward import call_model

READ_FROM = (
    Original("peft.tuners.lora.layer.Linear.forward", "0.21.2", "0a8b96d29dea"),
    Original("peft.tuners.lora.bnb.Linear4bit.forward", "0.21.2", "c4e3e7885324"),
    Original("peft.tuners.adalora.layer.SVDLinear", "0.21.2", "d3c5baa147bb"),
    Original("bitsandbytes.nn.Linear4bit.forward", "0.50.2", "de32364b4f3a"),
    Original("bitsandbytes.functional.dequantize_4bit", "0.50.2", "efe079ad45f7"),
)

WIDEST_RANK = 48
"""Layers are computed together up to this rank in all: beyond it, the zeros of their B cost more than calls."""


def fuse_lora(model: Any, keep_copies: bool = True, ids: torch.Tensor | None = None) -> int:
    """Let the plain LoRA layers of a model compute so under autocast; return how many there are.

    Which of them read the same is seen as the model reads `ids` (1 x tokens).

    A base in 32 bits is multiplied as a copy in 16, kept from step to step, which takes no more than the way back keeps
    anyhow, and so is a small base in 4 bits; without `keep_copies`, as gradient checkpointing wants it, each is made
    again. DoRA, dropout, a bias of B's own, int8, and layers stored the other way round stay with peft.
    """
    layers = [module for module in model.modules() if isinstance(module, LoraLayer) and _is_plain(module)]
    copied = sum(2 * layer.in_features * layer.out_features for layer in layers)
    keeps_4_bits = keep_copies and copied <= MOST_COPIED_BYTES

    def is_kept(layer: Any) -> bool:
        weight = layer.get_base_layer().weight
        return keeps_4_bits if _find_state(layer) else keep_copies or weight.element_size() == 2

    alone = [[layer] for layer in layers if not is_kept(layer)]  # made again each time, and many at once take more room
    for group in [*find_groups(model, [layer for layer in layers if is_kept(layer)], ids), *alone]:
        wide = _Wide(group, is_kept(group[0]))
        for layer in group:
            layer.forward = _Fused(layer, layer.forward, wide)
    return len(layers)


def part_lora(model: Any) -> None:
    """Give fused layers back to peft."""
    for module in model.modules():
        if isinstance(vars(module).get("forward"), _Fused):
            del module.forward


def find_groups(model: Any, layers: list[Any], ids: torch.Tensor | None = None) -> list[list[Any]]:
    """Return the layers, those together that read the very same: seen as the model reads `ids`, or two tokens."""
    if not layers:
        return []
    read: dict[int, list[Any]] = {}  # by the place of a layer
    hooks = [
        layer.register_forward_pre_hook(lambda _, given, place=place: read.setdefault(place, []).append(given[0]))
        for place, layer in enumerate(layers)
    ]
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            two = torch.zeros(1, 2, dtype=torch.long, device=model.device)
            call_model(model, input_ids=two if ids is None else ids, use_cache=False)
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    groups: dict[Any, list[Any]] = {}
    for place, layer in enumerate(layers):
        inputs, base, (a, _) = read.get(place, ()), layer.get_base_layer(), _pair(layer)
        alike = len(a), layer.scaling[layer.active_adapters[0]], base.weight.dtype, base.bias is None
        key = (id(inputs[0]), *alike) if len(inputs) == 1 else place
        groups.setdefault(key, []).append(layer)
    return [part for group in groups.values() for part in _bound(group)]


def _bound(group: list[Any]) -> list[list[Any]]:
    """Leave a group together unless it would be too wide."""
    rank = len(_pair(group[0])[0])
    return [group] if len(group) * rank <= WIDEST_RANK else [[layer] for layer in group]


def _is_plain(layer: Any) -> bool:
    base, name = layer.get_base_layer(), layer.active_adapters[0]
    return (
        type(layer).__module__.startswith(
            "peft.tuners.lora."
        )  # AdaLoRA's layers are LoRA's heirs, and compute otherwise
        and type(base).__name__ in ("Linear", "WideLinear", "Linear4bit")
        and base is layer.base_layer
        and len(layer.lora_A) == 1
        and name in layer.lora_A
        and not layer.lora_variant
        and not any(layer.lora_bias.values())
        and isinstance(layer.lora_dropout[name], torch.nn.Identity)
        and not base.weight.requires_grad
    )


def _pair(layer: Any) -> tuple[torch.Tensor, torch.Tensor]:
    name = layer.active_adapters[0]
    return layer.lora_A[name].weight, layer.lora_B[name].weight


def _find_state(layer: Any) -> Any:
    """What 4-bit codes need to be read, None for any other weight."""
    return getattr(layer.get_base_layer().weight, "quant_state", None)


class _Fused:
    """The forward of one layer. Falls back on peft's where adapters are off, or nothing computes in 16 bits."""

    def __init__(self, layer: Any, plainly: Callable[..., torch.Tensor], wide: "_Wide") -> None:
        self.layer, self.plainly, self.wide = layer, plainly, wide

    def __call__(self, x: torch.Tensor, *more: Any, **options: Any) -> torch.Tensor:
        layer, device = self.layer, x.device.type
        if more or options or layer.disable_adapters or layer.merged or not torch.is_autocast_enabled(device):
            return self.plainly(x, *more, **options)
        return self.wide.answer(layer, x, torch.get_autocast_dtype(device))


class _Wide:
    """Layers that read the same as one: whoever is asked first answers for all."""

    def __init__(self, layers: list[Any], keeps: bool) -> None:
        self.layers, self.keeps = layers, keeps
        self.sizes = [layer.out_features for layer in layers]
        self.scale = layers[0].scaling[layers[0].active_adapters[0]]
        self.weight: torch.Tensor | None = None  # all of them in one, where they are kept so
        self._read: torch.Tensor | None = None
        self._answers: dict[Any, torch.Tensor] = {}
        biases = [layer.get_base_layer().bias for layer in layers]
        self.bias = None if biases[0] is None else torch.cat([bias.detach() for bias in biases])

    def answer(self, layer: Any, x: torch.Tensor, to: torch.dtype) -> torch.Tensor:
        """Return what a layer makes of x."""
        if x is not self._read or layer not in self._answers:
            pairs = [_pair(each) for each in self.layers]
            found = _Product.apply(x, self, to, *(a for a, _ in pairs), *(b for _, b in pairs))
            self._read, self._answers = x, dict(zip(self.layers, found, strict=True))
        answer = self._answers.pop(layer)
        if not self._answers:
            self._read = None
        return answer

    def find_weight(self, to: torch.dtype) -> torch.Tensor:
        """Return the weights, one below the other, in `to`."""
        if self.weight is not None and self.weight.dtype == to:
            return self.weight
        bases = [layer.get_base_layer() for layer in self.layers]
        if bases[0].weight.dtype == to and len(bases) > 1:
            weight = torch.cat([base.weight.detach() for base in bases])
            for base, part in zip(bases, weight.split(self.sizes), strict=True):
                base.weight.data = part  # no second copy: the layers' own weights are parts of this one
        else:
            parts = [_read_weight(base.weight, to) for base in bases]
            weight = parts[0] if len(parts) == 1 else torch.cat(parts)
        self.weight = weight if self.keeps else None
        return weight


def _read_weight(weight: Any, to: torch.dtype) -> torch.Tensor:
    state = getattr(weight, "quant_state", None)
    if state is None:
        return weight.detach().to(to)
    from bitsandbytes.functional import dequantize_4bit

    return dequantize_4bit(weight.data, state).to(to)


class _Product(torch.autograd.Function):
    """For each layer x W^T + bias + scale x A^T B^T, for x (... x in), W (out x in), A (rank x in), B (out x rank)."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, wide: _Wide, to: torch.dtype, *pairs: torch.Tensor) -> Any:
        count = len(wide.layers)
        ctx.wide, ctx.to, ctx.shape, ctx.types = wide, to, x.shape, (x.dtype, pairs[0].dtype, pairs[-1].dtype)
        rows = x.reshape(-1, x.shape[-1]).to(to)
        a = (pairs[0] if count == 1 else torch.cat(pairs[:count])).to(to)
        b = (pairs[1] if count == 1 else torch.block_diag(*pairs[count:])).to(to)
        weight, in_4_bits = wide.find_weight(to), _find_state(wide.layers[0]) is not None
        y = linear(rows, weight, wide.bias if wide.bias is None else wide.bias.to(to))
        inner = rows @ a.T
        y.addmm_(inner, b.T, alpha=wide.scale)
        ctx.save_for_backward(rows, inner, a, b, *([] if in_4_bits else [weight]))  # codes are read again
        if in_4_bits:
            y = y.to(x.dtype)  # as bitsandbytes answers
        return tuple(part.view(*x.shape[:-1], -1) for part in y.split(wide.sizes, dim=1))

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        rows, inner, a, b, *weights = ctx.saved_tensors
        wide, to, (of_x, of_a, of_b) = ctx.wide, ctx.to, ctx.types
        parts = [grad.reshape(-1, grad.shape[-1]).to(to) for grad in grads]
        grad = parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)
        inner_grad = (grad @ b).mul_(wide.scale)
        x_grad = None
        if ctx.needs_input_grad[0]:
            weight = weights[0] if weights else wide.find_weight(to)
            x_grad = (grad @ weight).addmm_(inner_grad, a).view(ctx.shape).to(of_x)
        rank = len(a) // len(grads)
        a_grads = (inner_grad.T @ rows).to(of_a).split(rank)
        whole = (grad.T @ inner).to(of_b).mul_(wide.scale)
        b_grads = (part[:, place * rank : (place + 1) * rank] for place, part in enumerate(whole.split(wide.sizes)))
        return x_grad, None, None, *a_grads, *b_grads
