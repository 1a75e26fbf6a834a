"""Group relative policy optimisation: an answer is better than expected by how much it beats its group's mean.

Shao et al. 2024, arXiv:2402.03300; the penalty is weighted as in DeepSeek-V3.2 (arXiv:2512.02556), so that what is
reached is the best trade of reward and KL. No second network is trained. One step is made with each round of answers.
"""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from studio.objectives.logprobs import LogProbs, Written
from studio.objectives.rewarded import Grouped, clip_gain

if TYPE_CHECKING:
    from torch import Tensor


class Grpo(Grouped):
    """Learn from rewards, each answer beside others to the same prompt."""

    name: ClassVar[str] = "grpo"
    title: ClassVar[str] = "Rewards (GRPO)"
    position: ClassVar[int] = 31
    summary: ClassVar[str] = (
        "Lets the model write several answers to each prompt, judges them by its rewards, and makes likelier those "
        "that beat the others."
    )

    scale: bool = Field(
        False,
        title="Scale by the spread",
        description="Whether advantages are divided by their group's deviation, as in the first paper: then easy and "
        "hard prompts count more than others, and another optimum is reached.",
        json_schema_extra={"advanced": True},
    )
    clip: float = Field(
        0.2,
        gt=0,
        lt=1,
        title="Clip",
        description="How far a step may change the chance of a token before it stops to count.",
        json_schema_extra={"advanced": True},
    )

    def find_advantages(self, worth: "Tensor", drift: "Tensor") -> "Tensor":
        """Return rewards less their group's mean (prompts x group)."""
        centred = worth - worth.mean(dim=1, keepdim=True)
        return centred / (worth.std(dim=1, keepdim=True) + 1e-4) if self.scale else centred

    def find_losses(self, logprobs: LogProbs, written: Written) -> "Tensor":
        """Return the clipped gain of each answer's mean token, its sign changed, with the penalty (rows)."""
        ratio = (logprobs.tokens - written.before).exp()
        gain = clip_gain(ratio, written.advantages, self.clip)
        apart = written.start - logprobs.tokens
        penalty = ratio * (apart.exp() - 1 - apart)
        losses = logprobs._replace(tokens=self.beta * penalty - gain)
        return losses.sum_rows() / losses.count_rows().clamp(min=1)
