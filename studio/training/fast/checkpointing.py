"""Gradient checkpointing, for as many layers of a model as memory needs it (Chen et al. 2016, arXiv:1604.06174).

A layer that is checkpointed keeps what went into it, and is computed once more on the way back: a third of a step's
work on a frozen base. The last layers are those that may keep everything: theirs is given back first on the way back,
before any layer is computed again. Where a card has no room even for what goes into the layers, that waits on the host.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from transformers.modeling_layers import GradientCheckpointingLayer

from studio.foreign import Original

READ_FROM = (
    Original("transformers.modeling_layers.GradientCheckpointingLayer", "5.23.0", "f4c79660260c"),
    Original("torch.utils.checkpoint._checkpoint_without_reentrant_generator", "2.13.0", "62c2e9d014b5"),
)


def checkpoint_layers(model: Any, whole: int = 0, on_host: bool = False) -> int:
    """Let the layers of a model keep only what went into them, but for the last `whole`; return how many do.

    `on_host` says that they keep it in the computer's own memory. Raises ValueError for an architecture that knows no
    checkpointing.
    """
    base = getattr(model, "get_base_model", lambda: model)()
    base.activation_checkpointing_enable({"use_reentrant": False})
    layers = [module for module in base.modules() if isinstance(module, GradientCheckpointingLayer)]
    for layer in layers[max(0, len(layers) - whole) :]:
        layer.gradient_checkpointing = False
    for layer in layers[: max(0, len(layers) - whole)] if on_host else ():
        layer._gradient_checkpointing_func = partial(_keep_on_host, layer._gradient_checkpointing_func)
    return max(0, len(layers) - whole)


def _keep_on_host(checkpoint: Callable[..., Any], layer: Callable[..., Any], *given: Any) -> Any:
    """Checkpoint a layer; what it is given is all that is saved here, for inside of it other hooks hold."""
    with torch.autograd.graph.save_on_cpu(pin_memory=torch.cuda.is_available()):
        return checkpoint(layer, *given)


def leave_chance_out(model: Any) -> None:
    """Let nothing in a model draw lots and its layers be checkpointed all the same, as they are in training alone."""
    model.train(False)
    for module in model.modules():
        if getattr(module, "gradient_checkpointing", False) and not isinstance(module, torch.nn.Dropout):
            module.training = True
