"""A pair: the base and what a run made of it; columns of two. Imports torch inside its functions."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from studio.answering.column import Column, make_base, make_tuned
from studio.answering.columns import Columns
from studio.answering.sides import Sides
from studio.checkpoints.address import read_checkpoint
from studio.checkpoints.checkpoint import Stack
from studio.models.device import DeviceFacts
from studio.objectives import Objective
from studio.recipes.recipe import Recipe
from studio.runs.run import Run

BASE, TUNED = 0, 1


class Logits(NamedTuple):
    """The next-token logits of both sides (2 x vocabulary) and the cache to go on from."""

    values: Any
    cache: Any


class Pair:
    """Base and tuned of one recipe; `use` chooses the checkpoint that the tuned side answers with.

    `below` is what the recipe's model stands for, where that is no base.
    """

    def __init__(
        self, recipe: Recipe, device: DeviceFacts, below: Stack | None = None, columns: Columns | None = None
    ) -> None:
        self.recipe, self.below = recipe, below or Stack(recipe.base)
        self.columns = columns or Columns(device)
        if not columns:
            self.columns.arrange([make_base(self.below, recipe)])

    def serves(self, recipe: Recipe) -> bool:
        """Whether this pair's base is the one `recipe` was trained on, stored alike."""
        mine, other = self.recipe, recipe
        return (mine.base, mine.precision, mine.method.name) == (other.base, other.precision, other.method.name)

    def use(self, run: Run, recipe: Recipe, step: int | None) -> int:
        """Let the tuned side answer with a checkpoint of `run`.

        Return its step. Raises NotFoundError if there is none.
        """
        used = int(run.find_checkpoint(step).name.removeprefix("step-"))
        self.columns.arrange(list_sides(self.below, run, recipe, used))
        self.recipe = recipe
        return used

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of both."""
        return self.columns.find_tokenizer(BASE)

    @property
    def base(self) -> Any:
        """The base's model, without an adapter."""
        return self.columns.find_shared(BASE).base

    @property
    def model(self) -> Any:
        """The model that holds the adapter; of a full fine-tuning, the tuned model."""
        shared = self.columns.find_shared(TUNED)
        return shared.base if shared.model is None else shared.model

    @property
    def context(self) -> int:
        """How many tokens both sides can read and write in all."""
        return min(self.columns.find_context(place) for place in range(len(self.columns.columns)))

    @property
    def _sides(self) -> Sides:
        return self.columns.find_sides((BASE, TUNED) if self._shares else (TUNED,))

    @property
    def _shares(self) -> bool:
        return self.columns.find_shared(BASE) is self.columns.find_shared(TUNED)

    def read(self, ids: Any, mask: Any = None, cache: Any = None) -> Logits:
        """Return the logits after the last token of `ids` (2 x new tokens).

        `mask` is 2 x all tokens so far, None where none is padding.
        """
        if self._shares:
            return Logits(*self._sides.read(ids, mask, cache))
        import torch

        found = []
        for place in (BASE, TUNED):
            own = slice(place, place + 1)
            before, seen = cache and cache[place], None if mask is None else mask[own]
            found.append(self.columns.find_sides((place,)).read(ids[own], seen, before))
        return Logits(torch.cat([values for values, _ in found]), [kept for _, kept in found])

    def write(
        self, prompt: list[int], max_tokens: int, temperature: float, seed: int, ends: frozenset[int] | None = None
    ) -> Iterator[tuple[list[int], ...]]:
        """Yield the tokens written so far by (base, tuned), until both wrote one of `ends` or `max_tokens` tokens."""
        yield from self.columns.write([prompt, prompt], max_tokens, temperature, seed, ends)

    def find_objective(self, tuned: bool) -> Objective:
        """Return what writes the prompts of one side."""
        return self.columns.columns[TUNED if tuned else BASE].objective

    def answer_many(self, prompts: list[list[int]], max_tokens: int, tuned: bool, batch: int = 32) -> list[str]:
        """Return the greedy answers of one side to many prompts; one that leaves no room gets none."""
        return self.columns.answer_many(TUNED if tuned else BASE, prompts, max_tokens, batch)

    def list_ends(self) -> frozenset[int]:
        """Return the tokens that end an answer."""
        return self.columns.list_ends(BASE)


def list_sides(below: Stack, run: Run, recipe: Recipe, step: int) -> list[Column]:
    """Return base and tuned of a run's checkpoint as columns."""
    return [make_base(below, recipe), make_tuned(below, read_checkpoint(run, recipe, step))]
