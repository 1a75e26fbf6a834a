"""Column: one of the models that answer side by side, as a plain value: weights, how they are stored, and an adapter.

Knows how the base and the tuned side of a run are columns, and how an address is one. Loads nothing.
"""

from typing import NamedTuple

from studio.checkpoints.checkpoint import Checkpoint, Stack
from studio.declaration import show
from studio.errors import InputError
from studio.models.catalogue import name_base
from studio.objectives import Objective
from studio.objectives.choices import FILE
from studio.precisions import Precision
from studio.recipes.recipe import Recipe

MOST = 4
"""So many models answer side by side; more is no comparison any more."""


NEAREST = "nearest:"
"""Before a number: the base, with so many training instances in its prompt, those most like what is asked."""
MOST_SHOWN = 8


class Column(NamedTuple):
    """The weights `below`, stored at `precision`, with an `adapter` on them or none; `objective` writes its prompt.

    In that it `shows` so many instances of the task, those that are most like what is asked.
    """

    below: Stack
    precision: Precision
    objective: Objective
    adapter: Checkpoint | None = None
    shows: int = 0

    @property
    def stack(self) -> Stack:
        """The weights with the adapter."""
        return self.below.add(self.adapter) if self.adapter else self.below

    @property
    def address(self) -> str:
        """The name of the model, true for good."""
        return f"{NEAREST}{self.shows}" if self.shows else self.stack.address.ref

    @property
    def title(self) -> str:
        """What people call it."""
        if self.shows:
            return tell_nearest(self.shows)
        return self.stack.changes[-1].title if self.stack.changes else name_base(self.below.base.ref)

    @property
    def virtual_tokens(self) -> int:
        """Places of the context that its adapter takes."""
        return self.adapter.recipe.method.virtual_tokens if self.adapter else 0

    @property
    def chooses(self) -> bool:
        """Whether it answers with one of the texts that its last training knew, not in words of its own."""
        changes = self.stack.changes
        return bool(changes) and "embeddings" in self.objective.needs and (changes[-1].folder / FILE).exists()

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


def read_nearest(address: str) -> int:
    """Return how many examples an address such as nearest:3 looks up for the base, 0 for any other address.

    Raises InputError in words where the number can't be.
    """
    if not address.startswith(NEAREST):
        return 0
    number = address.removeprefix(NEAREST)
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= MOST_SHOWN):
        raise InputError(
            f"{address[:40]!r} names no number of examples. Write {NEAREST}3 for the base with the three nearest "
            f"training instances in its prompt; at most {MOST_SHOWN}.",
            field="models",
        )
    return int(number)


def tell_nearest(count: int) -> str:
    """Return what people call the base with so many examples looked up."""
    return f"base with the {count} nearest examples" if count > 1 else "base with the nearest example"


def make_nearest(below: Stack, recipe: Recipe, count: int) -> Column:
    """Return what a recipe starts from, asked with `count` instances of its task that are looked up."""
    base = make_base(below, recipe)
    return base._replace(objective=base.objective.model_copy(update={"positive_examples": count}), shows=count)


def make_base(below: Stack, recipe: Recipe) -> Column:
    """Return what a recipe starts from, stored and asked as the recipe has it."""
    return Column(below, recipe.precision, recipe.objective.beside)


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
