"""How long a run will take, from what was measured on this device, for a model of this size at this precision.

Each run leaves the speed it had; before the first one, studio.estimates.timing times one layer. Knows no model.
"""

import json
from pathlib import Path
from typing import NamedTuple

from studio.models.device import DeviceFacts
from studio.precisions.precision import Half
from studio.workspace import write_whole

GUESSED_START_SECONDS = 6.0
"""Base model, tokens and the first step, until a run has measured it."""
MOST_KEPT = 200
_FILE = "speed.json"


class StepKind(NamedTuple):
    """What a step's speed hangs on, beside the device: how large the base is, and how it is computed.

    `linear` of the `parameters` are weights of linear layers, `width` is that of a token between two layers, `half` the
    16 bits of mixed precision, and `twice` says whether layers are checkpointed.
    """

    parameters: int
    linear: int
    layers: int
    width: int
    precision: str
    half: Half | None = None
    twice: bool = False

    @property
    def key(self) -> str:
        """The name under which a speed is kept."""
        return f"{self.width}/{self.parameters} {self.precision} {self.half or 'exact'}{' twice' * self.twice}"


class Speed(NamedTuple):
    """How fast a device trains: floating-point operations a second, and seconds before the first step."""

    flops: float
    start_seconds: float


def load_speed(cache: Path, device: DeviceFacts, kind: StepKind) -> Speed | None:
    """Return the speed of such steps as it was last measured on this device, None before it was."""
    try:
        flops, start_seconds = _read(cache, device)[kind.key]
        return Speed(float(flops), float(start_seconds))
    except (KeyError, TypeError, ValueError):
        return None


def save_speed(cache: Path, device: DeviceFacts, kind: StepKind, speed: Speed) -> None:
    """Keep a measured speed, in place of an older one of such steps."""
    known = {**_read(cache, device)}
    known.pop(kind.key, None)
    newest = dict([*known.items(), (kind.key, list(speed))][-MOST_KEPT:])
    write_whole(cache / _FILE, json.dumps({"device": device.name, "speeds": newest}))


def _read(cache: Path, device: DeviceFacts) -> dict[str, list[float]]:
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
