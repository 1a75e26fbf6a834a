"""What a token is expected to earn: two layers on what the model's head reads, which they never change."""

from typing import ClassVar

import torch

from studio.objectives.ppo import EXPECTING
from studio.training.headed import Head

FASTER, FASTEST = 10, 0.01
"""Its learning rate is so many times the model's, and no more than the second: it learns from nothing."""


class ValueHead(Head):
    """Expects nothing of any token at first."""

    file: ClassVar[str] = "value_head.safetensors"

    def __init__(self, width: int) -> None:
        super().__init__()
        layers = torch.nn.Linear(width, EXPECTING), torch.nn.Tanh(), torch.nn.Linear(EXPECTING, 1)
        self.layers = torch.nn.Sequential(*layers)
        torch.nn.init.zeros_(self.layers[2].weight)
        torch.nn.init.zeros_(self.layers[2].bias)

    @staticmethod
    def choose_rate(rate: float) -> float:
        """Return a rate at which what is expected follows what is earned."""
        return min(FASTER * rate, FASTEST)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return what is expected after each state (n x width) as one number (n)."""
        found: torch.Tensor = self.layers(states.detach().float())[:, 0]
        return found
