"""Several rows through LoRA's layers at once: each as the base reads it, or with an adapter of its own.

peft's own way (`adapter_names`) copies rows out and back by index in every layer, an adapter after the other; here all
of them are two products of a stack of small matrices. Imports torch inside its functions.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from studio.foreign import Original

READ_FROM = (
    Original("peft.tuners.lora.layer.Linear.forward", "0.21.2", "0a8b96d29dea"),
    Original("peft.tuners.lora.layer.Embedding.forward", "0.21.2", "1fb809e1bb8f"),
    Original("peft.tuners.lora.layer.Linear._mixed_batch_forward", "0.21.2", "929863c6f5fe"),
)


class Switch:
    """Says for all layers of a model which adapter each row uses, None for none; not set while one side is read."""

    def __init__(self) -> None:
        self.adapters: tuple[str | None, ...] | None = None

    def part_rows(self, model: Any) -> None:
        """Let every LoRA layer of a model, the new ones too, look at this switch."""
        from peft.tuners.lora import LoraLayer

        for layer in model.modules():
            if isinstance(layer, LoraLayer) and not isinstance(vars(layer).get("forward"), _Parted):
                layer.forward = _Parted(layer, layer.forward, self)


class _Stack(NamedTuple):
    """The adapters of a layer for the rows `first` to `last`, of which one without any has zeros.

    a is rows x rank x width in, b rows x width out x rank, `scaling` one number for all or rows x 1 x 1.
    """

    names: tuple[str | None, ...]
    scalings: tuple[float, ...]
    rows: slice
    a: Any
    b: Any
    scaling: Any


class _Parted:
    """The forward of one layer: batch x tokens x width in and out, a row for each name while the switch is set."""

    def __init__(self, layer: Any, plainly: Callable[..., Any], switch: Switch) -> None:
        self.layer, self.plainly, self.switch = layer, plainly, switch
        self._stack: _Stack | None = None

    def __call__(self, x: Any, *more: Any, **options: Any) -> Any:
        names = self.switch.adapters
        if names is None:
            return self.plainly(x, *more, **options)
        if self.layer.lora_embedding_A:
            return self.plainly(x, *more, adapter_names=[name or "__base__" for name in names], **options)
        result = self.layer.base_layer(x, *more, **options)
        if any(name in self.layer.lora_A for name in names):
            self._add(result, x, names)
        return result

    def _add(self, result: Any, x: Any, names: tuple[str | None, ...]) -> None:
        """Add to each row of what the base says what its adapter says, all at once."""
        scalings = tuple(self.layer.scaling[name] for name in names if name in self.layer.lora_A)
        if self._stack is None or (self._stack.names, self._stack.scalings) != (names, scalings):
            self._stack = _pile(self.layer, names, scalings)
        stack = self._stack
        own = result[stack.rows]
        inner = x[stack.rows].to(stack.a.dtype).bmm(stack.a.mT).mul_(stack.scaling)
        if own.dtype == inner.dtype:
            own.baddbmm_(inner, stack.b.mT)
        else:
            own.add_(inner.bmm(stack.b.mT).to(own.dtype))


def _pile(layer: Any, names: tuple[str | None, ...], scalings: tuple[float, ...]) -> _Stack:
    """The adapters of some rows in one piece of memory each for A and B, of which they become views."""
    import torch

    places = [place for place, name in enumerate(names) if name in layer.lora_A]
    rows = slice(places[0], places[-1] + 1)
    pairs = {place - rows.start: (layer.lora_A[names[place]], layer.lora_B[names[place]]) for place in places}
    one = pairs[0][0].weight
    rank = max(a.weight.shape[0] for a, _ in pairs.values())
    with torch.inference_mode(False), torch.no_grad():
        a = one.new_zeros(rows.stop - rows.start, rank, one.shape[1])
        b = one.new_zeros(len(a), pairs[0][1].weight.shape[0], rank)
        scaling = one.new_zeros(len(a), 1, 1)
        for (place, (down, up)), number in zip(pairs.items(), scalings, strict=True):
            size = len(down.weight)
            for module, own in ((down, a[place, :size]), (up, b[place, :, :size])):
                own.copy_(module.weight)
                module.weight.data = own
            scaling[place] = number
    return _Stack(names, scalings, rows, a, b, scalings[0] if len(set(scalings)) == 1 else scaling)
