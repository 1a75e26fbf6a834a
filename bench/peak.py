"""One run in this process, and the most memory it took: `python -m bench.peak WORKSPACE RECIPE` prints JSON.

On a processor it is all that is resident, as Linux notes it; on a graphics card what torch had allocated there. Counted
from the first step on: while a model is loaded its file is mapped too, which costs nothing that the system could not
have back.
"""

import json
import sys
from pathlib import Path
from typing import Any

import bitsandbytes  # noqa: F401
import peft  # noqa: F401
import torch
import transformers.models.llama.modeling_llama  # noqa: F401

from studio.runs.event import EventWriter
from studio.runs.recipe import read_recipe
from studio.runs.run import new_run
from studio.runs.session import train
from studio.workspace import Workspace


class Watcher(EventWriter):
    """Writes a run's events, and looks at the memory as they happen."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.peak = 0

    def append(self, event: str, **values: Any) -> None:
        """Begin to watch when the model is ready; look after each step."""
        super().append(event, **values)
        if event == "counted":
            forget_peak()
        if event == "metrics":
            self.peak = max(self.peak, read_peak())


def read_memory(name: str) -> int:
    """Return a line of what Linux knows of this process's memory, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"/proc/self/status says no {name}.")


def forget_peak() -> None:
    """Let the peak be what is taken now."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5")


def read_peak() -> int:
    """Return the most that was taken since then."""
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else read_memory("VmHWM")


def main() -> None:
    """Execute a recipe and print what it took."""
    workspace = Workspace(sys.argv[1])
    run = new_run(workspace, read_recipe(json.loads(sys.argv[2])))
    with Watcher(run.events_file) as events:
        train(workspace, run, events)
    print(json.dumps({"bytes": events.peak}))


main()
