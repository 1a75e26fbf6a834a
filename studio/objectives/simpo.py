"""Simple preference optimisation: the better answer's mean token becomes likelier than the worse one's, by a margin.

Meng et al. 2024, arXiv:2405.14734. It needs no reference; nothing holds the model to its start but a small rate.
"""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from studio.objectives.logprobs import Batch, LogProbs
from studio.objectives.measure import Measure
from studio.objectives.orpo import Orpo
from studio.objectives.preferring import Compared, Preferring, measure_pairs, read_pairs
from studio.objectives.watching import Watching

if TYPE_CHECKING:
    from torch import Tensor


class Simpo(Watching, Preferring):
    """Learn to prefer the better answers, token by token."""

    name: ClassVar[str] = "simpo"
    title: ClassVar[str] = "Preferences by the mean token (SimPO)"
    position: ClassVar[int] = 23
    summary: ClassVar[str] = (
        "Makes the better answer likelier than the worse one by a margin, each by its mean token, so that length earns "
        "nothing; faster than DPO, and nothing but a small learning rate holds it to its start."
    )
    measures: ClassVar[tuple[Measure, ...]] = Orpo.measures
    learning_rate_factor: ClassVar[float] = 0.05

    beta: float = Field(2.0, gt=0, le=100, title="Beta", description="How sharply the two answers are told apart.")
    gamma: float = Field(
        1.0, ge=0, le=100, title="Gamma", description="The margin to be reached, as beta times nats a token."
    )

    def loss(self, logprobs: LogProbs, batch: Batch) -> "tuple[Tensor, dict[str, Tensor]]":
        """Return -log sigmoid of beta times each pair's margin less gamma (pairs)."""
        from torch.nn.functional import logsigmoid

        answers, lengths = read_pairs(logprobs, batch)
        means = Compared(answers.better / lengths.better, answers.worse / lengths.worse)
        return -logsigmoid(self.beta * means.margin - self.gamma), measure_pairs(means, means.better, lengths)
