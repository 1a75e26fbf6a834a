"""Columns: one to four models that answer side by side, those on one base from one copy of the weights.

Rows with LoRA's adapters and without any are one batch where that was tried on the very text (studio.answering.sides);
adapters of other methods, and whole models, have a copy each. Each column sees the prompt in its own tokens. Imports
torch inside its functions.
"""

from collections.abc import Hashable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, NamedTuple

from studio.answering.column import Column
from studio.answering.decoding import Group, Text, Writer, find_habits, write_rows
from studio.answering.embedding import choose
from studio.answering.foreign_tokenizer import Elsewhere
from studio.answering.shared import SharedWeights
from studio.answering.sides import Sides
from studio.answering.way import find_rounding
from studio.checkpoints.made_on import check_base
from studio.models.device import DeviceFacts
from studio.models.encoders import reads_whole
from studio.models.loading import find_model_folder, leave_a_core, list_end_tokens, return_memory
from studio.models.reference import ENCODER
from studio.objectives.choices import load_choices
from studio.tasks.prompt import trim

Key = tuple[Hashable, ...]
SILENT = "An encoder writes nothing by itself."
"""What stands where an encoder is asked on which nothing was trained."""


class Written(NamedTuple):
    """An answer, and whether it stands as far as there was room, for the model had not ended it."""

    text: str = ""
    is_cut: bool = False


class Columns:
    """The columns that are loaded; `arrange` changes them, and loads only what is missing.

    `elsewhere` makes texts and tokens with the tokenizers of foreign models, which work in this process without it.
    """

    def __init__(self, device: DeviceFacts, elsewhere: Elsewhere | None = None) -> None:
        self.device = device
        self._elsewhere = elsewhere
        self.columns: tuple[Column, ...] = ()
        self._kept: dict[Key, SharedWeights] = {}
        self._keys: list[Key] = []
        self._sides: dict[tuple[int, ...], Sides] = {}
        self._writers: dict[int, Writer] = {}
        self._said: dict[tuple[int, tuple[int, ...]], str] = {}  # what was chosen, in letters that tokens may lose
        leave_a_core(device)

    def arrange(self, columns: Sequence[Column]) -> None:
        """Have these columns, in their order. Raises ModelError in words for one that can't be loaded."""
        keys = share(columns)
        if (keys, tuple(columns)) == (self._keys, self.columns):
            return
        self.columns, self._keys, self._sides, self._writers, self._said = (), [], {}, {}, {}
        for column in columns:
            check_base(column.stack, find_model_folder(column.below.base))
        kept = {key: shared for key, shared in self._kept.items() if key in keys and shared.is_current()}
        if len(kept) < len(self._kept):
            self._kept = kept
            return_memory()  # before the next base comes: the one that goes lives on in circles until it is collected
        for key in dict.fromkeys(keys):
            mine = [column for column, other in zip(columns, keys, strict=True) if other == key]
            if key not in self._kept:
                self._kept[key] = SharedWeights(mine[0].below, mine[0].precision, self.device, self._elsewhere)
            self._kept[key].use([column.adapter for column in mine if column.adapter])
        self.columns, self._keys = tuple(columns), keys

    def find_shared(self, place: int) -> SharedWeights:
        """Return the copy of the weights that a column answers from."""
        return self._kept[self._keys[place]]

    def holds(self, key: Key) -> bool:
        """Whether the weights of a key are loaded."""
        return key in self._kept

    def count_bytes(self) -> int:
        """Return the bytes of all weights that are loaded."""
        return sum(value.nbytes for shared in list(self._kept.values()) for value in shared.base.parameters())

    def count_copies(self) -> int:
        """Return how many copies of weights are loaded."""
        return len(self._kept)

    def find_tokenizer(self, place: int) -> Any:
        """Return the tokenizer of a column."""
        return self.find_shared(place).tokenizer

    def find_context(self, place: int) -> int:
        """Return how many tokens a column can read and write in all."""
        return self.find_shared(place).context - self.columns[place].virtual_tokens

    def list_ends(self, place: int) -> frozenset[int]:
        """Return the tokens that end an answer of a column."""
        shared = self.find_shared(place)
        return frozenset(self.columns[place].objective.list_ends(shared.tokenizer) | list_end_tokens(shared.base))

    def read_text(self, place: int, tokens: list[int]) -> str:
        """Return what a column wrote, as text."""
        chosen = self._said.get((place, tuple(tokens)))
        return (
            chosen
            if chosen is not None
            else trim(str(self.find_tokenizer(place).decode(tokens, skip_special_tokens=True)))
        )

    def find_sides(self, places: tuple[int, ...]) -> Sides:
        """Return what reads columns that have one copy of the weights and one prompt."""
        if places not in self._sides:
            shared, mine = self.find_shared(places[0]), [self.columns[place] for place in places]
            enter = partial(shared.enter, [column.adapter for column in mine])
            can_be_together = len(mine) > 1 and all(column.skips_rows for column in mine)
            self._sides[places] = Sides(enter, len(mine), can_be_together, find_rounding(shared.base))
        return self._sides[places]

    def write(
        self,
        prompts: Sequence[list[int]],
        max_tokens: int,
        temperature: float,
        seed: int,
        ends: frozenset[int] | None = None,
    ) -> Iterator[tuple[list[int], ...]]:
        """Yield the tokens that each column has written so far, until all wrote one of `ends` or `max_tokens` tokens.

        A prompt for each column, in its own tokens.
        """
        texts = [self._begin(place, prompts[place], max_tokens, temperature, seed, ends) for place in self._places]
        groups: dict[tuple[Key, tuple[int, ...]], tuple[int, ...]] = {}
        for place in self._places:
            if self.columns[place].chooses:
                (chosen,) = self._choose(place, [prompts[place]])
                tokens = self.find_tokenizer(place)(chosen, add_special_tokens=False)["input_ids"][:max_tokens]
                texts[place].write_out(tokens)
                self._said[place, tuple(tokens)] = chosen
                continue
            if self._is_silent(place):
                texts[place].write_out([])
                self._said[place, ()] = SILENT
                continue
            alike = (self._keys[place], tuple(prompts[place]))
            groups[alike] = (*groups.get(alike, ()), place)
        for places in groups.values():
            self.find_sides(places).try_on(self._lengthen(places[0], prompts[places[0]], max_tokens))
        reading = [
            Group(self.find_sides(places).read, [texts[place] for place in places], self.device.kind)
            for places in groups.values()
        ]
        for _ in write_rows(reading, max_tokens):
            yield tuple(text.written for text in texts)

    def answer_many(self, place: int, prompts: list[list[int]], max_tokens: int, batch: int = 32) -> list[str]:
        """Return the greedy answers of one column to many prompts; one that leaves no room gets none."""
        return [one.text for one in self.write_many(place, prompts, max_tokens, batch)]

    def write_many(self, place: int, prompts: list[list[int]], max_tokens: int, batch: int = 32) -> list[Written]:
        """Return the same answers, and which of them the model never ended."""
        room = self.find_context(place) - max_tokens
        asked = [number for number, prompt in enumerate(prompts) if len(prompt) <= room]
        answers = [Written()] * len(prompts)
        if self.columns[place].chooses:
            for number, text in zip(asked, self._choose(place, [prompts[number] for number in asked]), strict=True):
                answers[number] = Written(text)
            return answers
        if self._is_silent(place):
            return answers
        with self.enter(place) as model:
            if place not in self._writers:
                pad = self.find_tokenizer(place).pad_token_id
                self._writers[place] = Writer(model, pad, self.list_ends(place))
            written = self._writers[place].write([prompts[number] for number in asked], max_tokens, batch)
        for number, tokens in zip(asked, written, strict=True):
            answers[number] = Written(self.read_text(place, tokens), len(tokens) >= max_tokens)
        return answers

    def enter(self, place: int) -> AbstractContextManager[Any]:
        """Return the model of one column in the state in which it answers as that column."""
        return self.find_shared(place).enter([self.columns[place].adapter], 0)

    def strengthen(self, place: int, strength: float) -> None:
        """Let a column's adapter count `strength` times until `restore`. Raises InputError where it can't."""
        self.find_shared(place).strengthen(self.columns[place].adapter, strength)

    def restore(self) -> None:
        """Let every adapter count as it was trained."""
        for shared in self._kept.values():
            shared.restore()

    def _choose(self, place: int, prompts: list[list[int]]) -> list[str]:
        """The answers of a column that takes one of those it knows."""
        if not prompts:
            return []
        choices = load_choices(self.columns[place].stack.changes[-1].folder)
        with self.enter(place) as model:
            return choose(model, prompts, choices)

    def _is_silent(self, place: int) -> bool:
        """Whether a column is an encoder on which nothing was trained that chooses, or the built-in one as it is."""
        column = self.columns[place]
        if column.below.base.ref == ENCODER and not column.stack.changes:
            return True
        return reads_whole(self.find_shared(place).base) and not column.chooses

    @property
    def _places(self) -> range:
        return range(len(self.columns))

    def _begin(
        self, place: int, prompt: list[int], most: int, temperature: float, seed: int, ends: frozenset[int] | None
    ) -> Text:
        habits = find_habits(self.find_shared(place).base, len(prompt), most)
        return Text(prompt, self.list_ends(place) if ends is None else ends, habits, temperature, seed)

    def _lengthen(self, place: int, prompt: list[int], most: int) -> Any:
        """A prompt and, repeated, as much as may be written after it: what a trial reads, 1 x tokens."""
        import torch

        length = min(len(prompt) + most, self.find_context(place))
        return torch.tensor([(prompt * (length // len(prompt) + 1))[:length]], device=self.device.kind)


def share(columns: Sequence[Column]) -> list[Key]:
    """Return a key for each column; those of one key answer from one copy of the weights.

    Adapters that can be rows of one batch share a copy; any other has one of its own. A base joins the first copy of
    its weights that there is.
    """
    keys: list[Key] = []
    for column in columns:
        key: Key = (column.below.key, column.precision.name)
        if column.adapter:
            key = (*key, column.adapter.recipe.method.name)
            if not column.skips_rows:
                taken = sum(other[:3] == key for other in keys)
                key = (*key, taken)
        keys.append(key)
    for place, key in enumerate(keys):
        if len(key) == 2:
            keys[place] = next((other for other in keys if other[:2] == key and len(other) > 2), key)
    return keys
