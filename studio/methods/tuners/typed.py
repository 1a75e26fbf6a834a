"""peft's IA3 and AdaLoRA with layers that answer in the type they were asked in.

On a base of 8 or 4 bits, without autocast, those of peft answer in 32 bits, and the next layer, or the way back, breaks
on two types. Files are the same as peft's.
"""

from typing import Any

import torch
from peft import AdaLoraModel, IA3Model
from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING
from peft.utils import PeftType

from studio.foreign import Original

READ_FROM = (
    Original("peft.IA3Model._create_new_module", "0.21.2", "4ba0a816514d"),
    Original("peft.tuners.ia3.layer.Linear.forward", "0.21.2", "0738a953e8f0"),
    Original("peft.AdaLoraModel._create_new_module", "0.21.2", "ca742b2c0df1"),
    Original("peft.tuners.adalora.layer.SVDLinear.forward", "0.21.2", "5be5f2e35d24"),
)


def keep_type(layer: Any, given: Any, found: Any) -> Any:
    """Return what a layer found in the type of what it was given, unless autocast chooses types."""
    kind = found.device.type
    is_free = kind != "meta" and torch.is_autocast_enabled(kind)
    return found if is_free else found.to(given[0].dtype)


class TypedIA3Model(IA3Model):
    """IA3 whose layers keep their type."""

    @staticmethod
    def _create_new_module(*arguments: Any, **options: Any) -> Any:
        module = IA3Model._create_new_module(*arguments, **options)
        module.register_forward_hook(keep_type)
        return module


class TypedAdaLoraModel(AdaLoraModel):
    """AdaLoRA whose layers keep their type."""

    @staticmethod
    def _create_new_module(*arguments: Any, **options: Any) -> Any:
        module = AdaLoraModel._create_new_module(*arguments, **options)
        module.register_forward_hook(keep_type)
        return module


PEFT_TYPE_TO_TUNER_MAPPING[PeftType.IA3] = TypedIA3Model
PEFT_TYPE_TO_TUNER_MAPPING[PeftType.ADALORA] = TypedAdaLoraModel
