"""How fast the device trains: known from before, or measured while no run has the graphics card."""

from pathlib import Path

from studio.errors import DeviceError
from studio.estimates.time import Speed, StepKind, load_speed
from studio.estimates.timing import measure_speed
from studio.models.device import find_device
from studio.queueing.scheduler import Scheduler
from studio.runs.status import ACTIVE


def find_speed(cache: Path, kind: StepKind, scheduler: Scheduler) -> Speed:
    """Return how fast steps of a kind are made here, measured once. Raises DeviceError while a run has the card."""
    device = find_device()
    known = load_speed(cache, device, kind)
    if known is None and device.kind == "cuda" and any(run.status in ACTIVE for run in scheduler.look_at_all()):
        raise DeviceError("A run has the graphics card. How fast it is can be measured when that has ended.")
    return known or measure_speed(cache, device, kind)
