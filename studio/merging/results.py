"""What merged deltas become: an adapter that is their sum exactly, the best adapter of a rank, or a whole model.

Each writes into an empty folder, weight by weight. peft's own `add_weighted_adapter` is right for plain sums of plain
LoRA alone (version 0.21.2; tests/test_merge.py keeps watch), so all arithmetic is here. Imports torch inside its
functions.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from studio.errors import InputError
from studio.merging.deltas import Deltas, Pair

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_RANK = 256


class Thin(NamedTuple):
    """A pair for one weight, and of its delta's squared size how much it keeps, of how much there was."""

    pair: Pair
    kept: float
    whole: float


def join_pairs(parents: Sequence[Deltas], factors: Sequence[float], name: str) -> Pair:
    """Return the pair whose delta is the sum of the parents' deltas times their factors: side by side, exact."""
    import torch

    mine = [
        (each.pairs[name], by) for each, by in zip(parents, factors, strict=True) if each.pairs and name in each.pairs
    ]
    a = torch.cat([pair.a.float() for pair, _ in mine])
    b = torch.cat([pair.b.float() * (pair.scale * by) for pair, by in mine], dim=1)
    return Pair(a, b, 1.0, mine[0][0].turned)


def check_ranks(pairs: dict[str, Pair]) -> None:
    """Raise InputError in words where adapters side by side are wider than one may be."""
    widest = max(len(pair.a) for pair in pairs.values())
    if widest > LARGEST_RANK:
        raise InputError(
            f"Side by side, these adapters have rank {widest}, and {LARGEST_RANK} is the most. Choose the result svd "
            "or full.",
            field="result",
        )


def shrink(delta: "Tensor", rank: int, turned: bool) -> Thin:
    """Return the pair of a rank that is nearest to a delta."""
    import torch

    matrix = delta.T if turned else delta
    left, sizes, right = torch.linalg.svd(matrix, full_matrices=False)
    kept = min(rank, len(sizes))
    root = sizes[:kept].sqrt()
    pair = Pair(root[:, None] * right[:kept], left[:, :kept] * root, 1.0, turned)
    return Thin(pair, float(sizes[:kept].square().sum()), float(sizes.square().sum()))


def find_matrices(model: Any) -> dict[str, bool]:
    """Return the weights to which a LoRA can add something, and whether each is stored the other way round."""
    import torch
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()
    found = ((name, module) for name, module in model.named_modules() if isinstance(module, torch.nn.Linear | Conv1D))
    return {f"{name}.weight": isinstance(module, Conv1D) for name, module in found if module is not head}


def save_pairs(pairs: dict[str, Pair], folder: Path, base: str) -> int:
    """Write pairs as a plain LoRA that peft loads; return its rank, which is the widest pair's."""
    from peft import LoraConfig
    from safetensors.torch import save_file

    layers = {name.removesuffix(".weight"): pair for name, pair in pairs.items()}
    rank = max(len(pair.a) for pair in pairs.values())
    others = {layer: len(pair.a) for layer, pair in layers.items() if len(pair.a) != rank}
    config = LoraConfig(
        r=rank,
        lora_alpha=rank,
        rank_pattern=others,
        alpha_pattern=dict(others),
        target_modules=list(layers),
        fan_in_fan_out=next(iter(pairs.values())).turned,
        base_model_name_or_path=base,
        task_type="CAUSAL_LM",
        inference_mode=True,
    )
    weights = {}
    for layer, pair in layers.items():
        weights[f"base_model.model.{layer}.lora_A.weight"] = pair.a.float().contiguous()
        weights[f"base_model.model.{layer}.lora_B.weight"] = (pair.b.float() * pair.scale).contiguous()
    config.save_pretrained(folder)
    save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    return rank


def add_to(model: Any, changes: "Iterator[tuple[str, Tensor | None]]") -> Iterator[None]:
    """Add deltas to a model's weights, in place, and yield after each."""
    import torch

    weights = dict(model.named_parameters(remove_duplicate=False))
    for name, delta in changes:
        with torch.no_grad():
            if delta is not None:
                weights[name].data += delta.to(weights[name].device)
        yield
