"""How much memory a run will take at its peak, itemised in bytes.

The parts follow what training keeps: weights, adapter, gradients, AdamW's two moments, activations for the backward
pass, and the logits of the positions that are learnt. Activations are those of a decoder layer that keeps its inputs
(Korthikanti et al. 2022, arXiv:2205.05198): about 34 numbers of `hidden` a token, plus attention's in blocks.
"""

from studio.estimates.counting import Count, Shape
from studio.precisions import Precision

NUMBERS_A_TOKEN = 34
LEARNT_SHARE = 0.25
PROGRAM_BYTES = 450 * 2**20
"""Python with torch, transformers and peft loaded, before any model."""


def itemise_memory(
    shape: Shape,
    count: Count,
    precision: Precision,
    *,
    batch: int,
    length: int,
    compute_bytes: int,
    whole_model: bool,
    checkpointing: bool,
) -> dict[str, int]:
    """Return what -> bytes at the peak of a training step of `batch` rows of `length` tokens."""
    added = count.total - count.base
    trained_bytes = precision.other_bytes if whole_model else 4
    a_layer = batch * length * shape.hidden * NUMBERS_A_TOKEN * compute_bytes
    kept_layers = 1 + shape.layers * 2 / NUMBERS_A_TOKEN if checkpointing else shape.layers
    return {
        "program": PROGRAM_BYTES,
        "base weights": precision.count_bytes(count.linear, count.base - count.linear),
        "adapter": 0 if whole_model else 4 * added,
        "gradients": trained_bytes * count.trainable,
        "optimiser": 2 * trained_bytes * count.trainable,
        "activations": int(a_layer * kept_layers),
        "logits": int(batch * length * LEARNT_SHARE * shape.vocabulary * 8),
    }
