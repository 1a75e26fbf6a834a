"""How long a run will take, from what was measured on this device, for a model of this size at this precision.

Each run leaves the speed it had, of which the middle one of the last few counts: one run that shared the computer with
something else changes little. Before the first one, studio.estimates.timing times one layer. Knows no model.
"""

import json
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from studio.models.device import DeviceFacts
from studio.precisions.precision import Half
from studio.workspace import write_whole

GUESSED_START_SECONDS = 6.0
"""Base model, tokens and the first step, until a run has measured it."""
MOST_KEPT, MOST_RUNS = 200, 5
"""Kinds of steps, and the last runs of each."""
_FILE = "speed.json"


class StepKind(NamedTuple):
    """What a step's speed hangs on, beside the device: how large the base is, and how it is computed.

    `linear` of the `parameters` are weights of linear layers, `width` is that of a token between two layers, `half` the
    16 bits of mixed precision, `twice` says whether layers are checkpointed, and `objective` what is learnt.
    """

    parameters: int
    linear: int
    layers: int
    width: int
    precision: str
    half: Half | None = None
    twice: bool = False
    objective: str = ""

    @property
    def key(self) -> str:
        """The name under which a speed is kept."""
        how = f"{self.precision} {self.half or 'exact'}{' twice' * self.twice}"
        return f"{self.width}/{self.parameters} {how} {self.objective}".rstrip()


class Speed(NamedTuple):
    """How fast a device trains: floating-point operations a second, and seconds before the first step."""

    flops: float
    start_seconds: float


def load_speed(cache: Path, device: DeviceFacts, kind: StepKind) -> Speed | None:
    """Return the speed of such steps as it was measured on this device, None before it was.

    That of runs of the same objective; before the first one, that of a layer.
    """
    known = _read(cache, device)
    kept: Any = known.get(kind.key, known.get(kind._replace(objective="").key))
    try:
        flops, starts = zip(*(kept if _is_of_runs(kept) else [kept]), strict=True)
        return Speed(float(median(flops)), float(median(starts)))
    except (TypeError, ValueError):
        return None


def save_speed(cache: Path, device: DeviceFacts, kind: StepKind, speed: Speed, *, of_run: bool = True) -> None:
    """Keep a measured speed beside those of the last runs of such steps; that of a layer until there is a run."""
    known, kind = {**_read(cache, device)}, kind if of_run else kind._replace(objective="")
    before = known.pop(kind.key, None)
    runs = [*(before if _is_of_runs(before) else ()), list(speed)][-MOST_RUNS:]
    newest = dict([*known.items(), (kind.key, runs if of_run else list(speed))][-MOST_KEPT:])
    write_whole(cache / _FILE, json.dumps({"device": device.name, "speeds": newest}))


def _is_of_runs(kept: Any) -> bool:
    """Whether what is kept are the speeds of runs; that of a layer is a bare pair."""
    return isinstance(kept, list) and all(isinstance(one, list) for one in kept)


def _read(cache: Path, device: DeviceFacts) -> dict[str, Any]:
    try:
        found = json.loads((cache / _FILE).read_text(encoding="utf-8"))
        return dict(found["speeds"]) if found["device"] == device.name else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def measure_run(began: float, step_moments: list[float], parameters: int, tokens_a_step: float) -> Speed:
    """Return the speed of a run that began at `began` and ended its steps at `step_moments` (seconds of one clock).

    What it evaluated and sampled between steps counts in, as it will the next time.
    """
    a_step = (step_moments[-1] - step_moments[0]) / (len(step_moments) - 1)
    return Speed(count_operations(parameters, tokens_a_step) / a_step, max(0.0, step_moments[0] - began))


def count_operations(parameters: int, tokens: float) -> float:
    """Return the floating-point operations of a training step.

    That is 6 a parameter and token (Kaplan et al. 2020, arXiv:2001.08361).
    """
    return 6.0 * parameters * tokens


def estimate_seconds(
    speed: Speed, parameters: int, tokens_a_step: float, steps: int, read_before: float = 0.0
) -> float:
    """Return the seconds that `steps` steps take at `speed`, with the start.

    So many tokens are `read_before` the first step and not learnt from, which is a third of the work.
    """
    tokens = steps * max(1.0, tokens_a_step) + read_before / 3
    return speed.start_seconds + count_operations(parameters, tokens) / speed.flops
