"""The smallest change to a recipe that makes it fit a device: fewest settings, the gentlest first.

Knows recipes; what a recipe needs is told by whoever asks, so that this stays a pure function.
"""

from collections.abc import Callable, Iterator
from itertools import combinations, product
from typing import Any, NamedTuple

from pydantic import BaseModel

from studio.methods import METHODS
from studio.precisions import PRECISIONS
from studio.runs.recipe import Recipe

ROOM = 0.85
"""The share of the free memory that a run may take and still fit well."""


class Change(BaseModel, frozen=True):
    """What to change, in words and as a patch of the recipe's JSON, and the bytes it needs then."""

    words: str
    patch: dict[str, Any]
    needed_bytes: int


class _Step(NamedTuple):
    words: str
    patch: dict[str, Any]


def find_change(recipe: Recipe, batch_size: int, free_bytes: int, weigh: Callable[[Recipe], int]) -> Change | None:
    """Return the smallest change after which `weigh` is well within `free_bytes`, None where nothing helps.

    `batch_size` is what the recipe's own comes to. A smaller batch is made up for by adding batches up, so that what is
    learnt stays the same.
    """
    axes = [list(_shrink_batch(recipe, batch_size)), list(_checkpoint(recipe)), list(_store_smaller(recipe))]
    axes.append([_Step("train LoRA instead", {"method": {"name": "lora"}})] if recipe.method.saves_whole_model else [])
    for number in range(1, len(axes) + 1):
        for chosen in combinations(axes, number):
            for turned in product(*reversed(chosen)):  # the gentlest of the first is tried with the least of the last
                steps = turned[::-1]
                changed = _apply(recipe, steps)
                if changed is not None and (needed := weigh(changed)) < ROOM * free_bytes:
                    words = ", ".join(step.words for step in steps)
                    return Change(words=f"{words[0].upper()}{words[1:]}.", patch=_merge(steps), needed_bytes=needed)
    return None


def _shrink_batch(recipe: Recipe, batch_size: int) -> Iterator[_Step]:
    smaller, together = batch_size // 2, batch_size * recipe.training.gradient_accumulation
    while smaller >= 1:
        added = max(1, round(together / smaller))
        patch = {"batch_size": smaller, "gradient_accumulation": added}
        if added <= 1024:
            yield _Step(f"take batches of {smaller} and add {added} of them up", {"training": patch})
        smaller //= 2


def _checkpoint(recipe: Recipe) -> Iterator[_Step]:
    if not recipe.training.gradient_checkpointing and not recipe.method.checkpointing_refusal:
        yield _Step("switch gradient checkpointing on", {"training": {"gradient_checkpointing": True}})


def _store_smaller(recipe: Recipe) -> Iterator[_Step]:
    smaller = [PRECISIONS.read(name) for name in PRECISIONS.members]
    smaller = [one for one in smaller if one.bytes_per_weight < recipe.precision.bytes_per_weight]
    for precision in sorted(smaller, key=lambda one: -one.bytes_per_weight):
        yield _Step(f"store the base in {precision.title}", {"precision": precision.name})


def _apply(recipe: Recipe, steps: tuple[_Step, ...]) -> Recipe | None:
    """The recipe after the steps, None where its method can't train so."""
    patch = _merge(steps)
    method = METHODS.read(patch["method"]) if "method" in patch else recipe.method
    precision = PRECISIONS.read(patch.get("precision", recipe.precision))
    if method.refuses(precision) is not None:
        return None
    training = recipe.training.model_copy(update=patch.get("training", {}))
    return recipe.model_copy(update={"method": method, "precision": precision, "training": training})


def _merge(steps: tuple[_Step, ...]) -> dict[str, Any]:
    patch: dict[str, Any] = {}
    for step in steps:
        for name, value in step.patch.items():
            patch[name] = {**patch.get(name, {}), **value} if isinstance(value, dict) else value
    return patch
