"""What a token is expected to earn: two layers on what the model's head reads, which they never change."""

from pathlib import Path
from typing import ClassVar

import torch
from safetensors.torch import load_file

from studio.objectives.ppo import EXPECTING
from studio.training.headed import Head

FASTER, FASTEST = 10, 0.01
"""Its learning rate is so many times the model's, and no more than the second: it learns from nothing."""


class ValueHead(Head):
    """Expects nothing of any token at first; keeps `beta`, what a nat of KL costs now."""

    file: ClassVar[str] = "value_head.safetensors"

    beta: torch.Tensor

    def __init__(self, width: int, beta: float) -> None:
        super().__init__()
        self.register_buffer("beta", torch.tensor(beta, dtype=torch.float64))
        layers = torch.nn.Linear(width, EXPECTING), torch.nn.Tanh(), torch.nn.Linear(EXPECTING, 1)
        self.layers = torch.nn.Sequential(*layers)
        torch.nn.init.zeros_(self.layers[2].weight)
        torch.nn.init.zeros_(self.layers[2].bias)

    def restore(self, folder: Path) -> None:
        """Read it from a checkpoint; those of before have no beta, which stays as it began."""
        self.load_state_dict({"beta": self.beta, **load_file(folder / self.file)})

    @staticmethod
    def choose_rate(rate: float) -> float:
        """Return a rate at which what is expected follows what is earned."""
        return min(FASTER * rate, FASTEST)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return what is expected after each state (n x width) as one number (n)."""
        found: torch.Tensor = self.layers(states.detach().float())[:, 0]
        return found
