"""What to lower when a training ran out of memory: one change of the recipe at a time, the one that costs least.

Pure: knows the recipe, nothing of devices or folders. A change is a small patch, to be merged deeply into the recipe's
JSON: {"training": {"batch_size": 8, "gradient_accumulation": 2}}.
"""

from typing import Any, NamedTuple

from studio.precisions import PRECISIONS
from studio.runs.recipe import Recipe
from studio.runs.training import PRESETS

MOST_ACCUMULATED = 1024


class Remedy(NamedTuple):
    """What a person can do, in words, and the patch of the recipe that does it; None where no patch helps."""

    words: str
    changes: dict[str, Any] | None = None


def lower_memory(recipe: Recipe, loading: bool) -> Remedy:
    """Return what needs less memory and learns the same, or nearly. `loading`: it broke before the first step.

    Until the first step only the base's weights count; from then on, above all what each batch leaves to be remembered.
    """
    choices = (_store_smaller, _say) if loading else (_split_batch, _compute_twice, _store_smaller, _shorten, _say)
    return next(remedy for choose in choices if (remedy := choose(recipe)) is not None)


def _split_batch(recipe: Recipe) -> Remedy | None:
    """Smaller batches, as many more of them a step: the very same step."""
    options = recipe.training
    batch = options.batch_size or PRESETS[options.preset].batch_size
    parts = next((parts for parts in range(2, batch + 1) if batch % parts == 0), 0)
    batches = options.gradient_accumulation * parts
    if not parts or batches > MOST_ACCUMULATED:
        return None
    return Remedy(
        f"Lower the batch size from {batch} to {batch // parts} and add up {batches} batches a step: it learns the "
        "same and needs less memory.",
        {"training": {"batch_size": batch // parts, "gradient_accumulation": batches}},
    )


def _compute_twice(recipe: Recipe) -> Remedy | None:
    if recipe.training.gradient_checkpointing:
        return None
    return Remedy(
        "Switch gradient checkpointing on: it learns the same, more slowly, and needs less memory.",
        {"training": {"gradient_checkpointing": True}},
    )


def _store_smaller(recipe: Recipe) -> Remedy | None:
    """The base in fewer bits, as few as the method can train on."""
    for name, words in (("nf4", "Store the base in 4 bits (QLoRA)"), ("bf16", "Store the base in 16 bits")):
        smaller, now = PRECISIONS.read(name), recipe.precision
        if smaller.bytes_per_weight < now.bytes_per_weight and not recipe.method.refuses(smaller):
            share = smaller.bytes_per_weight / now.bytes_per_weight
            return Remedy(f"{words}: its weights then need {share:.0%} of their memory.", {"precision": name})
    return None


def _shorten(recipe: Recipe) -> Remedy | None:
    shorter = recipe.training.max_length // 2
    if shorter < 64:
        return None
    return Remedy(
        f"Lower the longest example from {recipe.training.max_length:,} to {shorter:,} tokens; what is longer is left "
        "out.",
        {"training": {"max_length": shorter}},
    )


def _say(recipe: Recipe) -> Remedy:
    by_adapter = " or LoRA instead of tuning everything" if recipe.method.saves_whole_model else ""
    return Remedy(f"Choose a smaller base model{by_adapter}, or close other programs and resume.")
