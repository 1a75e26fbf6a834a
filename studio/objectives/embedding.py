"""Embedding: the head of objectives that move texts about in a model's space, until what belongs together is near.

A text lies where the mean of what the output head would read at its tokens lies. Of any model that writes, this makes
an encoder. Afterwards a question is answered by choosing among known texts (studio.objectives.choices). Knows no loop:
who reads and measures is studio.training.embedding.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from studio.objectives.choices import Choices, Vectors
from studio.objectives.objective import Example, Need, Objective, Row
from studio.objectives.sft import Sft
from studio.tasks.dialogue import Dialogue, write_dialogue, write_question
from studio.tasks.instance import Form
from studio.tasks.prompt import Turn
from studio.tasks.task import Instance, Task


class Known(NamedTuple):
    """A row of the training part, and the text that is the answer where it is near."""

    row: Row
    text: str


class Embedding(Objective):
    """Learns where texts belong; an example is two of them."""

    form: ClassVar[Form] = "dialogue"
    needs: ClassVar[frozenset[Need]] = frozenset({"embeddings"})
    looked_at_once: ClassVar[int] = 100  # so many rivals has each of them

    @property
    def beside(self) -> Objective:
        """The model that a run starts from isn't one that chooses: it is asked in words."""
        return Sft()

    @property
    def spare_seconds(self) -> float:
        """Its runs are short, and to choose takes little."""
        return 10.0

    @abstractmethod
    def list_known(self, task: Task, examples: Sequence[Example], wanted: Sequence[tuple[str, ...]]) -> list[Known]:
        """Return what is known after training on `examples`, of which the right answers are `wanted`."""

    @abstractmethod
    def find_group(self, task: Task, place: int, row: Row) -> str:
        """Return what a row of the validation part's example number `place` belongs to, for a picture of them."""

    def list_shown(self, task: Task, examples: Sequence[Example]) -> list[Known]:
        """Return the rows of the validation part, each with its group."""
        return [Known(row, self.find_group(task, n, row)) for n, example in enumerate(examples) for row in example]

    @abstractmethod
    def find_choices(self, vectors: Vectors, texts: Sequence[str], start: Vectors | None = None) -> Choices:
        """Return how answers are chosen, of where the known rows lie (rows x width) and their texts.

        `start` is where they lay before the first step, where that can be asked at any time: then the choices may be of
        both, one beside the other.
        """

    def write_dialogue(self, task: Task, instance: Instance) -> Dialogue:
        """Return an instance as turns."""
        return write_dialogue(task, instance)

    def write_question(
        self, task: Task, prompt: str, messages: Sequence[Turn] = (), tools: Sequence[Turn] = ()
    ) -> Dialogue:
        """Return what a person asks as turns."""
        return write_question(task, prompt, messages, tools)

    def write_prompt(self, task: Task, dialogue: Dialogue, tokenizer: Any) -> str:
        """Return the text that is embedded: an input by itself, or all that was said."""
        if dialogue.input is not None:
            return dialogue.input
        return "\n".join(str(turn.get("content") or "") for turn in dialogue.turns if turn["role"] != "system")

    def encode_prompt(self, task: Task, dialogue: Dialogue, tokenizer: Any) -> list[int]:
        """Return that text's tokens, after one that begins it and counts for nothing."""
        return encode_text(self.write_prompt(task, dialogue, tokenizer), tokenizer)


def encode_text(text: str, tokenizer: Any) -> list[int]:
    """Return the tokens of a text that is embedded, after one that begins it; of an encoder, its own."""
    if reads_both_ways(tokenizer):
        return list(tokenizer(text.strip())["input_ids"])
    begin = tokenizer.eos_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    return [begin, *tokenizer(text.strip(), add_special_tokens=False)["input_ids"]]


def make_row(ids: list[int], tokenizer: Any, mark: float = 0.0) -> Row:
    """Return the row of a text: what is learnt follows each token that counts, so that what is read there is found.

    An encoder would read what comes after them, so its rows end with the text.
    """
    if reads_both_ways(tokenizer):
        return Row(ids, [-100, *ids[1:]], mark)
    end = tokenizer.eos_token_id
    return Row([*ids, end], [-100, -100, *ids[2:], end], mark)


def reads_both_ways(tokenizer: Any) -> bool:
    """Whether a tokenizer is that of an encoder, which studio.models.loading notes on it."""
    return bool(getattr(tokenizer, "reads_whole", False))


def cut_row(row: Row, tokenizer: Any) -> list[int]:
    """Return the tokens of a row that `make_row` made which belong to its text."""
    return row.input_ids if reads_both_ways(tokenizer) else row.input_ids[:-1]
