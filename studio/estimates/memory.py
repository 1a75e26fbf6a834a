"""How much memory a run will take at its peak, itemised in bytes, and which item is the largest.

The parts follow what training keeps: weights, adapter, gradients, what the optimiser remembers, activations for the
backward pass (read off the real model, see `activations`), and the logits of the positions that are learnt.
"""

from studio.estimates.activations import Activations
from studio.estimates.counting import Count, Shape
from studio.precisions import Precision

LEARNT_SHARE = 0.25
PROGRAM_BYTES = 450 * 2**20
"""Python with torch, transformers and peft loaded, before any model."""


def itemise_memory(
    shape: Shape,
    count: Count,
    precision: Precision,
    activations: Activations,
    *,
    batch: int,
    length: int,
    whole_model: bool,
    checkpointing: bool,
    state_bytes: float = 8,
) -> dict[str, int]:
    """Return what -> bytes at the peak of a training step of `batch` rows of `length` tokens.

    `state_bytes` is what the optimiser keeps for each number that trains in 32 bits: 8 for AdamW's two moments.
    """
    added = count.total - count.base + count.buffers
    trained_bytes = precision.other_bytes if whole_model else 4
    return {
        "program": PROGRAM_BYTES,
        "base weights": precision.count_bytes(count.linear, count.base - count.linear),
        "adapter": 4 * added,
        "gradients": trained_bytes * count.trainable,
        "optimiser": int(state_bytes * trained_bytes / 4 * count.trainable),
        "activations": activations.count_bytes(batch, length, shape.layers, checkpointing),
        "logits": int(batch * length * LEARNT_SHARE * shape.vocabulary * 8),
    }


def find_largest(items: dict[str, int]) -> str:
    """Return the name of the item that takes the most."""
    return max(items, key=lambda name: items[name])
