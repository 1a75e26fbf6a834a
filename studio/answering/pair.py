"""A pair: the base and what a run made of it, ready to be asked together.

With an adapter there is one copy of the weights: row 0 of each batch skips the adapter, row 1 uses it; where that can't
be, the two rows are read one after the other, first with the adapter switched off (studio.answering.sides). A full
fine-tuning has changed the weights themselves, so its pair really is two models. Imports torch and peft inside its
functions.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from studio.answering.decoding import Group, Text, Writer, find_habits, write_rows
from studio.answering.rows import Switch
from studio.answering.sides import Sides
from studio.answering.way import find_rounding
from studio.checkpoints.checkpoint import Stack
from studio.checkpoints.weights import check_adapter, load_stack
from studio.errors import ModelError, first_line
from studio.models.device import DeviceFacts, is_out_of_memory
from studio.models.loading import (
    find_context,
    find_model_folder,
    leave_a_core,
    list_end_tokens,
    load_base,
    load_tokenizer,
)
from studio.recipes.recipe import Recipe
from studio.runs.run import Run
from studio.tasks.prompt import trim

BASE, TUNED = 0, 1


class Logits(NamedTuple):
    """The next-token logits of both sides (2 x vocabulary) and the cache to go on from."""

    values: Any
    cache: Any


class Pair:
    """Base and tuned of one recipe; `use` chooses the checkpoint that the tuned side answers with."""

    def __init__(self, recipe: Recipe, device: DeviceFacts, below: Stack | None = None) -> None:
        self.recipe, self.device = recipe, device
        leave_a_core(device)
        below = below or Stack(recipe.base)
        self.tokenizer = load_tokenizer(find_model_folder(below.base))
        self.base = load_stack(below, recipe.precision, device)
        self.model: Any = None
        self.checkpoint: Path | None = None
        self._adapters = 0
        self._switch = Switch()
        self._sides = self._new_sides()
        self._writers: dict[bool, Writer] = {}  # of the tuned side, and of the base's

    def serves(self, recipe: Recipe) -> bool:
        """Whether this pair's base is the one `recipe` was trained on, stored alike."""
        mine, other = self.recipe, recipe
        return (mine.base, mine.precision, mine.method.name) == (other.base, other.precision, other.method.name)

    def use(self, run: Run, recipe: Recipe, step: int | None) -> int:
        """Let the tuned side answer with a checkpoint of `run`.

        Return its step. Raises NotFoundError if there is none.
        """
        checkpoint = run.find_checkpoint(step)
        if checkpoint != self.checkpoint:
            self.checkpoint = None
            if recipe.method.saves_whole_model:
                self.model = load_base(checkpoint, recipe.precision, self.device)
            else:
                self._load_adapter(checkpoint)
            self.checkpoint = checkpoint
            self._sides, self._writers = self._new_sides(), {}
        self.recipe = recipe
        return int(checkpoint.name.removeprefix("step-"))

    def _load_adapter(self, checkpoint: Path) -> None:
        try:
            self._exchange_adapter(checkpoint)
        except Exception as error:  # the files may be anybody's, and each library has errors of its own
            if is_out_of_memory(error) or not checkpoint.exists():
                raise
            raise ModelError(
                f"The checkpoint {checkpoint.name} does not fit the base model {self.recipe.model!r}: was the model "
                f"changed since the training? ({first_line(error)})",
                field="run_id",
            ) from error

    def _exchange_adapter(self, checkpoint: Path) -> None:
        self._adapters += 1
        name, old = f"tuned{self._adapters}", f"tuned{self._adapters - 1}"
        if self.model is None:
            self.model = self.recipe.method.load(self.base, checkpoint, name)
        else:
            self.model = self.recipe.method.exchange(self.model, checkpoint, name, old)
        if self.recipe.method.skips_rows:
            self._switch.part_rows(self.model)  # another adapter may have brought other layers
        self.model.eval()
        check_adapter(self.model, checkpoint, name)

    def read(self, ids: Any, mask: Any = None, cache: Any = None) -> Logits:
        """Return the logits after the last token of `ids` (2 x new tokens).

        `mask` is 2 x all tokens so far, None where none is padding.
        """
        return Logits(*self._sides.read(ids, mask, cache))

    def _new_sides(self) -> Sides:
        """What reads both sides, when nothing has been tried on them yet."""
        return Sides(self._enter, 2, self.recipe.method.skips_rows, find_rounding(self.base))

    @contextmanager
    def _enter(self, row: int | None) -> Iterator[Any]:
        """The model of one side in the state it must be in to answer as that side; with None, of a row for each."""
        if row is None:
            self._switch.adapter = f"tuned{self._adapters}"
            try:
                yield self.model
            finally:
                self._switch.adapter = None
        elif row == TUNED or self.recipe.method.saves_whole_model:
            yield self.model if row == TUNED else self.base
        else:
            with self.model.disable_adapter():
                yield self.model

    def write(
        self, prompt: list[int], max_tokens: int, temperature: float, seed: int, ends: frozenset[int] | None = None
    ) -> Iterator[tuple[list[int], list[int]]]:
        """Yield the tokens written so far by (base, tuned), until both wrote one of `ends` or `max_tokens` tokens."""
        ends = self.list_ends() if ends is None else ends
        habits = find_habits(self.base, len(prompt), max_tokens)
        texts = [Text(prompt, ends, habits, temperature, seed) for _ in (BASE, TUNED)]
        self._sides.try_on(self._lengthen(prompt, max_tokens))
        for _ in write_rows([Group(self._sides.read, texts, self.device.kind)], max_tokens):
            yield texts[BASE].written, texts[TUNED].written

    def answer_many(self, prompts: list[list[int]], max_tokens: int, tuned: bool, batch: int = 32) -> list[str]:
        """Return the greedy answers of one side to many prompts; one that leaves no room gets none."""
        room = self.context - max_tokens
        asked = [place for place, prompt in enumerate(prompts) if len(prompt) <= room]
        answers = [""] * len(prompts)
        with self._enter(TUNED if tuned else BASE) as model:
            written = self._find_writer(tuned, model).write([prompts[place] for place in asked], max_tokens, batch)
        for place, tokens in zip(asked, written, strict=True):
            answers[place] = trim(self.tokenizer.decode(tokens, skip_special_tokens=True))
        return answers

    def _find_writer(self, tuned: bool, model: Any) -> Writer:
        if tuned not in self._writers:
            self._writers[tuned] = Writer(model, self.tokenizer.pad_token_id, self.list_ends())
        return self._writers[tuned]

    def _lengthen(self, prompt: list[int], most: int) -> Any:
        """A prompt and, repeated, as much as may be written after it: what a trial reads, 1 x tokens."""
        import torch

        length = min(len(prompt) + most, self.context)
        return torch.tensor([(prompt * (length // len(prompt) + 1))[:length]], device=self.device.kind)

    @property
    def context(self) -> int:
        """How many tokens both sides can read and write in all."""
        return find_context(self.base) - self.recipe.method.virtual_tokens

    def list_ends(self) -> frozenset[int]:
        """Return the tokens that end an answer."""
        return frozenset(self.recipe.objective.list_ends(self.tokenizer) | list_end_tokens(self.base))
