"""What is looked at while a training runs, whoever's it is: the most memory it takes, and when each step ended.

On a processor memory is all that is resident, as Linux notes it; on a graphics card what torch had allocated there.
Counted from the first step on: while a model is loaded its file is mapped too, which costs nothing that the system
could not have back.
"""

import time
from pathlib import Path

import torch


class Watch:
    """The peak of memory in bytes since `begin`, and the moments at which steps ended, in seconds of one clock."""

    def __init__(self) -> None:
        self.peak = 0
        self.moments: list[float] = []

    def begin(self) -> None:
        """Let the peak be what is taken now: the model is ready."""
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        else:
            Path("/proc/self/clear_refs").write_text("5")

    def step(self) -> None:
        """Note that a step ended, on the card too."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.moments.append(time.perf_counter())
        self.peak = max(self.peak, read_peak())


def read_peak() -> int:
    """Return the most bytes that were taken since the peak was forgotten."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else read_memory("VmHWM")


def read_memory(name: str) -> int:
    """Return a line of what Linux knows of this process's memory, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status says no {name}.")
