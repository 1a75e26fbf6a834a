"""Preferring: the head of objectives that compare a better answer with a worse one, and what all of them measure.

An example is two rows, the better answer's first, which differ in nothing but the answer. Knows no loss.
"""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple

from pydantic import Field

from studio.errors import TaskError
from studio.objectives.logprobs import Batch, LogProbs
from studio.objectives.measure import LOSS, Measure
from studio.objectives.objective import Example
from studio.objectives.prompted import Prompted
from studio.tasks.instance import Form
from studio.tasks.task import Instance, Task

if TYPE_CHECKING:
    from torch import Tensor

MARGIN = Measure(name="margin", title="margin", unit="nats", better="higher", chart="margin", digits=2)
"""How much more likely than the worse answer the better one became."""
ACCURACY = Measure(
    name="accuracy",
    title="pairs in the right order",
    better="higher",
    chart="accuracy",
    says="It is soon 100 %, also of a model that was pushed too far: look at the better answer's log-probability, too.",
)
CHOSEN = Measure(
    name="chosen",
    title="log-probability of the better answer, since the start",
    unit="nats",
    better="higher",
    chart="chosen",
    digits=2,
    says="It often falls while the margin grows. By more than a few nats, the run has gone too far, and answers get "
    "worse: stop earlier, or lower the learning rate.",
)
KL = Measure(name="kl", title="KL from the start", unit="nats a token", better="lower", chart="kl")
LENGTH = Measure(
    name="length",
    title="better answers longer by",
    unit="tokens",
    better="lower",
    chart="length",
    digits=1,
    says="Where it is much more than 0, a model may learn to write long answers rather than good ones.",
)
Hold = Annotated[
    float,
    Field(
        gt=0,
        le=100,
        title="Beta",
        description="How tightly the model is held to its start: the larger, the less it moves.",
    ),
]
"""The beta of objectives that measure from where the run starts."""
_MOST = 20.0
"""The most nats of a token that are raised to a power."""


class Compared(NamedTuple):
    """A number for each better and each worse answer (pairs)."""

    better: "Tensor"
    worse: "Tensor"

    @property
    def margin(self) -> "Tensor":
        """By how much the better answer's is larger (pairs)."""
        return self.better - self.worse


class Preferring(Prompted):
    """Learns to prefer the better of two answers."""

    form: ClassVar[Form] = "pair"
    measures: ClassVar[tuple[Measure, ...]] = (MARGIN, ACCURACY, CHOSEN, KL, LENGTH, LOSS)

    def check_task(self, task: Task) -> None:
        """Raise TaskError in words for a task without pairs, or one in which no answer is better than the other."""
        super().check_task(task)
        if all(_is_even(one) for one in task.instances):
            raise TaskError(
                f"In all {len(task.instances):,} pairs of {task.heading!r} both answers are the same, so nothing "
                "can be preferred. Choose a task whose better and worse answers differ.",
                field="task_id",
            )

    def encode(self, task: Task, instance: Instance, tokenizer: Any, max_length: int) -> Example | None:
        """Return the better answer's row and the worse one's; None where one doesn't fit, or both are the same."""
        example = super().encode(task, instance, tokenizer, max_length)
        return None if example is None or example[0].input_ids == example[1].input_ids else example


def read_pairs(logprobs: LogProbs, batch: Batch) -> tuple[Compared, Compared]:
    """Return the log-probability of each answer, in nats, and how many tokens it has."""
    return Compared(*batch.split(logprobs.sum_rows())), Compared(*batch.split(logprobs.count_rows()))


def measure_pairs(scores: Compared, chosen: "Tensor", lengths: Compared) -> "dict[str, Tensor]":
    """Return what is measured of each pair, given what orders its answers."""
    return {
        MARGIN.name: scores.margin,
        ACCURACY.name: (scores.margin > 0).float(),
        CHOSEN.name: chosen,
        LENGTH.name: (lengths.better - lengths.worse).float(),
    }


def estimate_kl(gains: Compared, lengths: Compared) -> "Tensor":
    """Return an estimate of the KL divergence from the start, in nats a token (2 x pairs), never below 0.

    It is that of the start from the model now, read off answers that the start might have written, by the mean log
    ratio of each answer's tokens (Schulman's third estimator, http://joschu.net/blog/kl-approx.html).
    """
    import torch

    ratios = torch.cat([gains.better / lengths.better, gains.worse / lengths.worse]).detach()
    return ratios.clamp(max=_MOST).exp() - 1 - ratios


def _is_even(instance: Instance) -> bool:
    """Whether both answers are the same."""
    answers = instance.output[:1] == (instance.rejected,)
    return answers and (not instance.messages or instance.messages == instance.rejected_messages)
