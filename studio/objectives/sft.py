"""Supervised instruction tuning: predict the answers after what is read (Wei et al. 2021, arXiv:2109.01652).

Loss is on the answers and what ends them (completion-only): the cross-entropy of their tokens.
"""

from typing import TYPE_CHECKING, ClassVar, Literal

from studio.objectives.logprobs import Batch, LogProbs
from studio.objectives.prompted import Prompted
from studio.tasks.instance import Form

if TYPE_CHECKING:
    from torch import Tensor


class Sft(Prompted):
    """Learn to answer as the instances do."""

    name: ClassVar[str] = "sft"
    title: ClassVar[str] = "Instruction tuning"
    position: ClassVar[int] = 1
    form: ClassVar[Form] = "dialogue"
    summary: ClassVar[str] = "Shows the model the definition and an input, and trains it to write the wanted output."
    averages_over: ClassVar[Literal["tokens", "examples"]] = "tokens"

    def loss(self, logprobs: LogProbs, batch: Batch) -> "tuple[Tensor, dict[str, Tensor]]":
        """Return the cross-entropy of each learnt token, in nats (learnt)."""
        return -logprobs.tokens, {}
