"""One run in this process, watched: `python -m bench.peak WORKSPACE RECIPE` prints JSON.

It tells the bytes it took at its peak, the moments its steps ended, the loss of each, and what it trained on: tokens
and examples of the training rows, and how many numbers trained.
"""

import json
import sys
from pathlib import Path
from typing import Any

import bitsandbytes  # noqa: F401
import peft  # noqa: F401
import transformers.models.llama.modeling_llama  # noqa: F401

from bench.watch import Watch
from studio.recipes.recipe import read_recipe
from studio.runs.event import EventWriter
from studio.runs.run import new_run
from studio.training.session import train
from studio.workspace import Workspace


class Watcher(EventWriter):
    """Writes a run's events, and looks at the training as they happen."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.watch = Watch()
        self.told: dict[str, Any] = {"losses": []}

    def append(self, event: str, **values: Any) -> None:
        """Begin to watch when the model is ready; look after each step."""
        super().append(event, **values)
        if event == "prepared":
            self.told |= {"tokens": values["tokens"], "examples": values["examples"]}
        if event == "counted":
            self.told["trainable"] = values["trainable"]
            self.watch.begin()
        if event == "metrics":
            self.told["losses"].append(values["loss"])
            self.watch.step()


def main() -> None:
    """Execute a recipe and print what it took."""
    workspace = Workspace(sys.argv[1])
    run = new_run(workspace, read_recipe(json.loads(sys.argv[2])))
    with Watcher(run.events_file) as events:
        train(workspace, run, events)
    print(json.dumps({"bytes": events.watch.peak, "moments": events.watch.moments, **events.told}))


main()
