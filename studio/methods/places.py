"""Places in a decoder by what they do: keys and values, where attention and MLP write, norms, biases.

Found by the shape of the model and not by a list of models: within each decoder layer, the last linear layer of a part
that is as wide as the model is where the part writes. Names are told as endings, as peft reads them.
"""

import inspect
from typing import Any, NamedTuple

from studio.errors import RecipeError
from studio.methods.targets import is_attention, list_linear, name_chosen
from studio.models.architecture import find_text_names

_KEYS_AND_VALUES = {"k_proj", "v_proj", "key", "value", "wk", "wv", "k_lin", "v_lin"}
_FUSED_ATTENTION = {"c_attn", "query_key_value", "qkv_proj", "Wqkv", "in_proj", "att_proj", "qkv"}


class Outputs(NamedTuple):
    """Endings of the names of the modules whose output goes back into the model's main stream."""

    attention: list[str]
    mlp: list[str]
    mlp_linear: list[str]


def find_outputs(model: Any) -> Outputs:
    """Return where attention and MLP write; of experts, which are no linear layers, the whole block.

    Raises RecipeError where a model has no such places.
    """
    modules = dict(model.named_modules())
    hidden = model.config.get_text_config().hidden_size
    last: dict[tuple[str, bool], str] = {}
    for name in list_linear(model):
        if _count_outputs(modules[name]) == hidden:
            last[_find_layer(name), is_attention(name)] = name
    attention = [name for (layer, attends), name in last.items() if layer and attends]
    linear = [name for (layer, attends), name in last.items() if layer and not attends]
    blocks = _find_expert_blocks(model)
    if not attention or not (linear or blocks):
        raise RecipeError(
            f"In a model of kind {model.config.model_type!r} the studio can't find where attention and MLP end. Choose "
            "LoRA, which asks for linear layers alone.",
            field="method.name",
        )
    if blocks:
        return Outputs(name_chosen(model, attention), blocks, [])
    written = name_chosen(model, linear)
    return Outputs(name_chosen(model, attention), written, written)


def find_keys_and_values(model: Any) -> list[str]:
    """Return the endings of the layers that make keys and values; where one makes queries too, that one."""
    attention = [name for name in list_linear(model) if is_attention(name)]
    for wanted in (_KEYS_AND_VALUES, _FUSED_ATTENTION):
        found = [name for name in attention if _is_called(name.split(".")[-1], wanted)]
        if found:
            return name_chosen(model, found)
    raise RecipeError(
        f"In a model of kind {model.config.model_type!r} the layers that make keys and values can't be found. Choose "
        "LoRA, which asks for linear layers alone.",
        field="method.name",
    )


def find_norms(model: Any) -> list[str]:
    """Return the last names of the modules that normalise."""
    is_text = find_text_names(model)
    found = [name for name, module in model.named_modules() if is_text(name) and _is_norm(module)]
    if not found:
        raise RecipeError("This model has no norms with weights of their own. Choose LoRA.", field="method.name")
    return name_chosen(model, found, parts=1)


def find_biases(model: Any) -> list[str]:
    """Return the endings of the modules that have a bias."""
    from torch import Tensor

    is_text = find_text_names(model)
    named = ((name, module) for name, module in model.named_modules() if is_text(name))
    return name_chosen(model, [name for name, module in named if isinstance(getattr(module, "bias", None), Tensor)])


def _is_called(name: str, wanted: set[str]) -> bool:
    """Whether a layer has one of the names, or makes a part of that: v_proj_current and v_proj_delayed of v_proj."""
    return any(name == one or name.startswith(f"{one}_") for one in wanted)


def _is_norm(module: Any) -> bool:
    """Whether a module only evens numbers out; of one with a gate, kernels read past what is beside it."""
    weight = getattr(module, "weight", None)
    named = "norm" in type(module).__name__.lower() and weight is not None and weight.dim() == 1
    return named and "gate" not in inspect.signature(module.forward).parameters


def _find_layer(name: str) -> str:
    """The part of a name up to its layer's number, empty outside the layers."""
    parts = name.split(".")
    numbers = [place for place, part in enumerate(parts) if part.isdigit()]
    return ".".join(parts[: numbers[0] + 1]) if numbers else ""


def _find_expert_blocks(model: Any) -> list[str]:
    """The last names of the children of decoder layers that hold experts, or are in their place."""
    is_text = find_text_names(model)
    found = {
        name.removeprefix(_find_layer(name) + ".").split(".")[0]
        for name, value in model.named_parameters()
        if value.dim() == 3 and _find_layer(name) and is_text(name)
    }
    return sorted(found)


def _count_outputs(linear: Any) -> int:
    from torch.nn import Linear

    return int(linear.out_features if isinstance(linear, Linear) else linear.nf)
