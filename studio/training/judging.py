"""Training a reward model: a row is read to its end, and a head makes one number of the state there."""

from typing import Any, ClassVar

import torch

from studio.answering.judge import HEAD_FILE, weigh
from studio.objectives.logprobs import Batch, LogProbs
from studio.training.batch import look_at
from studio.training.headed import Head, HeadedTrainer, find_width

SLOWEST = 1e-3
"""It learns at the model's rate, and no slower than so: until it says something, the model learns nothing either."""


class RewardHead(Head):
    """Finds all answers equal at first, so that the first loss is log 2."""

    file: ClassVar[str] = HEAD_FILE

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(width))

    @staticmethod
    def choose_rate(rate: float) -> float:
        """Return the model's rate, or the slowest."""
        return max(rate, SLOWEST)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return how good the answers are that end in these states (rows x width), one number each (rows)."""
        found: torch.Tensor = weigh(states, self.weight)
        return found


class RewardTrainer(HeadedTrainer):
    """Trainer of a model that judges."""

    def make_head(self) -> RewardHead:
        """Return the head that judges."""
        return RewardHead(find_width(self.model))

    def read(self, model: Any, inputs: dict[str, Any]) -> tuple[LogProbs, Batch]:
        """Return what the head says of each row; of tokens nothing is asked."""
        assert self.head is not None
        scores = self.head(self.open(model, inputs).states)
        nothing = LogProbs(torch.zeros_like(scores), inputs["learnt"], *inputs["input_ids"].shape)
        return nothing, look_at(inputs)._replace(scores=scores)
