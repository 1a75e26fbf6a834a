"""The queue in which runs wait: whose turn comes next, and in how long.

Pure: made again from the statuses each time, so it survives a restart. Owners take turns, each with its oldest run; an
owner whose run is active, or has just ended, goes behind those who wait. With one owner that is the order of queuing.
"""

from collections.abc import Callable, Mapping, Sequence

from studio.runs.status import ACTIVE, RunStatus

Expect = Callable[[str], float | None]
"""How many seconds the whole run of an id will take; None where nobody knows."""


def order_queue(statuses: Sequence[RunStatus], owners: Mapping[str, str]) -> list[RunStatus]:
    """Return the runs that wait (of `statuses`, the newest first), the next one first; `owners` is by run id."""
    queues: dict[str, list[RunStatus]] = {}
    served: dict[str, float] = {}
    busy = {owners[status.run_id] for status in statuses if status.status in ACTIVE}
    for status in statuses:
        owner = owners[status.run_id]
        served[owner] = max(served.get(owner, 0.0), status.heard_at or 0.0)
    queued = [status for status in reversed(statuses) if status.status == "queued"]
    for status in sorted(queued, key=lambda status: status.queued_at or 0.0):
        queues.setdefault(owners[status.run_id], []).append(status)
    turns = [
        (round_, max(queue[0].queued_at or 0.0, served[owner]), status)
        for owner, queue in queues.items()
        for round_, status in enumerate(queue, start=int(owner in busy))
    ]
    return [status for _, _, status in sorted(turns, key=lambda turn: turn[:2])]


def place_in_queue(
    statuses: Sequence[RunStatus], owners: Mapping[str, str], expect: Expect | None = None, trouble: str = ""
) -> list[RunStatus]:
    """Return the statuses; those that wait have their place, how long it will be until their turn, and what is amiss.

    `trouble` says why the first one can't be started, "" if it can.
    """
    active = [status for status in statuses if status.status in ACTIVE]
    rests = [find_rest(one, expect) if one.seconds_left is None else one.seconds_left for one in active]
    known = [rest for rest in rests if rest is not None]
    wait = min(known, default=0.0) if len(known) == len(rests) else None
    placed: dict[str, RunStatus] = {}
    for position, status in enumerate(order_queue(statuses, owners), start=1):
        here = {"position": position, "wait_seconds": wait, "error": trouble or None}
        placed[status.run_id] = status.model_copy(update=here)
        rest = None if wait is None else find_rest(status, expect)
        wait = None if wait is None or rest is None else wait + rest
    return [placed.get(status.run_id, status) for status in statuses]


def find_rest(status: RunStatus, expect: Expect | None) -> float | None:
    """Return how many seconds a run has left, of all that it is expected to take."""
    whole = expect(status.run_id) if expect else None
    return None if whole is None else whole * (1 - min(1.0, status.step / status.of) if status.of else 1.0)
