"""Kahneman-Tversky optimisation: learns from answers that were liked or not, each by itself, with no pairs needed.

Ethayarajh et al. 2024, arXiv:2402.01306. An answer is judged against a point of rest: how much likelier than at the
start answers are that have nothing to do with what was asked. So an example is two rows, the rated answer and that of
another instance after the same prompt; the second is read and not learnt from.
"""

from typing import TYPE_CHECKING, Any, ClassVar
from zlib import crc32

from pydantic import Field

from studio.errors import TaskError
from studio.objectives.logprobs import Batch, LogProbs
from studio.objectives.measure import LOSS, Measure
from studio.objectives.objective import Example, Need
from studio.objectives.preferring import LENGTH, MARGIN, Hold
from studio.objectives.watching import Watching
from studio.tasks.dialogue import Dialogue
from studio.tasks.instance import Form
from studio.tasks.task import Instance, Task

if TYPE_CHECKING:
    from torch import Tensor

ACCURACY = Measure(name="accuracy", title="answers on their right side", better="higher", chart="accuracy")
CHOSEN = Measure(
    name="chosen",
    title="log-probability of liked answers, since the start",
    unit="nats",
    better="higher",
    chart="chosen",
    digits=2,
)
KL = Measure(name="kl", title="KL from the start", unit="nats an answer", better="lower", chart="kl")


class Kto(Watching):
    """Learn from thumbs up and down."""

    name: ClassVar[str] = "kto"
    title: ClassVar[str] = "Ratings (KTO)"
    position: ClassVar[int] = 21
    form: ClassVar[Form] = "verdict"
    summary: ClassVar[str] = (
        "Shows the model answers with thumbs up or down: those that were liked become likelier, the others less likely."
    )
    needs: ClassVar[frozenset[Need]] = frozenset({"reference"})
    measures: ClassVar[tuple[Measure, ...]] = (
        MARGIN.model_copy(update={"title": "liked answers' gain over the others'"}),
        ACCURACY,
        CHOSEN,
        KL,
        LENGTH.model_copy(update={"title": "liked answers longer by"}),
        LOSS,
    )
    learning_rate_factor: ClassVar[float] = 0.05

    beta: Hold = 0.1
    liked_weight: float = Field(
        1.0,
        gt=0,
        le=100,
        title="Weight of liked answers",
        description="Raise it where few answers were liked: weight times number should be about equal on both sides.",
        json_schema_extra={"advanced": True},
    )
    disliked_weight: float = Field(
        1.0,
        gt=0,
        le=100,
        title="Weight of disliked answers",
        description="The same for those with thumbs down.",
        json_schema_extra={"advanced": True},
    )

    def check_task(self, task: Task) -> None:
        """Raise TaskError in words for a task without ratings, or one whose ratings are all the same."""
        super().check_task(task)
        if len({bool(one.liked) for one in task.instances}) < 2:
            side = "liked" if task.instances[0].liked else "disliked"
            raise TaskError(
                f"All {len(task.instances):,} answers of {task.heading!r} are {side}: there is nothing to tell apart. "
                "Add answers with the other rating; about as many are best.",
                field="task_id",
            )

    def _list_dialogues(self, task: Task, instance: Instance) -> tuple[Dialogue, ...]:
        """The rated answer, and another instance's after the same turns."""
        own, other = (self.write_dialogue(task, one) for one in (instance, _find_other(task, instance)))
        place, there = own.find_answer(), other.find_answer()
        if place is None or there is None:
            return (own, own)
        turns = (*own.turns[:place], other.turns[there])
        return (own, own._replace(turns=turns, counts=own.counts[: place + 1]))

    def _list_learnt(self, dialogue: Dialogue) -> tuple[int, ...]:
        """A verdict is on the last answer."""
        return super()._list_learnt(dialogue)[-1:]

    def encode(self, task: Task, instance: Instance, tokenizer: Any, max_length: int) -> Example | None:
        """Return the rated answer's row, marked 1 where it was liked, and a stranger's; None where one doesn't fit."""
        example = super().encode(task, instance, tokenizer, max_length)
        return example and (example[0]._replace(mark=float(bool(instance.liked))), example[1])

    def loss(self, logprobs: LogProbs, batch: Batch) -> "tuple[Tensor, dict[str, Tensor]]":
        """Return 1 - sigmoid of beta times each answer's gain over the point of rest, or under it (examples)."""
        import torch

        gains, strangers = batch.split(logprobs.sum_rows() - batch.reference)
        rest = strangers.mean().clamp(min=0).detach()
        liked = batch.split(batch.marks)[0] > 0.5
        side = torch.where(liked, 1.0, -1.0)
        weight = torch.where(liked, self.liked_weight, self.disliked_weight)
        lengths = batch.split(logprobs.count_rows())[0].float()
        return weight * (1 - torch.sigmoid(self.beta * side * (gains - rest))), {
            MARGIN.name: _tell_apart(gains, liked),
            ACCURACY.name: (side * (gains - rest) > 0).float(),
            CHOSEN.name: gains[liked],
            KL.name: rest.expand(len(gains)),
            LENGTH.name: _tell_apart(lengths, liked),
        }


def _tell_apart(values: "Tensor", liked: "Tensor") -> "Tensor":
    """By how much the mean of the liked is larger, one number, or none where all are on one side."""
    if liked.all() or not liked.any():
        return values[:0]
    return (values[liked].mean() - values[~liked].mean())[None]


def _find_other(task: Task, instance: Instance) -> Instance:
    """Another instance of the task, always the same one."""
    place = crc32(instance.id.encode()) % len(task.instances)
    found = task.instances[place]
    return found if found.id != instance.id else task.instances[(place + 1) % len(task.instances)]
