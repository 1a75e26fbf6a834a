"""How much memory a run will take at its peak, itemised in bytes, and which item is the largest.

The parts follow what training keeps: weights, adapter, gradients, what the optimiser remembers, activations for the
backward pass (read off the real model, see `activations`), and the logits of the positions that are learnt.
"""

from studio.estimates.activations import PLAINLY, Activations, Spared
from studio.estimates.counting import Count, Shape
from studio.precisions import Precision
from studio.precisions.precision import Half

MOST_COPIED_BYTES = 64 * 2**20
"""Weights of a 4-bit base are kept in 16 bits as well where they take no more: a tenth of what the program does."""
LOGIT_BYTES = 12
"""For each learnt token and word of the vocabulary: the logit, its share of the loss, and its gradient."""
MOST_LOGITS = 2**24
"""So many logits are in memory at once: of more, the head is applied piece by piece (see studio.training.fast.head)."""
PROGRAM_BYTES, CONTEXT_BYTES = 640 * 2**20, 570 * 2**20
"""Python with torch, transformers, peft and what writes scores loaded, and what they make for themselves in the first
step; on a graphics card, what its driver and its libraries take there for a process, its context."""
KERNEL_BYTES, MOST_KERNELS, KERNELS_A_BATCH = 2**20, 1024, 12
"""A processor that multiplies in 16 bits makes a kernel for each product of other sizes (oneDNN's, which keeps so many
of them): about so many in a batch of other lengths, and as many again where tokens are predicted, for the last layer
and the head read no more than is learnt. Counted and weighed on the built-in models."""
FRAGMENTED = 0.03
"""On a card, so much of what comes and goes lies between pieces in use, and is of no use to anybody."""
SPARE_SHARE = 0.6
"""Of what depends on the batch, this much more stays with the process on a processor: freed pieces of a few megabytes
that its allocator (glibc's) can neither give back nor fill again. Measured by `bench.memory`."""


def itemise_memory(
    shape: Shape,
    count: Count,
    precision: Precision,
    activations: Activations,
    *,
    batch: int,
    length: int,
    learnt: float,
    shared: int = 0,
    checkpointing: bool,
    spared: Spared = PLAINLY,
    in_pieces: bool = True,
    adds_up: bool = False,
    on_processor: bool = False,
    half: Half | None = "bf16",
    kept_copies: bool = False,
    state_bytes: float = 8,
) -> dict[str, int]:
    """Return what -> bytes at the peak of a training step of `batch` rows of `length` tokens.

    `learnt` of each row are predicted; the `shared` tokens that all begin with are kept once. `adds_up` says whether
    batches are added up to a step: only then are there gradients while a batch is read. Otherwise they take the room
    that activations leave on the way back, and the larger of the two is told without what the smaller takes.
    `state_bytes` is what the optimiser keeps for each number that trains in 32 bits: 8 for AdamW's two moments. `half`
    is what the device computes in, if not 32 bits: then what a quantised base has beside its codes is wider.
    `spared` says what checkpointing leaves on the card. `in_pieces` says that a head with many words
    may be applied piece by piece. (An evaluation of as large a batch keeps nothing, and takes less.)
    `kept_copies` says that a small 4-bit base is kept in 16 bits as well (see studio.training.fast.fused_lora).
    """
    shared = min(shared, length)
    rows = (shared + batch * (length - shared)) / length
    added = count.total - count.base + count.buffers
    numbers = batch * learnt * shape.vocabulary
    logits = int((min(numbers, MOST_LOGITS) if in_pieces else numbers) * LOGIT_BYTES)
    kept = activations.count_bytes(rows, length, checkpointing, logits, spared)
    copies = activations.count_copies(checkpointing)
    layers = ((kind.rows, kind.columns) for kind in shape.kinds)
    if not on_processor:  # there it is part of what stays with the process
        kept += int(max((precision.count_passing(rows * length, *each) for each in layers), default=0))
    spare = int((SPARE_SHARE if on_processor else FRAGMENTED) * max(0, kept + logits - copies))
    gradients = 4 * count.trainable  # what trains is held in 32 bits
    if not on_processor and count.trainable >= shape.base:  # the words' own stands twice, and they are there in 16 bits
        gradients += 6 * shape.vocabulary * shape.hidden
    words = count.words if spared.words else 0
    copied = 2 * count.linear if kept_copies and 2 * count.linear <= MOST_COPIED_BYTES else 0
    if not adds_up:
        kept, gradients = (kept, gradients - kept) if gradients > kept else (kept - gradients, gradients)
    return {
        "program" if on_processor else "context": PROGRAM_BYTES if on_processor else CONTEXT_BYTES,
        "base weights": precision.count_bytes(count.linear, count.base - count.linear - words, half),
        **({"copies": copied} if copied else {}),
        "adapter": 4 * added,
        "gradients": gradients,
        "optimiser": int(state_bytes * count.trainable),
        "activations": kept,
        "logits": logits,
        "spare": spare,
    }


def weigh_kernels(batches: float, different: int, predicts: bool) -> int:
    """Return the bytes of the kernels that batches of rows of so many different lengths leave; the first batch's are
    the program's.
    """
    new = batches if predicts else min(batches, different)
    count = KERNELS_A_BATCH * (1 + predicts) * max(0.0, new - 1) if different > 1 else 0
    return int(KERNEL_BYTES * min(MOST_KERNELS, count))


def find_largest(items: dict[str, int]) -> str:
    """Return the name of the item that takes the most."""
    return max(items, key=lambda name: items[name])
