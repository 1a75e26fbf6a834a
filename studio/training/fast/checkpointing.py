"""Gradient checkpointing, for as many layers of a model as memory needs it (Chen et al. 2016, arXiv:1604.06174).

A layer that is checkpointed keeps what went into it, and is computed once more on the way back: a third of a step's
work on a frozen base. The last layers are those that may keep everything: theirs is given back first on the way back,
before any layer is computed again.
"""

from typing import Any

import torch
from transformers.modeling_layers import GradientCheckpointingLayer


def checkpoint_layers(model: Any, whole: int = 0) -> int:
    """Let the layers of a model keep only what went into them, but for the last `whole`; return how many do.

    Raises ValueError for an architecture that knows no checkpointing.
    """
    base = getattr(model, "get_base_model", lambda: model)()
    base.activation_checkpointing_enable({"use_reentrant": False})
    layers = [module for module in base.modules() if isinstance(module, GradientCheckpointingLayer)]
    for layer in layers[max(0, len(layers) - whole) :]:
        layer.gradient_checkpointing = False
    return max(0, len(layers) - whole)


def leave_chance_out(model: Any) -> None:
    """Let nothing in a model draw lots and its layers be checkpointed all the same, as they are in training alone."""
    model.train(False)
    for module in model.modules():
        if getattr(module, "gradient_checkpointing", False) and not isinstance(module, torch.nn.Dropout):
            module.training = True
