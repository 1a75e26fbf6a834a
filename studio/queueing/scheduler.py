"""The queue: starts the next work that waits, of whatever kind, whenever its launcher has a free place.

The queue is the run folders themselves, so it survives a restart. Of two studios on one workspace only the one that
holds the lock file starts runs; the other's runs wait in the same queue, and only one of the two changes the queue at a
time. It also writes down what is known of a child that ended without a word, while the evidence is fresh.
"""

import contextlib
import logging
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator

from filelock import FileLock, Timeout

from studio.errors import InputError, StudioError, WorkspaceError
from studio.launchers import Launcher
from studio.launchers.launcher import Traces
from studio.launchers.process import ProcessLauncher
from studio.queueing.turns import Expect, order_queue, place_in_queue
from studio.runs.ending import explain_end
from studio.runs.event import EventWriter
from studio.runs.run import Run, find_run, list_runs
from studio.runs.status import ACTIVE, RunStatus, Watch
from studio.works import WORKS, find_kind, load_work
from studio.workspace import Workspace, disk_errors_in_words

LOG = logging.getLogger(__name__)
ROOM_FOR_A_LINE = 1 << 16
"""With fewer free bytes than this a disk is full."""
LOOKS_ANYWAY_SECONDS = 30.0
"""So often all runs are looked at though no folder has changed: what changes twice in a moment shows once."""
LONGEST_TURN = 30.0
"""Seconds that a studio waits while another one changes the queue."""


class Scheduler:
    """Watches all runs of a workspace and starts them in turn."""

    def __init__(
        self,
        workspace: Workspace,
        launcher: Launcher | None = None,
        expect: Expect | None = None,
        make_room: Callable[[], bool | None] = lambda: None,
    ) -> None:
        """`make_room` is called before each start on the device, which needs the memory that others can spare.

        It returns False where the start has to wait.
        """
        self.workspace = workspace
        self.launcher = launcher or ProcessLauncher()
        self.trouble = ""  # why the first one in the queue can't be started
        self._expect = expect
        self._make_room = make_room
        self._watches: dict[str, Watch] = {}
        self._seen: dict[str, int] | None = None  # when each run's folder last changed; None: look at all that is in it
        self._seen_at = 0.0
        self._explained: set[tuple[str, int]] = set()
        self._lock = threading.Lock()
        self._hand = threading.Lock()  # whichever of this studio's threads has the turn
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._file_lock = FileLock(workspace.folder / "scheduler.lock", thread_local=False)

    def open(self) -> None:
        """Begin to start runs, in a thread of this process."""
        if self._is_open():
            return
        self._closing.clear()
        self._thread = threading.Thread(target=self._work, name="scheduler", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop starting runs; a child goes on."""
        self._closing.set()
        self._wake.set()
        if self._thread:
            self._thread.join(timeout=5)
        self.launcher.close()
        self._file_lock.release(force=True)

    def wake(self) -> None:
        """Look at the queue now."""
        self._wake.set()

    def advance(self) -> None:
        """Let the queue move, for one who waits: where no thread of this studio moves it, in this one."""
        if self._is_open():
            return self.wake()
        if self._is_the_one():
            try:
                self.start_next()
            except (StudioError, OSError) as error:  # a run's own trouble is in its events
                LOG.warning("The queue could not be looked at: %s", error)
            finally:
                self._file_lock.release()

    def _is_open(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def watch(self, run: Run) -> Watch:
        """Return the one watch of a run."""
        with self._lock:
            found = self._watches.get(run.run_id)
            return found or self._watches.setdefault(run.run_id, Watch(run))

    def find_owner(self, run_id: str) -> str:
        """Return whose a run is that was looked at, "" for nobody's."""
        watch = self._watches.get(run_id)
        return watch.owner if watch else ""

    def look_at_all(self) -> list[RunStatus]:
        """Return the status of every run, the newest first, with the places of those that wait."""
        statuses, owners = self._look()
        expect = self._expect if self._is_open() else None  # else nobody waits here for what it loads
        return place_in_queue(statuses, owners, expect, self.trouble)

    def count_waiting(self) -> int:
        """Return how many runs wait, whoever's they are."""
        return sum(status.status == "queued" for status in self._look()[0])

    def look_at(self, run: Run) -> RunStatus:
        """Return the status of one run, with its place in the queue if it waits."""
        status = self.watch(run).look()
        if status.status != "queued":
            return status
        return next((each for each in self.look_at_all() if each.run_id == run.run_id), status)

    def start_next(self) -> Run | None:
        """Start the next run that has room; return it. A run that can't be started is left as failed."""
        seen = self._read_changes()
        statuses, owners = self._look()
        self._seen, self._seen_at = None if any(map(_may_move, statuses)) else seen, time.monotonic()
        if self._choose(statuses, owners) is None and not any(map(_died_unexplained, statuses)):
            return None  # most of the time: no turn is taken, which would write to the disk
        with self._turn():
            statuses, owners = self._look()
            for status in statuses:
                if _died_unexplained(status):
                    self._explain_end(find_run(self.workspace, status.run_id), status)
            first = self._choose(statuses, owners)
            if first is None:
                return None
            run = find_run(self.workspace, first.run_id)
            if needs_device(first) and self._make_room() is False:
                return None  # it is asked again in a moment
            try:
                self.launcher.launch(self.workspace, run)
            except (StudioError, OSError) as error:
                self.trouble = f"The run could not be started: {error}"
                with EventWriter(run.events_file) as events:
                    events.append("failed", step=first.step, error=self.trouble)
                run.resume_file.unlink(missing_ok=True)
                raise
            self.trouble = ""
            return run

    def _explain_end(self, run: Run, status: RunStatus) -> None:
        """Write down why a child ended that said nothing, as far as the evidence goes. Once; a full disk may refuse."""
        launch = run.find_launch()
        case = (run.run_id, launch.offset if launch else -1)
        if case in self._explained:
            return
        self._explained.add(case)
        traces = self.launcher.find_traces(launch.ticket) if launch else Traces()
        disk_full = shutil.disk_usage(run.folder).free < ROOM_FOR_A_LINE
        try:
            kind = find_kind(run)
            told = explain_end(traces, kind.lower_memory(run, self.watch(run).is_loading), disk_full, kind.doing)
            with EventWriter(run.events_file) as events:
                events.append("died", step=status.step, **told)
        except StudioError as error:
            LOG.warning("It can't be written down why the run %s ended: %s", run.name, error)

    def stop(self, run: Run) -> None:
        """Ask a run to stop after its step and save; let a waiting one leave the queue."""
        if self.watch(run).look().status in ACTIVE:  # without a turn: an inline launcher keeps it to the end
            return run.request_stop()
        with self._turn():
            status = self.watch(run).look().status
            if status in ACTIVE:
                run.request_stop()
            elif status == "queued" and run.resume_file.exists():
                run.resume_file.unlink(missing_ok=True)
            elif status == "queued":
                with EventWriter(run.events_file) as events:
                    events.append("stopped", step=0)

    def resume(self, run: Run) -> None:
        """Put a run that ended early back into the queue. Raises InputError when there is nothing to go on with."""
        with self._turn():
            status = self.watch(run).look()
            if status.status in ACTIVE or status.status == "queued":
                return
            if not status.can_resume:
                raise InputError(
                    f"The run {run.name} is {status.status} and has nothing left to do. Start a new one instead.",
                    field="run_id",
                )
            run.request_resume()
        self.wake()

    def delete(self, run: Run) -> None:
        """Delete a run that nothing works on. Raises InputError if something does, or waits to."""
        with self._turn():
            if self.watch(run).look().status in ACTIVE:
                raise InputError(f"The run {run.name} is running. Stop it first, then delete it.", field="run_id")
            if other := self._find_work_about(run):
                raise InputError(
                    f"The run {run.name} is needed by {other.name}, which is {other.status}. Stop that first, then "
                    f"delete {run.name}.",
                    field="run_id",
                )
            run.delete()
            with self._lock:
                self._watches.pop(run.run_id, None)

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """One change of the queue at a time, of all threads and studios. Raises WorkspaceError in words."""
        folder = self.workspace.folder
        with self._hand, contextlib.ExitStack() as stack:
            with disk_errors_in_words(folder):
                try:
                    stack.enter_context(FileLock(folder / "line.lock", timeout=LONGEST_TURN))
                except Timeout:
                    raise WorkspaceError(
                        f"Another studio on {folder} has been busy with the queue for {LONGEST_TURN:g} seconds. "
                        "Try again, or end that studio."
                    ) from None
            yield

    def _look(self) -> tuple[list[RunStatus], dict[str, str]]:
        watches = [self.watch(run) for run in list_runs(self.workspace)]
        return [watch.look() for watch in watches], {watch.run.run_id: watch.owner for watch in watches}

    def _choose(self, statuses: list[RunStatus], owners: dict[str, str]) -> RunStatus | None:
        """The first of the queue for which there is room; what needs no device has room always."""
        if not any(status.status == "queued" for status in statuses):
            return None
        active = sum(status.status in ACTIVE and needs_device(status) for status in statuses)
        has_room = self.launcher.count_free(active) > 0
        waiting = order_queue(statuses, owners)
        return next((status for status in waiting if has_room or not needs_device(status)), None)

    def _find_work_about(self, run: Run) -> RunStatus | None:
        for status in self._look()[0]:
            if status.status in ACTIVE or status.status == "queued":
                with contextlib.suppress(StudioError):  # what can't be read needs nothing
                    if load_work(find_run(self.workspace, status.run_id)).about == run.run_id:
                        return status
        return None

    def _work(self) -> None:
        said = ""
        while not self._closing.is_set():
            try:
                if self._is_the_one() and not self._is_quiet():
                    self.start_next()
                said = ""
            except (StudioError, OSError) as error:
                if str(error) != said:
                    LOG.warning("The queue could not be looked at: %s", error)
                said = self.trouble = str(error)
            except Exception:  # a bug must not end the queue for everybody who waits in it
                LOG.exception("The queue could not be looked at.")
            if self._wake.wait(timeout=1.0):
                self._seen = None
            self._wake.clear()

    def _is_quiet(self) -> bool:
        """Whether nothing ran or waited when all runs were last looked at, and no folder of one has changed since."""
        is_fresh = time.monotonic() - self._seen_at < LOOKS_ANYWAY_SECONDS
        return is_fresh and self._seen is not None and self._seen == self._read_changes()

    def _read_changes(self) -> dict[str, int]:
        with disk_errors_in_words(self.workspace.runs), os.scandir(self.workspace.runs) as entries:
            return {entry.name: entry.stat().st_mtime_ns for entry in entries}

    def _is_the_one(self) -> bool:
        """Whether this studio starts the runs of the workspace, and no other."""
        with disk_errors_in_words(self.workspace.folder):
            try:
                self._file_lock.acquire(blocking=False)
            except Timeout:
                self.trouble = ""
                return False
        return True


def needs_device(status: RunStatus) -> bool:
    """Whether a run has to wait for a place on the device; one of a kind that nobody knows does."""
    kind = WORKS.members.get(status.kind)
    return kind is None or kind.needs_device


def _may_move(status: RunStatus) -> bool:
    """Whether something will become of a run without anybody's touching its folder."""
    return status.status in ACTIVE or status.status == "queued" or _died_unexplained(status)


def _died_unexplained(status: RunStatus) -> bool:
    return status.status == "lost" and status.error is None
