"""What the runs of this moment will take of the device at most, so that nobody else takes it from them.

Knows who is active and what a recipe is told to need; knows no desk.
"""

from collections.abc import Callable

from studio.errors import StudioError
from studio.estimates.estimate import Estimate
from studio.queueing.scheduler import Scheduler
from studio.runs.status import ACTIVE


def promise_memory(scheduler: Scheduler, estimate: Callable[[object], Estimate]) -> int:
    """Return the bytes that active runs need in all; one whose recipe can't be weighed any more counts as nothing."""
    needed = 0
    for status in scheduler.look_at_all():
        if status.status in ACTIVE:
            try:
                needed += estimate(status.recipe).memory_bytes or 0
            except StudioError:
                continue
    return needed
