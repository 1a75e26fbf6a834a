"""Waiting for queued work to end, from a program that has nothing else to do meanwhile.

A wait holds one of the page's forty threads, so there are few at once, and fewer of each visitor.
"""

import time
from collections import Counter
from collections.abc import Callable
from threading import Lock

from studio.errors import DeviceError, InputError
from studio.queueing.scheduler import Scheduler
from studio.runs.run import Run
from studio.runs.status import ACTIVE
from studio.visitor import Visitor

LOOK_SECONDS = 0.2
MOST, MOST_OF_VISITOR = 16, 3
"""So many wait at once in this process, and of one visitor of a shared studio."""

_waits: Counter[str | None] = Counter()  # of each owner
_lock = Lock()


def do_and_wait(scheduler: Scheduler, visitor: Visitor, queue: Callable[[], str], find: Callable[[str], Run]) -> str:
    """Put work into the queue, wait until it has finished, and return its id. Raises StudioError in words."""
    who = visitor.owner
    with _lock:
        if who is not None and _waits[who] >= MOST_OF_VISITOR:
            raise InputError(
                f"You wait for {MOST_OF_VISITOR} things of this studio already. Ask again when one of them has come."
            )
        if _waits.total() >= MOST:
            raise InputError("Many wait for things of this studio just now. Ask again in a moment.")
        _waits[who] += 1
    try:
        work = queue()
        wait_for(scheduler, find(work))
        return work
    finally:
        with _lock:
            _waits[who] -= 1
            if not _waits[who]:
                del _waits[who]


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
        ended = "failed" if status.status == "failed" else f"was {status.status}"
        raise DeviceError(
            f"{status.name} {ended} before its end. {status.error or 'Resume it, or ask again.'}", field="run_id"
        )
