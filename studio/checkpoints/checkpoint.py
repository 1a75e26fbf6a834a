"""Checkpoint: a model that was made here, at one step; and Stack: a base with all that was changed on it since.

Plain values. Where they are found is for `studio.checkpoints.address`, what weights they come to for
`studio.checkpoints.weights`.
"""

from pathlib import Path
from typing import NamedTuple

from studio.errors import ModelError
from studio.models.reference import ModelRef
from studio.objectives.objective import Ability
from studio.recipes.recipe import Recipe

ACTS: dict[Ability, str] = {
    "answer": "write answers",
    "embed": "compare texts",
    "classify": "name labels",
    "judge": "judge answers",
}
"""What abilities are called in a sentence."""


class Checkpoint(NamedTuple):
    """What a recipe had made by a step: its `address` names it for good, `folder` holds an adapter or a whole model.

    `parents` are the models it was made from; `can` is what it may be asked to do.
    """

    address: ModelRef
    title: str
    folder: Path
    recipe: Recipe
    step: int
    parents: tuple[ModelRef, ...]
    can: frozenset[Ability] = frozenset({"answer"})

    def check_can(self, ability: Ability, field: str = "model") -> None:
        """Raise ModelError in words where it can't do something."""
        if ability not in self.can:
            can = " and ".join(ACTS[each] for each in sorted(self.can))
            raise ModelError(
                f"{self.title} can't {ACTS[ability]}: it was trained to {can}. Choose another model.", field=field
            )

    @property
    def is_whole(self) -> bool:
        """Whether it replaces all weights below it; else it is an adapter on them."""
        return self.recipe.method.saves_whole_model


class Stack(NamedTuple):
    """A base model and the checkpoints made on it one after the other, the oldest first."""

    base: ModelRef
    changes: tuple[Checkpoint, ...] = ()

    @property
    def address(self) -> ModelRef:
        """The name of what it comes to, with the step: true for good."""
        return self.changes[-1].address if self.changes else self.base

    @property
    def needed(self) -> tuple[Checkpoint, ...]:
        """The changes that its weights are made of: the last whole model, and the adapters on top of it."""
        whole = [place for place, change in enumerate(self.changes) if change.is_whole]
        return self.changes[whole[-1] :] if whole else self.changes

    @property
    def adapters(self) -> tuple[Checkpoint, ...]:
        """Those of the needed changes that are merged into weights."""
        return tuple(change for change in self.needed if not change.is_whole)

    @property
    def key(self) -> tuple[object, ...]:
        """What two stacks of the same weights have in common."""
        return (self.base, *(change.folder for change in self.needed))

    def add(self, checkpoint: Checkpoint) -> "Stack":
        """Return the stack with another change on top."""
        return Stack(self.base, (*self.changes, checkpoint))

    def ground(self, recipe: Recipe) -> Recipe:
        """Return a recipe that starts from this stack as if it started from the base.

        The base's architecture, tokenizer and template are those of everything made on it, so counts, checks, lengths
        and estimates are the same.
        """
        return recipe.model_copy(update={"model": self.base.ref, "revision": self.base.revision})
