"""REINFORCE leave-one-out: an answer is better than expected by how much it beats the mean of the others of its group.

Ahmadian et al. 2024, arXiv:2402.14740. An answer is one action: its reward is less by beta times its log ratio to the
start. No second network is trained.
"""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from studio.objectives.logprobs import LogProbs, Written
from studio.objectives.rewarded import Grouped, clip_gain

if TYPE_CHECKING:
    from torch import Tensor


class Rloo(Grouped):
    """Learn from rewards, each answer as a whole."""

    name: ClassVar[str] = "rloo"
    title: ClassVar[str] = "Rewards (RLOO)"
    position: ClassVar[int] = 32
    summary: ClassVar[str] = (
        "Lets the model write several answers to each prompt, and makes each likelier by how much its reward beats the "
        "mean of the others."
    )

    clip: float = Field(
        0.2,
        gt=0,
        lt=1,
        title="Clip",
        description="How far a step may change the chance of an answer before it stops to count.",
        json_schema_extra={"advanced": True},
    )

    def find_advantages(self, worth: "Tensor", drift: "Tensor") -> "Tensor":
        """Return rewards less the mean of the group's others, the penalty among them (prompts x group)."""
        held = worth - self.beta * drift
        return held - (held.sum(dim=1, keepdim=True) - held) / (self.group - 1)

    def find_losses(self, logprobs: LogProbs, written: Written) -> "Tensor":
        """Return the clipped gain of each answer, its sign changed (rows)."""
        ratio = logprobs._replace(tokens=logprobs.tokens - written.before).sum_rows().exp()
        first = logprobs._replace(tokens=written.advantages).sum_rows() / logprobs.count_rows().clamp(min=1)
        return -clip_gain(ratio, first, self.clip)
