"""Several rows through LoRA's layers at once: each as the base reads it, or with an adapter of its own.

peft's own way (`adapter_names`) copies rows out and back by index in every layer; a view of each row is enough.
"""

from collections.abc import Callable
from typing import Any

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


class _Parted:
    """The forward of one layer: batch x tokens x width in and out, a row for each name while the switch is set."""

    def __init__(self, layer: Any, plainly: Callable[..., Any], switch: Switch) -> None:
        self.layer, self.plainly, self.switch = layer, plainly, switch

    def __call__(self, x: Any, *more: Any, **options: Any) -> Any:
        names = self.switch.adapters
        if names is None:
            return self.plainly(x, *more, **options)
        if self.layer.lora_embedding_A:
            return self.plainly(x, *more, adapter_names=[name or "__base__" for name in names], **options)
        result = self.layer.base_layer(x, *more, **options)
        for row, name in enumerate(names):
            if name in self.layer.lora_A:
                a, b, own = self.layer.lora_A[name], self.layer.lora_B[name], slice(row, row + 1)
                result[own] += (b(a(x[own].to(a.weight.dtype))) * self.layer.scaling[name]).to(result.dtype)
        return result
