"""Target modules by plain names: which linear layers of a model an adapter goes beside.

Knows how decoder models name their parts. "all-linear" is every linear layer but the output head (as in peft),
"attention" those inside an attention block, "mlp" the rest; anything else is read as a comma-separated list of
module names: q_proj is that of every layer, layers.0.self_attn.q_proj that of the first alone.
"""

from typing import Any

from studio.errors import RecipeError
from studio.foreign import Original
from studio.models.architecture import find_text_names

READ_FROM = (Original("peft.LoraModel._check_target_module_compatiblity", "0.21.2", "7f7cbb6d8dee"),)

PLAIN = ("all-linear", "attention", "mlp")
_FUSED = {"gate", "gate_proj", "up_proj", "down_proj", "w1", "w2", "w3"}
"""What experts' layers were called before transformers 5 made one tensor of them all."""


def find_targets(model: Any, wanted: str) -> list[str]:
    """Return the endings of the names of the wanted linear layers, and of no other layer's.

    Raises RecipeError when nothing matches.
    """
    linear = _list_adaptable(model)
    if wanted == "all-linear":
        chosen = linear
    elif wanted == "attention":
        chosen = [name for name in linear if is_attention(name)]
    elif wanted == "mlp":
        chosen = [name for name in linear if not is_attention(name)]
    else:
        return _split(wanted, linear)
    if not chosen:
        raise RecipeError(
            f"targets {wanted!r} match no layer of this model. Its linear layers end in: "
            f"{', '.join(_endings(linear))}. Choose all-linear, attention or mlp, or name some of these.",
            field="method.targets",
        )
    return name_chosen(model, chosen)


def list_linear(model: Any) -> list[str]:
    """Return the full names of the linear layers inside the decoder blocks (peft leaves out the output head too).

    Where a model also sees or hears, what does so is left out: a text would never reach it.
    """
    head, is_text = model.get_output_embeddings(), find_text_names(model)
    modules = ((name, module) for name, module in model.named_modules() if is_text(name))
    return [name for name, module in modules if module is not head and _is_linear(module)]


def _is_linear(module: Any) -> bool:
    """Whether a module multiplies and does nothing else; a router that inherits from a linear layer also chooses."""
    import torch
    from transformers.pytorch_utils import Conv1D

    if not isinstance(module, torch.nn.Linear):
        return isinstance(module, Conv1D)
    if type(module).forward is torch.nn.Linear.forward or type(module).__module__.startswith("bitsandbytes."):
        return True
    bare = {name: torch.empty_like(value, device="meta") for name, value in module.named_parameters()}
    try:
        said = torch.func.functional_call(module, bare, torch.empty(1, 2, module.in_features, device="meta"))
    except Exception:  # whatever it wants, a linear layer wants one tensor
        return False
    return isinstance(said, torch.Tensor) and said.shape == (1, 2, module.out_features)


def list_left_out(model: Any) -> list[str]:
    """Return the endings of the linear layers that all-linear leaves out."""
    taken = set(_list_adaptable(model))
    return _endings([name for name in list_linear(model) if name not in taken])


def _list_adaptable(model: Any) -> list[str]:
    """The linear layers but those that peft refuses or doesn't find again, and those whose names it takes for experts.

    In a mixture of experts peft 0.21 reads `down_proj` as the experts' one tensor: it would leave out the layer of that
    name and put a pair of another kind beside the experts, which can't skip single rows of a batch. Mamba's kernels
    read some layers past whatever is beside them.
    """
    names = list_linear(model)
    has_experts = any(value.dim() == 3 for value in model.parameters())
    refused = {last for last in {name.split(".")[-1] for name in names} if _is_refused(model, last)}
    unfit = refused | (_FUSED if has_experts else set())
    fit = [name for name in names if name.split(".")[-1] not in unfit]
    lost = _list_lost(model, fit)
    return [name for name in fit if name not in lost]


def _list_lost(model: Any, names: list[str]) -> set[str]:
    """The layers whose pairs peft saves under a name that it reads as another's.

    It reads what was saved as transformers reads a model's first files, whose layers may have had such names.
    """
    import torch
    from peft import LoraConfig
    from peft.utils.transformers_weight_conversion import convert_peft_adapter_state_dict_for_transformers

    saved = {f"base_model.model.{name}.lora_A.weight": name for name in names}
    pairs = dict.fromkeys(saved, torch.empty(1, 1, device="cpu"))
    found = convert_peft_adapter_state_dict_for_transformers(model, LoraConfig(), pairs, "default")
    kept = {key.replace(".lora_A.default.weight", ".lora_A.weight") for key in found}
    return {name for key, name in saved.items() if key not in kept}


def _is_refused(model: Any, name: str) -> bool:
    """Whether peft refuses pairs beside layers of this name in this model."""
    from peft import LoraConfig, LoraModel

    try:
        LoraModel._check_target_module_compatiblity(None, LoraConfig(), model, name)
    except ValueError:
        return True
    return False


def _split(wanted: str, linear: list[str]) -> list[str]:
    """The full names of the layers that a person named, whole or by an ending."""
    chosen: list[str] = []
    for word in (part.strip() for part in wanted.split(",")):
        found = [name for name in linear if name == word or name.endswith("." + word)]
        if word and not found:
            raise RecipeError(
                f"targets: no linear layer of this model is called {word[:60]!r}. They end in: "
                f"{', '.join(_endings(linear))}. Name some of these, or choose {', '.join(PLAIN)}.",
                field="method.targets",
            )
        chosen += found
    if not chosen:
        raise RecipeError(
            f"targets {wanted[:60]!r} names no layer. Choose {', '.join(PLAIN)}, or name some of: "
            f"{', '.join(_endings(linear))}.",
            field="method.targets",
        )
    return sorted(set(chosen))


def is_attention(name: str) -> bool:
    """Whether a layer of this full name is part of an attention block."""
    return any("attn" in part or "attention" in part for part in name.split(".")[:-1])


def _end(name: str, parts: int = 2) -> str:
    return ".".join(name.split(".")[-parts:])


def _endings(names: list[str], parts: int = 2) -> list[str]:
    return sorted({_end(name, parts) for name in names})


def name_chosen(model: Any, chosen: list[str], parts: int = 2) -> list[str]:
    """What peft is told: endings of so many parts, or full names where an ending would be that of other modules too."""
    endings, taken = _endings(chosen, parts), set(chosen)
    wanted = {*endings}
    others = (name for name, _ in model.named_modules() if name not in taken)
    unclear = {ending for name in others if (ending := _end(name, parts)) in wanted}
    clear = [ending for ending in endings if ending not in unclear]
    return clear + sorted(name for name in chosen if _end(name, parts) in unclear)
