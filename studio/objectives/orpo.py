"""Odds ratio preference optimisation: learns the better answer and raises its odds over the worse one's, in one step.

Hong et al. 2024, arXiv:2403.07691. It needs no reference, so it can begin from a base that was never tuned.
"""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from studio.objectives.logprobs import Batch, LogProbs
from studio.objectives.measure import LOSS, Measure
from studio.objectives.preferring import ACCURACY, LENGTH, Compared, Preferring, measure_pairs, read_pairs
from studio.objectives.watching import Watching

if TYPE_CHECKING:
    from torch import Tensor

MARGIN = Measure(name="margin", title="margin", unit="nats a token", better="higher", chart="margin")
CHOSEN = Measure(
    name="chosen", title="log-probability of the better answer", unit="nats a token", better="higher", chart="chosen"
)
_HALF = -0.6931471805599453
_SURE = -1e-7
"""As near to certain as a mean token may be: the odds of certainty have no end."""


class Orpo(Watching, Preferring):
    """Learn the better answers and to prefer them."""

    name: ClassVar[str] = "orpo"
    title: ClassVar[str] = "Preferences without a reference (ORPO)"
    position: ClassVar[int] = 22
    summary: ClassVar[str] = (
        "Trains the better answer as instruction tuning does, and pushes the worse one away in the same step; it needs "
        "no earlier tuning to start from."
    )
    measures: ClassVar[tuple[Measure, ...]] = (MARGIN, ACCURACY, CHOSEN, LENGTH, LOSS)
    learning_rate_factor: ClassVar[float] = 0.1

    beta: float = Field(
        0.25,
        gt=0,
        le=100,
        title="Beta",
        description="How much the odds of the better answer over the worse one count beside learning it.",
    )

    def loss(self, logprobs: LogProbs, batch: Batch) -> "tuple[Tensor, dict[str, Tensor]]":
        """Return the better answer's mean cross-entropy and beta times -log sigmoid of the log odds ratio (pairs)."""
        from torch.nn.functional import logsigmoid

        answers, lengths = read_pairs(logprobs, batch)
        means = Compared(answers.better / lengths.better, answers.worse / lengths.worse)
        odds = (means.better - _log1mexp(means.better)) - (means.worse - _log1mexp(means.worse))
        return -means.better - self.beta * logsigmoid(odds), measure_pairs(means, means.better, lengths)


def _log1mexp(values: "Tensor") -> "Tensor":
    """Return log(1 - exp(x)) of values below 0, exactly on both sides of a half."""
    import torch

    values = values.clamp(max=_SURE)
    return torch.where(values < _HALF, torch.log1p(-values.exp()), torch.log(-torch.expm1(values)))
