"""How long a visitor of a shared studio may train: one run in all, and at a stretch while others wait.

Pure rules and the keeper who applies them: a run past its turn is asked to stop and save, and goes to the end of the
queue. A mark in its folder says that it was the keeper who stopped it. One that doesn't stop is ended, and stays so.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from math import inf
from typing import NamedTuple

from studio.errors import InputError, StudioError
from studio.queueing.scheduler import Scheduler
from studio.runs.run import Run, find_run
from studio.runs.status import ACTIVE, RunStatus
from studio.workspace import Workspace, disk_errors_in_words

LOG = logging.getLogger(__name__)
LOOKS_EACH_SECONDS = 5.0
PATIENCE_SECONDS = 300.0
"""So long a run may take to stop and save when its turn is over; one that doesn't listen is ended."""
ANY = "any"
_MARK = "turn_over"


class Time(NamedTuple):
    """Seconds that a run may take in all, by its estimate, and at a stretch while another visitor waits.

    `untimed` says that a run may also begin whose time nobody can tell; its turns end all the same.
    """

    run_seconds: float = 2 * 3600
    turn_seconds: float = 20 * 60
    untimed: bool = False


def read_time(environment: Mapping[str, str]) -> Time:
    """Return what STUDIO_RUN_MINUTES and STUDIO_TURN_MINUTES say, the usual times where they say no positive number.

    STUDIO_RUN_MINUTES=any lets runs begin whose time can't be told, and asks nobody how long theirs takes.
    """
    usual, said = Time(), environment.get("STUDIO_RUN_MINUTES", "").strip().lower()
    turn = _read_minutes(environment.get("STUDIO_TURN_MINUTES", ""), usual.turn_seconds)
    if said == ANY:
        return Time(inf, turn, untimed=True)
    return Time(_read_minutes(said, usual.run_seconds), turn)


def _read_minutes(said: str, usual: float) -> float:
    try:
        minutes = float(said)
    except ValueError:
        return usual
    return minutes * 60 if 0 < minutes < 1e9 else usual


def check_budget(seconds: float | None, steps: int, most_seconds: float) -> None:
    """Raise InputError for a run that takes too long, with fewer steps that would fit, or whose time nobody knows."""
    if seconds is None:
        raise InputError(
            "How long this would take here can't be told, and in this shared studio a run has at most "
            f"{_say(most_seconds)}. Choose another model or precision, or ask its operator, who may start it with "
            "STUDIO_RUN_MINUTES=any.",
            field="model",
        )
    if seconds <= most_seconds:
        return
    fitting = int(steps * most_seconds / seconds)
    way = f"With {fitting:,} steps it would fit." if fitting else "Choose a smaller model, or shorter examples."
    raise InputError(
        f"This would take about {_say(seconds)}; in this shared studio a run has at most {_say(most_seconds)}. {way}",
        field="training.max_steps",
    )


def _say(seconds: float) -> str:
    for size, unit in ((365 * 86400, "years"), (86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:,.0f} seconds"


def find_overdue(
    statuses: Sequence[RunStatus], owners: Mapping[str, str], started: Mapping[str, float], now: float, most: float
) -> list[str]:
    """Return the ids of runs that have worked longer than `most` seconds while somebody else's waits."""
    waiting = {owners.get(status.run_id, "") for status in statuses if status.status == "queued"}
    return [
        status.run_id
        for status in statuses
        if status.status in ACTIVE
        and now - started.get(status.run_id, now) > most
        and waiting - {owners.get(status.run_id, "")}
    ]


class TurnKeeper:
    """Looks now and then whether somebody has had the device for long enough."""

    def __init__(self, workspace: Workspace, scheduler: Scheduler, turn_seconds: float) -> None:
        self.workspace, self.scheduler, self.turn_seconds = workspace, scheduler, turn_seconds
        self.patience_seconds = PATIENCE_SECONDS
        self._asked: dict[str, float] = {}  # since when, by a clock that never jumps
        self._closing = threading.Event()

    def open(self) -> None:
        """Begin to look, in a thread of this process."""
        threading.Thread(target=self._work, name="turns", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()

    def look(self, now: float | None = None) -> None:
        """End the turns that are over, and queue again what was stopped for that."""
        statuses = self.scheduler.look_at_all()
        owners = {status.run_id: self.scheduler.find_owner(status.run_id) for status in statuses}
        runs = {status.run_id: find_run(self.workspace, status.run_id) for status in statuses if _is_live(status)}
        started = {run_id: _started_at(run) for run_id, run in runs.items()}
        overdue = find_overdue(statuses, owners, started, time.time() if now is None else now, self.turn_seconds)
        self._asked = {run_id: self._asked.get(run_id, time.monotonic()) for run_id in overdue}
        for run_id, since in self._asked.items():
            self._end_turn(runs[run_id], listens=time.monotonic() - since <= self.patience_seconds)
        for run in (run for status in statuses if status.status == "stopped" and (run := runs[status.run_id])):
            if is_marked(run):
                forget_mark(run)
                self.scheduler.resume(run)

    def _end_turn(self, run: Run, listens: bool) -> None:
        if listens:
            (run.folder / _MARK).touch()
            run.request_stop()
        elif launch := run.find_launch():
            LOG.warning("The run %s didn't stop when its turn was over, so it was ended.", run.run_id)
            forget_mark(run)
            launch.end()

    def _work(self) -> None:
        while not self._closing.wait(LOOKS_EACH_SECONDS):
            try:
                self.look()
            except (StudioError, OSError) as error:  # a run deleted as it was looked at, a full disk: the next look
                LOG.warning("The turns could not be looked at: %s", error)


def is_marked(run: Run) -> bool:
    """Whether a run was stopped only because its turn was over."""
    return (run.folder / _MARK).exists()


def forget_mark(run: Run) -> None:
    """Forget that a turn was over: its owner wants it stopped, or it is queued again. Raises WorkspaceError."""
    with disk_errors_in_words(run.folder):
        (run.folder / _MARK).unlink(missing_ok=True)


def _is_live(status: RunStatus) -> bool:
    return status.status in ACTIVE or status.status == "stopped"


def _started_at(run: Run) -> float:
    try:
        return run.process_file.stat().st_mtime
    except OSError:
        return time.time()
