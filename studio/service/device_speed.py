"""How fast the device trains: known from before, or measured while no run has the graphics card."""

import threading
from pathlib import Path

from studio.apart.pool import return_memory
from studio.errors import DeviceError
from studio.estimates.estimate import Estimate
from studio.estimates.time import Speed, load_speed
from studio.estimates.timing import measure_speed
from studio.models.device import find_device
from studio.queueing.scheduler import Scheduler
from studio.runs.status import ACTIVE
from studio.tasks.store import TaskCard

PATIENCE_SECONDS = 60
_ONE_AT_A_TIME = threading.Lock()
"""Two that measure at once would each find the device half as fast."""


def choose_usual(tasks: list[TaskCard]) -> dict[str, str]:
    """Return the recipe that is timed where none is named: the usual one, on the built-in base."""
    return {"task_id": next((card.task_id for card in tasks), "")}


def find_speed(cache: Path, estimate: Estimate, scheduler: Scheduler) -> Speed:
    """Return how fast the estimated steps are made here, measured once.

    Raises DeviceError while a run has the card, while others are measured, and where it can't be measured.
    """
    device, kind = find_device(), estimate.kind
    if known := load_speed(cache, device, kind):
        return known
    if device.kind == "cuda" and any(run.status in ACTIVE for run in scheduler.look_at_all()):
        raise DeviceError("A run has the graphics card. How fast it is can be measured when that has ended.")
    if not _ONE_AT_A_TIME.acquire(timeout=PATIENCE_SECONDS):
        raise DeviceError("It is being measured how fast other models train here. Try again in a minute.")
    try:
        return load_speed(cache, device, kind) or measure_speed(cache, device, kind)
    finally:
        return_memory()
        _ONE_AT_A_TIME.release()
