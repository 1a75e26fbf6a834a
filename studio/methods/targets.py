"""Target modules by plain names: which linear layers of a model an adapter goes beside.

Knows how decoder models name their parts. "all-linear" is every linear layer but the output head (as in peft),
"attention" those inside an attention block, "mlp" the rest; anything else is read as a comma-separated list of
module names.
"""

from typing import Any

from studio.errors import RecipeError

PLAIN = ("all-linear", "attention", "mlp")


def find_targets(model: Any, wanted: str) -> list[str]:
    """Return the name endings (parent.leaf) of the wanted linear layers. Raises RecipeError when nothing matches."""
    linear = list_linear(model)
    if wanted == "all-linear":
        chosen = linear
    elif wanted == "attention":
        chosen = [name for name in linear if _is_attention(name)]
    elif wanted == "mlp":
        chosen = [name for name in linear if not _is_attention(name)]
    else:
        chosen = [
            name for word in _split(wanted, linear) for name in linear if name == word or name.endswith("." + word)
        ]
    if not chosen:
        raise RecipeError(
            f"targets {wanted!r} match no layer of this model. Its linear layers end in: "
            f"{', '.join(_endings(linear))}. Choose all-linear, attention or mlp, or name some of these.",
            field="method.targets",
        )
    return _endings(chosen)


def list_linear(model: Any) -> list[str]:
    """Return the full names of the linear layers inside the decoder blocks (peft leaves out the output head too)."""
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()
    return [
        name for name, module in model.named_modules() if isinstance(module, Linear | Conv1D) and module is not head
    ]


def _split(wanted: str, linear: list[str]) -> list[str]:
    words = [word.strip() for word in wanted.split(",") if word.strip()]
    for word in words:
        if not any(name == word or name.endswith("." + word) for name in linear):
            raise RecipeError(
                f"targets: no layer of this model is called {word[:60]!r}. Its linear layers end in: "
                f"{', '.join(_endings(linear))}.",
                field="method.targets",
            )
    return words


def _is_attention(name: str) -> bool:
    return any("attn" in part or "attention" in part for part in name.split(".")[:-1])


def _endings(names: list[str]) -> list[str]:
    return sorted({".".join(name.split(".")[-2:]) for name in names})
