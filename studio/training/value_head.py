"""What a token is expected to earn: two layers on what the model's head reads, which they never change."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

FILE = "value_head.safetensors"
"""Where it is kept in a checkpoint, to go on from."""
WIDTH = 64
FASTER, FASTEST = 10, 0.01
"""Its learning rate is so many times the model's, and no more than the second: it learns from nothing."""


class ValueHead(torch.nn.Module):
    """Expects nothing of any token at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(width, WIDTH), torch.nn.Tanh(), torch.nn.Linear(WIDTH, 1))
        torch.nn.init.zeros_(self.layers[2].weight)
        torch.nn.init.zeros_(self.layers[2].bias)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return what is expected after each state (n x width) as one number (n)."""
        found: torch.Tensor = self.layers(states.detach().float())[:, 0]
        return found

    def save(self, folder: Path) -> None:
        """Write it into a checkpoint."""
        save_file({name: value.contiguous().cpu() for name, value in self.state_dict().items()}, folder / FILE)

    def restore(self, folder: Path) -> None:
        """Read it from a checkpoint."""
        self.load_state_dict(load_file(folder / FILE))


def find_width(model: Any) -> int:
    """Return how many numbers a model's head reads."""
    return int(getattr(model, "get_base_model", lambda: model)().get_output_embeddings().weight.shape[1])
