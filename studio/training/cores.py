"""How many of a processor's cores a training takes: all but the page's, and that too where its steps are long.

Threads wait for each other at each of a step's thousand operations. Where these are short, one that lost its core to
the page makes all wait far longer than they compute; where they are long it hardly matters, and a core that stands idle
costs more. Then all are taken at low priority, so that the page comes first, and given back as soon as a step takes
longer so: others work here, too. Losses are the same but for rounding: sums are added up in another order by other
numbers of threads.
"""

import time
from math import inf
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from studio.models.device import DeviceFacts
from studio.training.priority import yield_to_others

LONG_SECONDS = 0.5
"""A step that computes longer, on all cores but one, is long; that it waits for others' work makes none long."""
LOOKED_AT = 4
"""So many steps are looked at: the first warms up, and others may do what most don't."""


class Cores(TrainerCallback):
    """Looks how long the first steps compute, and takes the page's core where all but the very first are long."""

    def __init__(self, device: DeviceFacts) -> None:
        self.spare = device.cores if device.kind == "cpu" and device.cores > 1 else 0
        self._seconds: list[float] = []
        self._began = self._computed = 0.0
        self._without = inf  # what the fastest step took on all cores but one, once all are taken

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Note when a step begins."""
        self._began, self._computed = time.monotonic(), time.process_time()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Take the core once, and give it back once it is no gain."""
        took, computed = time.monotonic() - self._began, time.process_time() - self._computed
        if not self.spare:
            return
        if len(self._seconds) == LOOKED_AT:
            if took > self._without:
                torch.set_num_threads(self.spare - 1)
                self.spare = 0
            return
        self._seconds.append(computed / torch.get_num_threads())
        if len(self._seconds) > 1:
            self._without = min(self._without, took)
        if len(self._seconds) == LOOKED_AT:
            if min(self._seconds[1:]) > LONG_SECONDS:
                yield_to_others()
                torch.set_num_threads(self.spare)
            else:
                self.spare = 0
