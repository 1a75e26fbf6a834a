"""Liger's kernels for norms and gated layers, one operation each where an architecture has eight and three.

They keep a third less for the way back, and a card begins them once (Hsu et al. 2024, arXiv:2410.10989). An optional
extra, for NVIDIA cards on Linux: `pip install "fine-tuning-studio[kernels]"`. Only parts that compute as Llama's do are
exchanged; whether the numbers are the same is for the trial of a run to say.
"""

import importlib.util
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import torch
from transformers.models.llama.modeling_llama import LlamaMLP, LlamaRMSNorm

from studio.foreign import Original

READ_FROM = (
    Original("transformers.models.llama.modeling_llama.LlamaRMSNorm.forward", "5.23.0", "7f6be55b177f"),
    Original("transformers.models.llama.modeling_llama.LlamaMLP.forward", "5.23.0", "7d2027d4464e"),
)


def has_kernels() -> bool:
    """Whether Liger's kernels are installed; they are not loaded, for they begin to use the card."""
    return importlib.util.find_spec("liger_kernel") is not None


def use_kernels(model: Any) -> int:
    """Let the parts of a model that compute as Llama's do be single operations; return how many there are.

    Raises ImportError where the kernels can't be loaded.
    """
    operations = import_module("liger_kernel.ops")
    found = list(_find_parts(model))
    for part, kind in found:
        part.forward = kind(part, operations)
    return len(found)


def leave_kernels(model: Any) -> None:
    """Give a model back the parts that it had before `use_kernels`."""
    for part in model.modules():
        if isinstance(vars(part).get("forward"), _Norm | _Gated):
            del part.forward


class _Norm:
    """The forward of a root-mean-square norm, whose weight is multiplied in the width of what it reads."""

    def __init__(self, part: Any, operations: Any) -> None:
        self.part, self.apply = part, operations.LigerRMSNormFunction.apply

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.apply(hidden, self.part.weight, self.part.variance_epsilon, 0.0, "llama", False)
        return found


class _Gated:
    """The forward of a gated layer: down(silu(gate x) * up x)."""

    def __init__(self, part: Any, operations: Any) -> None:
        self.part, self.apply = part, operations.LigerSiLUMulFunction.apply

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.part.down_proj(self.apply(self.part.gate_proj(x), self.part.up_proj(x)))
        return found


def _find_parts(model: Any) -> Iterator[tuple[Any, type[_Norm] | type[_Gated]]]:
    """The parts that compute as Llama's: other architectures copy those classes word for word, and rename them."""
    for part in model.modules():
        if "forward" in vars(part):
            continue
        if _computes_as(part, LlamaRMSNorm):
            yield part, _Norm
        elif _computes_as(part, LlamaMLP) and type(part.act_fn).__name__ in ("SiLU", "SiLUActivation"):
            yield part, _Gated


def _computes_as(part: Any, kind: Any) -> bool:
    """Whether the code of a part's forward is that of a kind."""
    own, other = (getattr(each.forward, "__code__", None) for each in (type(part), kind))
    return own is not None and _read_code(own) == _read_code(other)


def _read_code(code: Any) -> tuple[Any, ...]:
    return code.co_code, code.co_names, [one for one in code.co_consts if not isinstance(one, str)]  # but docstrings
