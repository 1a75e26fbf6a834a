"""How fast the device trains: known from before, or measured while no run has the graphics card."""

from pathlib import Path

from studio.errors import DeviceError
from studio.estimates.estimate import Estimate
from studio.estimates.time import Speed, load_speed
from studio.estimates.timing import measure_speed
from studio.models.device import find_device
from studio.queueing.scheduler import Scheduler
from studio.runs.status import ACTIVE
from studio.tasks.store import TaskCard


def choose_usual(tasks: list[TaskCard]) -> dict[str, str]:
    """Return the recipe that is timed where none is named: the usual one, on the built-in base."""
    return {"task_id": next((card.task_id for card in tasks), "")}


def find_speed(cache: Path, estimate: Estimate, scheduler: Scheduler) -> Speed:
    """Return how fast the estimated steps are made here, measured once. Raises DeviceError while a run has the card."""
    device, kind = find_device(), estimate.kind
    known = load_speed(cache, device, kind)
    if known is None and device.kind == "cuda" and any(run.status in ACTIVE for run in scheduler.look_at_all()):
        raise DeviceError("A run has the graphics card. How fast it is can be measured when that has ended.")
    return known or measure_speed(cache, device, kind)
