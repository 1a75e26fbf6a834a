"""Column: one of the models that answer side by side, as a plain value: weights, how they are stored, and an adapter.

Knows how the base and the tuned side of a run are columns, and how an address is one. Loads nothing.
"""

from typing import NamedTuple

from studio.checkpoints.checkpoint import Checkpoint, Stack
from studio.declaration import show
from studio.errors import InputError
from studio.objectives import Objective
from studio.precisions import Precision
from studio.recipes.recipe import Recipe

MOST = 4
"""So many models answer side by side; more is no comparison any more."""


class Column(NamedTuple):
    """The weights `below`, stored at `precision`, with an `adapter` on them or none; `objective` writes its prompt."""

    below: Stack
    precision: Precision
    objective: Objective
    adapter: Checkpoint | None = None

    @property
    def stack(self) -> Stack:
        """The weights with the adapter."""
        return self.below.add(self.adapter) if self.adapter else self.below

    @property
    def address(self) -> str:
        """The name of the model, true for good."""
        return self.stack.address.ref

    @property
    def title(self) -> str:
        """What people call it."""
        return self.stack.changes[-1].title if self.stack.changes else self.below.base.ref

    @property
    def virtual_tokens(self) -> int:
        """Places of the context that its adapter takes."""
        return self.adapter.recipe.method.virtual_tokens if self.adapter else 0

    @property
    def skips_rows(self) -> bool:
        """Whether it may be a row of a batch whose other rows have another adapter or none."""
        return self.adapter is None or self.adapter.recipe.method.skips_rows


def check_beside(models: object) -> list[str]:
    """Return the addresses of models that are asked beside base and tuned. Raises InputError in words."""
    if not isinstance(models, list | tuple) or not all(isinstance(each, str) and each for each in models):
        raise InputError(
            f'models is a list of addresses, such as ["run:brave-otter@120"], not {show(models)}.', field="models"
        )
    if len(models) > MOST - 2:
        raise InputError(
            f"At most {MOST - 2} models can be asked beside base and tuned, not {len(models):,}. Leave some out.",
            field="models",
        )
    return list(models)


def make_base(below: Stack, recipe: Recipe) -> Column:
    """Return what a recipe starts from, stored and asked as the recipe has it."""
    return Column(below, recipe.precision, recipe.objective)


def make_tuned(below: Stack, made: Checkpoint) -> Column:
    """Return what was made on the weights `below`."""
    recipe = made.recipe
    if made.is_whole:
        return Column(below.add(made), recipe.precision, recipe.objective)
    return Column(below, recipe.precision, recipe.objective, made)


def make_column(stack: Stack, beside: Recipe) -> Column:
    """Return a model by its address; a base is stored and asked as that of the recipe it is beside."""
    if not stack.changes:
        return make_base(stack, beside)
    return make_tuned(Stack(stack.base, stack.changes[:-1]), stack.changes[-1])
