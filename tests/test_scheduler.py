"""The line of runs: in order, one at a time, by one studio at a time, whatever is wrong with one of them."""

import logging
import threading
from collections.abc import Callable, Iterator

import pytest
from filelock import FileLock
from telling import raises, tells
from tiny import WritingLauncher, kinds, make_checkpoint, make_run, read_all, wait_until

from studio.errors import InputError, NotFoundError, WorkspaceError
from studio.launchers.local import LocalLauncher
from studio.queueing import scheduler as scheduler_module
from studio.queueing.scheduler import Scheduler
from studio.runs.event import EventWriter
from studio.runs.run import Run, find_run, list_runs
from studio.runs.status import RunStatus
from studio.workspace import Workspace


@pytest.fixture
def launcher() -> Iterator[WritingLauncher]:
    """A launcher whose runs live until they are told to end."""
    launcher = WritingLauncher()
    yield launcher
    launcher.close()


@pytest.fixture
def scheduler(workspace: Workspace, launcher: WritingLauncher) -> Scheduler:
    """A line that moves when `start_next` is called."""
    return Scheduler(workspace, launcher)


def status_of(scheduler: Scheduler, run: Run) -> RunStatus:
    """Return the status of a run with its place in the queue."""
    return scheduler.look_at(run)


def test_runs_start_in_the_order_they_came_and_one_at_a_time(
    workspace: Workspace, scheduler: Scheduler, launcher: WritingLauncher
) -> None:
    runs = [make_run(workspace) for _ in range(4)]
    for run in runs:
        started = scheduler.start_next()
        assert started is not None and started.run_id == run.run_id
        assert scheduler.start_next() is None
        launcher.finish(run)
    assert scheduler.start_next() is None
    assert launcher.started == [run.run_id for run in runs]


def test_those_who_wait_see_their_place_and_how_long(
    workspace: Workspace, scheduler: Scheduler, launcher: WritingLauncher
) -> None:
    first, second, third = (make_run(workspace) for _ in range(3))
    scheduler.start_next()
    seen = {status.run_id: status for status in scheduler.look_at_all()}
    assert (seen[first.run_id].status, seen[first.run_id].position) == ("running", None)
    assert (seen[second.run_id].position, seen[second.run_id].wait_seconds) == (1, 9.0)
    assert (seen[third.run_id].position, seen[third.run_id].wait_seconds) == (2, None)
    assert status_of(scheduler, third) == seen[third.run_id]
    launcher.finish(first)
    assert status_of(scheduler, second).wait_seconds == 0


def test_the_list_is_the_newest_first(workspace: Workspace, scheduler: Scheduler) -> None:
    runs = [make_run(workspace) for _ in range(5)]
    assert [status.run_id for status in scheduler.look_at_all()] == [run.run_id for run in reversed(runs)]


def test_a_waiting_run_leaves_the_line_when_it_is_stopped(
    workspace: Workspace, scheduler: Scheduler, launcher: WritingLauncher
) -> None:
    first, second = make_run(workspace), make_run(workspace)
    scheduler.stop(first)
    assert status_of(scheduler, first).status == "stopped"
    assert kinds(first) == ["stopped"]
    assert status_of(scheduler, second).position == 1
    scheduler.start_next()
    assert launcher.started == [second.run_id]
    scheduler.resume(first)
    assert status_of(scheduler, first).status == "queued"
    scheduler.stop(first)
    assert status_of(scheduler, first).status == "stopped" and kinds(first) == ["stopped"]


def test_a_training_run_is_asked_to_stop(workspace: Workspace, scheduler: Scheduler, launcher: WritingLauncher) -> None:
    run = make_run(workspace)
    scheduler.start_next()
    scheduler.stop(run)
    assert run.stop_file.exists() and status_of(scheduler, run).status == "running"
    launcher.finish(run, "stopped", step=3)
    status = status_of(scheduler, run)
    assert (status.status, status.step) == ("stopped", 3)
    run.stop_file.unlink()
    scheduler.stop(run)
    assert not run.stop_file.exists()


def test_what_stopped_goes_on_after_those_who_wait_already(
    workspace: Workspace, scheduler: Scheduler, launcher: WritingLauncher
) -> None:
    old = make_run(workspace)
    scheduler.start_next()
    launcher.finish(old, "stopped", step=3)
    new = make_run(workspace)
    scheduler.resume(old)
    assert [status_of(scheduler, run).position for run in (new, old)] == [1, 2]
    scheduler.start_next()
    launcher.finish(new)
    assert status_of(scheduler, old).status == "queued"
    scheduler.start_next()
    assert launcher.started == [old.run_id, new.run_id, old.run_id]
    assert status_of(scheduler, old).status == "running"


def test_what_was_lost_can_go_on(workspace: Workspace, scheduler: Scheduler, launcher: WritingLauncher) -> None:
    run = make_run(workspace)
    scheduler.start_next()
    launcher.kill(run)
    assert status_of(scheduler, run).status == "lost"
    scheduler.resume(run)
    scheduler.resume(run)
    assert status_of(scheduler, run).status == "queued"
    scheduler.start_next()
    assert status_of(scheduler, run).status == "running"
    scheduler.resume(run)
    assert not run.resume_file.exists()


def test_what_is_done_can_not_go_on(workspace: Workspace, scheduler: Scheduler, launcher: WritingLauncher) -> None:
    run = make_run(workspace)
    scheduler.start_next()
    launcher.finish(run)
    with raises(InputError, run.name):
        scheduler.resume(run)
    scheduler.stop(run)
    assert status_of(scheduler, run).status == "finished" and not run.stop_file.exists()


def test_a_run_is_deleted_unless_it_trains(
    workspace: Workspace, scheduler: Scheduler, launcher: WritingLauncher
) -> None:
    run, waiting = make_run(workspace), make_run(workspace)
    scheduler.start_next()
    with raises(InputError, run.name):
        scheduler.delete(run)
    scheduler.delete(waiting)
    launcher.finish(run)
    make_checkpoint(run, 5)
    scheduler.delete(run)
    assert list_runs(workspace) == [] and scheduler.look_at_all() == []
    with pytest.raises(NotFoundError):
        find_run(workspace, run.run_id)


def test_a_damaged_recipe_breaks_neither_the_list_nor_the_line(
    workspace: Workspace, scheduler: Scheduler, launcher: WritingLauncher
) -> None:
    damaged, whole = make_run(workspace), make_run(workspace)
    (damaged.folder / "recipe.json").write_text('{"task_id": ')
    damaged.events_file.write_bytes(b"\x00\xff" * 500)
    damaged.process_file.write_text("[]")
    assert {status.run_id: status.status for status in scheduler.look_at_all()} == {
        damaged.run_id: "lost",
        whole.run_id: "queued",
    }
    scheduler.start_next()
    assert launcher.started == [whole.run_id]


class BrokenLauncher(LocalLauncher):
    """Can start nothing."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def launch(self, workspace: Workspace, run: Run) -> None:
        """Refuse, as a launcher does whose folder can't be written."""
        self.asked.append(run.run_id)
        raise WorkspaceError("The folder is read-only.")


def test_a_run_that_can_not_be_started_failed_and_the_next_one_has_its_turn(workspace: Workspace) -> None:
    launcher = BrokenLauncher()
    scheduler = Scheduler(workspace, launcher)
    first, second = make_run(workspace), make_run(workspace)
    for run in (first, second):
        with pytest.raises(WorkspaceError):
            scheduler.start_next()
        status = status_of(scheduler, run)
        assert status.status == "failed" and tells(status.error, ("The folder is read-only",))
    assert scheduler.start_next() is None
    scheduler.resume(first)
    with pytest.raises(WorkspaceError):
        scheduler.start_next()
    assert status_of(scheduler, first).status == "failed"
    assert launcher.asked == [first.run_id, second.run_id, first.run_id]


def test_the_line_moves_by_itself_and_survives_what_breaks(
    workspace: Workspace, launcher: WritingLauncher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = Scheduler(workspace, launcher)
    start, broken = scheduler.start_next, threading.Event()

    def break_once() -> Run | None:
        if not broken.is_set():
            broken.set()
            raise ZeroDivisionError("a bug")
        return start()

    monkeypatch.setattr(scheduler, "start_next", break_once)
    with caplog.at_level(logging.ERROR):
        scheduler.open()
        scheduler.open()
        try:
            wait_until(broken.is_set)
            run = make_run(workspace)
            scheduler.wake()
            wait_until(lambda: launcher.started == [run.run_id])
        finally:
            scheduler.close()
    assert "a bug" in caplog.text
    assert scheduler._thread is not None and not scheduler._thread.is_alive()


def test_of_two_studios_one_starts_runs_and_the_other_takes_over(workspace: Workspace) -> None:
    launchers = WritingLauncher(), WritingLauncher()
    first, second = (Scheduler(workspace, launcher) for launcher in launchers)
    try:
        first.open()
        run = make_run(workspace)
        first.wake()
        wait_until(lambda: launchers[0].started)
        second.open()
        waiting = make_run(workspace)
        launchers[0].finish(run)
        second.wake()
        first.wake()
        wait_until(lambda: len(launchers[0].started) == 2)
        assert launchers[1].started == []
        third = make_run(workspace)
        assert second.look_at(third).position == 1
        second.stop(third)
        assert first.look_at(third).status == "stopped"
        launchers[0].finish(waiting)
        first.close()
        last = make_run(workspace)
        second.wake()
        wait_until(lambda: launchers[1].started == [last.run_id])
    finally:
        first.close()
        second.close()
        for launcher in launchers:
            launcher.close()


class InterruptedLauncher(WritingLauncher):
    """While it starts a run, somebody asks another studio on the workspace to do something with it."""

    def __init__(self, ask: Callable[[Run], None]) -> None:
        super().__init__()
        self.ask = ask
        self.asking: threading.Thread | None = None

    def launch(self, workspace: Workspace, run: Run) -> None:
        self.asking = threading.Thread(target=self.ask, args=(run,))
        self.asking.start()
        self.asking.join(timeout=0.3)  # it has done so, or waits for its turn
        super().launch(workspace, run)


@pytest.mark.parametrize("wish", ["stop", "delete"])
def test_what_is_asked_of_another_studio_while_a_run_starts_is_not_lost(workspace: Workspace, wish: str) -> None:
    """A run that was stopped then trained on: the wish was older than the start, so it counted for nothing."""
    refused: list[InputError] = []

    def ask(run: Run) -> None:
        try:
            getattr(Scheduler(workspace, WritingLauncher()), wish)(run)
        except InputError as error:
            refused.append(error)

    launcher = InterruptedLauncher(ask)
    try:
        run = make_run(workspace)
        scheduler = Scheduler(workspace, launcher)
        assert scheduler.start_next() is not None
        assert launcher.asking is not None
        launcher.asking.join(timeout=120)
        assert scheduler.look_at(run).status == "running"
        assert run.stop_file.exists() == (wish == "stop")
        assert ["Stop it first" in str(error) for error in refused] == [True] * (wish == "delete")
    finally:
        launcher.close()


def test_a_line_in_which_nothing_moves_writes_nothing(
    workspace: Workspace, scheduler: Scheduler, launcher: WritingLauncher
) -> None:
    """It is looked at each second, for weeks perhaps."""
    file = workspace.folder / "line.lock"
    assert scheduler.start_next() is None and not file.exists()
    make_run(workspace)
    assert scheduler.start_next() is not None and file.exists()
    make_run(workspace)
    file.unlink()
    assert scheduler.start_next() is None and not file.exists(), "the first one trains"


def test_a_studio_that_keeps_the_line_to_itself_is_told_of(
    workspace: Workspace, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another studio stops in the middle of a start."""
    monkeypatch.setattr(scheduler_module, "LONGEST_TURN", 0.1)
    run = make_run(workspace)
    with FileLock(workspace.folder / "line.lock"):
        with pytest.raises(WorkspaceError, match="Another studio.*busy.*Try again"):
            scheduler.stop(run)
        with pytest.raises(WorkspaceError, match="Another studio"):
            scheduler.start_next()
    scheduler.stop(run)
    assert scheduler.look_at(run).status == "stopped"


def test_a_line_that_was_closed_can_be_opened_again(workspace: Workspace, launcher: WritingLauncher) -> None:
    scheduler = Scheduler(workspace, launcher)
    scheduler.open()
    scheduler.close()
    scheduler.close()
    run = make_run(workspace)
    scheduler.open()
    try:
        wait_until(lambda: launcher.started == [run.run_id])
    finally:
        scheduler.close()


def test_many_hands_at_once_start_each_run_once(
    workspace: Workspace, scheduler: Scheduler, launcher: WritingLauncher
) -> None:
    runs = [make_run(workspace) for _ in range(3)]
    hands = [threading.Thread(target=scheduler.start_next) for _ in range(8)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join(timeout=120)
    assert launcher.started == [runs[0].run_id]
    assert [event["event"] for event in read_all(runs[0])] == ["started", "metrics"]


def test_an_idle_studio_looks_into_no_run_until_something_changes(
    workspace: Workspace, launcher: WritingLauncher, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler, run = Scheduler(workspace, launcher), make_run(workspace)
    assert not scheduler._is_quiet()
    for busy in (scheduler.start_next(), scheduler.start_next()):
        assert not scheduler._is_quiet(), busy
    launcher.finish(run)
    scheduler.start_next()
    assert scheduler._is_quiet()
    with EventWriter(run.events_file) as events:
        events.append("stopped", step=1)
    assert scheduler.start_next() is None and scheduler._is_quiet()
    run.request_resume()  # by another studio
    assert not scheduler._is_quiet() and (again := scheduler.start_next()) and again.run_id == run.run_id
    launcher.finish(run)
    assert scheduler.start_next() is None and scheduler._is_quiet()
    other = make_run(workspace)
    assert not scheduler._is_quiet()
    other.delete()
    assert scheduler.start_next() is None and scheduler._is_quiet()
    monkeypatch.setattr("studio.queueing.scheduler.LOOKS_ANYWAY_SECONDS", 0.0)
    assert not scheduler._is_quiet()


def test_room_is_made_before_each_start_and_only_then(workspace: Workspace, launcher: WritingLauncher) -> None:
    seen: list[int] = []
    scheduler = Scheduler(workspace, launcher, make_room=lambda: seen.append(len(launcher.started)))
    runs = [make_run(workspace) for _ in range(2)]
    scheduler.start_next()
    assert scheduler.start_next() is None, "the first one trains"
    launcher.finish(runs[0])
    scheduler.start_next()
    assert scheduler.start_next() is None and seen == [0, 1]
