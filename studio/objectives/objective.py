"""Objective: what is optimised. The head of the family; one file each.

An objective turns a task's instances into examples (rows of tokens with labels), says what is minimised of how likely
the model finds them, and which numbers tell how a run does. The trainer it is given to is the same for all.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

from studio.errors import RecipeError, TaskError
from studio.objectives.logprobs import Batch, LogProbs, Measured
from studio.objectives.measure import LOSS, Measure
from studio.plugins import Plugin
from studio.tasks.dialogue import Dialogue
from studio.tasks.instance import Form
from studio.tasks.kinds import KINDS
from studio.tasks.prompt import Turn
from studio.tasks.task import Instance, Task

if TYPE_CHECKING:
    from torch import Tensor

Need = Literal["reference", "value_head", "reward_head", "embeddings", "samples"]
"""What an objective may need beside log-probabilities: those of every row before the first step, a head that values,
one that judges, embeddings, answers that are written while it trains."""
Ability = Literal["answer", "embed", "classify", "judge"]
"""What a model may be asked to do: write an answer, place a text in space, name a text's label, say how good an answer
is."""


class Row(NamedTuple):
    """One text as tokens; `labels` has -100 where nothing is learnt. Both have the same length.

    `mark` is a number that the objective notes about it, to find it again in the batch.
    """

    input_ids: list[int]
    labels: list[int]
    mark: float = 0.0


Example = tuple[Row, ...]
"""What is learnt from one instance: a row, or two where a better answer is set against a worse one. All examples of an
objective have as many, but for one that packs, and those of one example are always in the same batch."""


def longest_row(example: Example) -> int:
    """Return how many tokens the longest row of an example has."""
    return max(len(row.input_ids) for row in example)


def list_rows(examples: Iterable[Example]) -> list[Row]:
    """Return the rows of examples, one after the other."""
    return [row for example in examples for row in example]


SHORTEST_SHARED = 8
"""Fewer common tokens than this aren't worth a forward pass of their own."""


def count_shared(rows: list[Row]) -> int:
    """Return how many tokens all rows begin with, 0 where they are few; the first learnt token needs one before it."""
    first = rows[0].input_ids
    most = max(0, min(_first_learnt(row.labels) for row in rows) - 1)
    alike = (all(row.input_ids[place] == first[place] for row in rows) for place in range(most))
    shared = sum(1 for _ in takewhile(bool, alike))
    return shared if shared >= SHORTEST_SHARED else 0


def _first_learnt(labels: list[int]) -> int:
    return next((place for place, label in enumerate(labels) if label != -100), len(labels))


def refuse_lengths(examples: int, most_tokens: int) -> RecipeError:
    """Return the words for a task of which not one training example fits into what may be read."""
    return RecipeError(
        f"Not one of the {examples} training examples fits into {most_tokens:,} tokens. Raise the longest example, use "
        "fewer examples in the prompt, or choose a model that reads more.",
        field="training.max_length",
    )


class Objective(Plugin):
    """What a run optimises."""

    summary: ClassVar[str]
    form: ClassVar[Form]  # of instances it can learn from
    needs: ClassVar[frozenset[Need]] = frozenset()
    measures: ClassVar[tuple[Measure, ...]] = (LOSS,)
    chooses: ClassVar[str] = LOSS.name  # the measure that tells, of the validation part, which checkpoint is best
    averages_over: ClassVar[Literal["tokens", "examples"]] = "examples"
    passes: ClassVar[float] = 1.0  # a step takes so many times as long as reading its rows and going back
    writes: ClassVar[float] = 0.0  # so much of that is writing, which reads no common beginning once
    makes: ClassVar[Ability] = "answer"  # what a model that learnt so can do
    packs: ClassVar[bool] = False  # whether its rows may share a line, none seeing another; then its loss knows no row
    learning_rate_factor: ClassVar[float] = 1.0  # on the method's own
    looked_at_once: ClassVar[int] = 0  # so many validation examples are one batch; 0: as many as are trained on

    @classmethod
    def find_chooser(cls) -> Measure:
        """Return the measure by which the best checkpoint is chosen."""
        return next(measure for measure in cls.measures if measure.name == cls.chooses)

    @property
    def rows_each(self) -> int:
        """Rows that an example becomes in a batch, for each that it is encoded as."""
        return 1

    @classmethod
    def list_measures(cls, settings: Mapping[str, Any]) -> tuple[Measure, ...]:
        """Return what a run tells, the main measure first, whose recipe has these settings of the objective."""
        return cls.measures

    @property
    def predicts(self) -> bool:
        """Whether it asks how likely tokens are; else no logits are made."""
        return not self.needs & {"reward_head", "embeddings"}

    @property
    def longest_written(self) -> int:
        """How long the answers may be that are written while it trains, 0 where none are."""
        return 0

    @property
    def rows_at_once(self) -> int:
        """So many rows of a batch are in memory at once, 0 for all."""
        return 0

    def count_passes(self, rows: int) -> float:
        """Return how many times as long as reading its rows and going back a step of so many rows takes.

        Rows that aren't in memory at once are read once more, which is a third of the work.
        """
        return self.passes * (4 / 3 if 0 < self.rows_at_once < rows else 1)

    @property
    def spare_seconds(self) -> float:
        """So long a run may measure itself in any case, however short it is."""
        return 0.0

    def list_models(self) -> tuple[str, ...]:
        """Return the addresses of models that it needs beside the one that trains."""
        return ()

    def pin(self, pin_model: Callable[[str], str]) -> Self:
        """Return it with those addresses as `pin_model` writes them, so that they name the same model for good."""
        return self

    def count_head(self, width: int) -> int:
        """Return how many numbers train beside the method's, in a head of its own on states of so many numbers."""
        return 0

    @property
    def beside(self) -> "Objective":
        """How the model that a run starts from is asked, beside what the run made of it."""
        return self

    @classmethod
    def learns_from(cls, kind: type[Instance]) -> bool:
        """Whether it learns from instances of a kind."""
        return cls.form in kind.forms

    def check_task(self, task: Task) -> None:
        """Raise TaskError in words for a task this objective can't learn from."""
        kind = KINDS.find(task.kind)
        if not self.learns_from(kind):
            fitting = [other.words for other in KINDS.members.values() if self.learns_from(other)]
            mine = self.title[0].lower() + self.title[1:]
            raise TaskError(
                f"The task {task.heading!r} holds {kind.words}, and {mine} learns from "
                f"{' or '.join(fitting)}. Choose another task, or another objective.",
                field="task_id",
            )

    @abstractmethod
    def encode(self, task: Task, instance: Instance, tokenizer: Any, max_length: int) -> Example | None:
        """Return the rows of one instance, None when an answer would be cut away, or when nothing of it is learnt."""

    def check_answers(self, task: Task, fewest: int) -> None:
        """Raise RecipeError in words where a task's answers are too long; `fewest` are the tokens of the shortest."""

    def check_train(self, task: Task, instances: Sequence[Instance]) -> None:
        """Raise TaskError in words where the training part of a task doesn't have what this objective asks for."""

    def count_examples(self, task: Task, train: int) -> int:
        """Return how many examples are made of so many training instances of a task, packed ones apart."""
        return train

    def take(self, examples: Sequence[Example]) -> Sequence[Example]:
        """Return those examples of the training part that are learnt from."""
        return examples

    def gather(self, examples: Sequence[Example], max_length: int) -> Sequence[Example]:
        """Return what is trained on, a step's batch being so many of them: an example an instance, or windows."""
        return examples

    @abstractmethod
    def loss(self, logprobs: LogProbs, batch: Batch) -> "tuple[Tensor, Measured]":
        """Return the losses of a batch, one for each of its tokens or examples, and its measures by their names.

        What is minimised, and what is shown, are the means: those over the tokens or examples of all batches of a step.
        """

    def drops_thoughts(self, task: Task, instance: Instance, tokenizer: Any) -> bool:
        """Return whether reasoning that comes with a learnt answer is left out of its row."""
        return False

    @abstractmethod
    def write_dialogue(self, task: Task, instance: Instance) -> Dialogue:
        """Return an instance as turns, with what this objective puts before it."""

    @abstractmethod
    def write_question(
        self, task: Task, prompt: str, messages: Sequence[Turn] = (), tools: Sequence[Turn] = ()
    ) -> Dialogue:
        """Return what a person asks as turns: `messages`, and `prompt` after them."""

    @abstractmethod
    def write_prompt(self, task: Task, dialogue: Dialogue, tokenizer: Any) -> str:
        """Return the exact text the model sees before it answers `dialogue`, which ends before an answer."""

    def list_ends(self, tokenizer: Any) -> set[int]:
        """Return the tokens that end an answer."""
        return {tokenizer.eos_token_id}

    @abstractmethod
    def encode_prompt(self, task: Task, dialogue: Dialogue, tokenizer: Any) -> list[int]:
        """Return the tokens of that text, as they are at the start of a training row."""


def encode_asked(objective: Objective, task: Task, instance: Instance, tokenizer: Any) -> list[int]:
    """Return the tokens that a model reads before it answers an instance: all turns before the answer."""
    return objective.encode_prompt(task, objective.write_dialogue(task, instance).before_answer(), tokenizer)
