"""Smaller recipes: what needs less memory and learns the same, or nearly. One list of ways, for two who ask.

Before a run there is somebody who can weigh a recipe: `find_change` is the smallest change that fits. When a run has
run out of memory nobody knows by how much: `lower_memory` names the next way, one at a time. A way is a small patch, to
be merged deeply into the recipe's JSON. Pure: knows the recipe, nothing of devices or folders.
"""

from collections.abc import Callable
from itertools import combinations, product
from typing import Any, NamedTuple

from pydantic import BaseModel

from studio.methods import METHODS
from studio.models.device import ROOM
from studio.precisions import PRECISIONS
from studio.recipes.options import PRESETS
from studio.recipes.recipe import Recipe

MOST_ACCUMULATED = 1024
SHORTEST = 64
"""Examples aren't cut below so many tokens."""


class Change(BaseModel, frozen=True):
    """What to change, in words and as a patch of the recipe's JSON, and the bytes it needs then."""

    words: str
    patch: dict[str, Any]
    needed_bytes: int


class Remedy(NamedTuple):
    """What a person can do, in words, and the patch of the recipe that does it; None where no patch helps."""

    words: str
    changes: dict[str, Any] | None = None


class Way(NamedTuple):
    """One way to need less: what to do, what that means, and the patch."""

    act: str
    meaning: str
    patch: dict[str, Any]


def find_change(recipe: Recipe, free_bytes: int, weigh: Callable[[Recipe], float]) -> Change | None:
    """Return the smallest change after which `weigh` is well within `free_bytes`, None where nothing helps."""
    axes = [_split_batch(recipe), _compute_twice(recipe), _store_smaller(recipe), _train_less(recipe)]
    for number in range(1, len(axes) + 1):
        for chosen in combinations(axes, number):
            for turned in product(*reversed(chosen)):  # the gentlest of the first is tried with the least of the last
                ways = turned[::-1]
                changed = _apply(recipe, ways)
                if changed is not None and (needed := weigh(changed)) < ROOM * free_bytes:
                    words = ", ".join(way.act for way in ways)
                    return Change(words=f"{_begin(words)}.", patch=_merge(ways), needed_bytes=int(needed))
    return None


def lower_memory(recipe: Recipe, loading: bool, fits_base: Callable[[Recipe], bool] | None = None) -> Remedy:
    """Return the next way. `loading`: it broke before the first step, until which only the base's weights count.

    Where it can't be known how much is missing, batches are lowered step by step, the base as far as it goes.
    `fits_base` says whether a recipe's base can be stored in its precision; without it, any can.
    """
    stored = _store_smaller(recipe)[::-1]
    ways = stored if loading else [*_split_batch(recipe), *_compute_twice(recipe), *stored, *_shorten(recipe)]
    for way in ways:
        changed = _apply(recipe, (way,))
        if changed is None or ("precision" in way.patch and fits_base is not None and not fits_base(changed)):
            continue
        return Remedy(f"{_begin(way.act)}: {way.meaning}.", way.patch)
    by_adapter = " or LoRA instead of tuning everything" if recipe.method.saves_whole_model else ""
    return Remedy(f"Choose a smaller base model{by_adapter}, or close other programs and resume.")


def _split_batch(recipe: Recipe) -> list[Way]:
    """Smaller batches, as many more of them a step, the largest first: the very same step."""
    options = recipe.training
    batch = options.batch_size or PRESETS[options.preset].batch_size
    return [
        Way(
            f"lower the batch size from {batch} to {batch // parts} and add up {added} batches a step",
            "it learns the same and needs less memory",
            {"training": {"batch_size": batch // parts, "gradient_accumulation": added}},
        )
        for parts in range(2, batch + 1)
        if batch % parts == 0 and (added := options.gradient_accumulation * parts) <= MOST_ACCUMULATED
    ]


def _compute_twice(recipe: Recipe) -> list[Way]:
    if recipe.training.gradient_checkpointing or recipe.method.checkpointing_refusal:
        return []
    meaning = "it learns the same, more slowly, and needs less memory"
    return [Way("switch gradient checkpointing on", meaning, {"training": {"gradient_checkpointing": True}})]


def _store_smaller(recipe: Recipe) -> list[Way]:
    """The base in fewer bits, the most first; one that trains whole has 32 whatever is chosen."""
    if recipe.method.saves_whole_model:
        return []
    now = recipe.precision.bytes_per_weight
    smaller = [one for one in map(PRECISIONS.read, PRECISIONS.members) if one.bytes_per_weight < now]
    return [
        Way(
            f"store the base in {one.title}",
            f"its weights then need {one.bytes_per_weight / now:.0%} of their memory",
            {"precision": one.name},
        )
        for one in sorted(smaller, key=lambda one: -one.bytes_per_weight)
    ]


def _train_less(recipe: Recipe) -> list[Way]:
    if not recipe.method.saves_whole_model:
        return []
    return [Way("train LoRA instead", "it trains a hundredth of the numbers", {"method": {"name": "lora"}})]


def _shorten(recipe: Recipe) -> list[Way]:
    now, shorter = recipe.training.max_length, recipe.training.max_length // 2
    if shorter < SHORTEST:
        return []
    act = f"lower the longest example from {now:,} to {shorter:,} tokens"
    return [Way(act, "longer ones are left out", {"training": {"max_length": shorter}})]


def _apply(recipe: Recipe, ways: tuple[Way, ...]) -> Recipe | None:
    """The recipe after the ways, None where its method can't train so."""
    patch = _merge(ways)
    method = METHODS.read(patch["method"]) if "method" in patch else recipe.method
    precision = PRECISIONS.read(patch.get("precision", recipe.precision))
    if method.refuses(precision) is not None:
        return None
    training = recipe.training.model_copy(update=patch.get("training", {}))
    return recipe.model_copy(update={"method": method, "precision": precision, "training": training})


def _merge(ways: tuple[Way, ...]) -> dict[str, Any]:
    patch: dict[str, Any] = {}
    for way in ways:
        for name, value in way.patch.items():
            patch[name] = {**patch.get(name, {}), **value} if isinstance(value, dict) else value
    return patch


def _begin(words: str) -> str:
    return words[0].upper() + words[1:]
