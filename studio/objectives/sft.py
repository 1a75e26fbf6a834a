"""Supervised instruction tuning: predict the answers after what is read (Wei et al. 2021, arXiv:2109.01652).

Loss is on the answers and what ends them (completion-only), or on all that is read: the cross-entropy of those tokens.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from studio.errors import TaskError
from studio.objectives.few import check_few, draw_few
from studio.objectives.logprobs import Batch, LogProbs
from studio.objectives.measure import LOSS, Measure
from studio.objectives.objective import Example
from studio.objectives.prompted import Prompted
from studio.tasks.instance import Form
from studio.tasks.task import Instance, Task

if TYPE_CHECKING:
    from torch import Tensor


HOW_GOOD = "At a loss of 0.7 it gives the right next token 50 %, at 0.1 90 %, at 0.01 99 %."


class Sft(Prompted):
    """Learn to answer as the instances do."""

    name: ClassVar[str] = "sft"
    title: ClassVar[str] = "Instruction tuning"
    position: ClassVar[int] = 1
    form: ClassVar[Form] = "dialogue"
    summary: ClassVar[str] = "Shows the model the definition and an input, and trains it to write the wanted output."
    averages_over: ClassVar[Literal["tokens", "examples"]] = "tokens"
    measures: ClassVar[tuple[Measure, ...]] = (LOSS.model_copy(update={"says": HOW_GOOD}),)

    learns: Literal["answers", "everything"] = Field(
        "answers",
        title="What is learnt of an example",
        description="Answers: what the model has to write, and no more. Everything: what it is asked as well, which is "
        "costlier; it then also learns to write such questions.",
        json_schema_extra={"advanced": True},
    )
    shots: int = Field(
        0,
        ge=0,
        le=500,
        title="Examples a class",
        description="Learns from so many of each label alone, to compare with few labels (SetFit) on the same ones; 0 "
        "takes all.",
        json_schema_extra={"advanced": True},
    )
    draw: int = Field(
        0,
        ge=0,
        le=10**6,
        title="Draw",
        description="Another number takes other examples of each class.",
        json_schema_extra={"advanced": True},
    )

    @model_validator(mode="after")
    def _finds_answers(self) -> Self:
        if self.shots and self.learns == "everything":
            raise ValueError(
                "The examples of a class are found by what is learnt of them, so shots goes with answers alone. Set "
                "learns to answers, or shots to 0."
            )
        return self

    def encode(self, task: Task, instance: Instance, tokenizer: Any, max_length: int) -> Example | None:
        """Return the row of one instance, all of it learnt but its first token where `learns` says so."""
        example = super().encode(task, instance, tokenizer, max_length)
        if example is None or self.learns == "answers":
            return example
        return tuple(row._replace(labels=[-100, *row.input_ids[1:]]) for row in example)

    @property
    def spare_seconds(self) -> float:
        """So few examples are soon learnt; how well is the question."""
        return 10.0 if self.shots else 0.0

    def check_task(self, task: Task) -> None:
        """Raise TaskError in words where examples of each class are asked for and there are no classes."""
        super().check_task(task)
        if self.shots and not task.labels:
            raise TaskError(
                f"The answers of {task.heading!r} are no labels, so there are no classes to take {self.shots} examples "
                "of each. Set Examples a class to 0.",
                field="objective.shots",
            )

    def check_train(self, task: Task, instances: Sequence[Instance]) -> None:
        """Raise TaskError in words where the training part has too few of a class."""
        if self.shots:
            check_few(task, instances, self.shots)

    def count_examples(self, task: Task, train: int) -> int:
        """Return how many examples are learnt from."""
        return min(train, self.shots * len(task.labels)) if self.shots else train

    def take(self, examples: Sequence[Example]) -> Sequence[Example]:
        """Return all examples, or so many of each answer, drawn by `draw`."""
        return draw_few(examples, _find_answer, self.shots, self.draw) if self.shots else examples

    def loss(self, logprobs: LogProbs, batch: Batch) -> "tuple[Tensor, dict[str, Tensor]]":
        """Return the cross-entropy of each learnt token, in nats (learnt)."""
        return -logprobs.tokens, {}


def _find_answer(example: Example) -> tuple[int, ...]:
    """The tokens that are learnt."""
    return tuple(label for row in example for label in row.labels if label != -100)
