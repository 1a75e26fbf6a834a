"""Checkpoints of the pretraining: network, optimizers, step.

Knows: their files, `checkpoints/<step>-of-<steps>/` with one file for each worker, and which one a run may continue.
Does not know: what the optimizers are. Every worker writes its own file; the folder gets its name when all are there.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Protocol

import torch
import torch.distributed as dist


class Stateful(Protocol):
    """Something whose state can be saved and loaded."""

    def state_dict(self) -> dict[str, Any]:
        """Its state."""

    def load_state_dict(self, state: dict[str, Any]) -> object:
        """Takes a state."""


def list_checkpoints(build_folder: Path) -> list[tuple[int, int, Path]]:
    """All finished checkpoints as (step, steps of their run, folder), the latest step last."""
    found = []
    for folder in (build_folder / "checkpoints").glob("*-of-*"):
        match = re.fullmatch(r"(\d+)-of-(\d+)", folder.name)
        if match:
            found.append((int(match[1]), int(match[2]), folder))
    return sorted(found)


def find_checkpoint(build_folder: Path, decay_start: int, steps: int) -> Path | None:
    """The latest checkpoint that a run of `steps` would have passed through itself.

    One of its own run always is; one of a longer or shorter run is, if neither had begun to lower the learning rate:
    runs share their constant part. The other run is taken to lower its rate after the same share of its steps.
    """
    share = decay_start / steps
    fitting = [
        folder
        for step, other_steps, folder in list_checkpoints(build_folder)
        if other_steps == steps or step <= min(decay_start, round(other_steps * share))
    ]
    return fitting[-1] if fitting else None


def save_checkpoint(
    build_folder: Path, step: int, steps: int, network: torch.nn.Module, optimizers: Stateful, worker: int
) -> None:
    """Saves this worker's part; every worker has to call it at the same step."""
    folder = build_folder / "checkpoints" / f"{step:06}-of-{steps:06}"
    beside = folder.with_name(folder.name + ".part")
    beside.mkdir(parents=True, exist_ok=True)
    state = {"step": step, "optimizers": optimizers.state_dict(), "network": network.state_dict()}
    torch.save(state, beside / f"worker-{worker}.pt")
    dist.barrier()
    if worker == 0:
        beside.rename(folder)
    dist.barrier()


def load_checkpoint(folder: Path | None, network: torch.nn.Module, optimizers: Stateful, worker: int) -> int:
    """Loads this worker's part and returns the step; without a folder nothing changes and the step is 0."""
    if folder is None:
        return 0
    state = torch.load(folder / f"worker-{worker}.pt", weights_only=True)
    network.load_state_dict(state["network"])
    optimizers.load_state_dict(state["optimizers"])
    return int(state["step"])
