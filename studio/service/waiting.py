"""Waiting for queued work to end, from a program that has nothing else to do meanwhile."""

import time

from studio.errors import DeviceError
from studio.queueing.scheduler import Scheduler
from studio.runs.run import Run
from studio.runs.status import ACTIVE

LOOK_SECONDS = 0.2


def wait_for(scheduler: Scheduler, work: Run) -> None:
    """Return when a work has finished; Ctrl+C stops it. Raises DeviceError in words where it ended otherwise."""
    try:
        while (status := scheduler.look_at(work)).status == "queued" or status.status in ACTIVE:
            scheduler.advance()
            time.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        scheduler.stop(work)
        raise
    if status.status != "finished":
        raise DeviceError(
            f"{status.name} is {status.status}. {status.error or 'Resume it, or ask again.'}", field="run_id"
        )
