"""Trying weights before anything is merged: a sum of plain LoRA adapters, written in a moment and asked at once.

Side by side the adapters are their sum exactly, so what answers here is what merging at these weights would make.
Imports torch inside its functions.
"""

from collections.abc import Sequence
from pathlib import Path

from studio.checkpoints.checkpoint import Checkpoint, Stack
from studio.errors import InputError
from studio.merging.deltas import Deltas, open_pairs, read_pairs
from studio.merging.planning import name_rank, write_recipe
from studio.merging.results import check_ranks, join_pairs, save_pairs
from studio.merging.way import Way
from studio.models.libraries import import_libraries
from studio.models.reference import ModelRef

MIX = "merge:mix"
"""By what the answers of such a sum are told apart; nothing is found under it."""


def write_mix(stacks: Sequence[Stack], way: Way, weights: Sequence[float], folder: Path) -> Stack:
    """Write the sum of models into an empty folder, and return it as a model. Raises InputError where it is no sum."""
    import_libraries()
    factors, parents = way.find_factors(weights), [_open(stack) for stack in stacks]
    plain = [parent for parent in parents if parent is not None]
    if factors is None or len(plain) < len(parents):
        which = f"{way.title} is no plain sum" if factors is None else "These are not all plain LoRA adapters"
        raise InputError(
            f"{which}, so nothing can answer before it is merged. Merge them, or choose task arithmetic or the average "
            "of LoRA adapters.",
            field="way",
        )
    names = dict.fromkeys(name for parent in plain for name in parent.names)
    pairs = {name: join_pairs(plain, factors, name) for name in names}
    check_ranks(pairs)
    rank = save_pairs(pairs, folder, stacks[0].base.ref)
    recipe = name_rank(write_recipe(stacks, stacks[0]), rank)
    made = tuple(stack.address for stack in stacks)
    return Stack(stacks[0].base, (Checkpoint(ModelRef(ref=MIX), "the mix", folder, recipe, 0, made),))


def _open(stack: Stack) -> Deltas | None:
    """What a plain LoRA on the base itself added; None for any other model."""
    pairs = read_pairs(stack)
    return open_pairs(stack.changes[-1].title, pairs) if pairs else None
