"""A kind of work is one file: put into its folder, it waits in the queue, tells its progress, stops and goes on.

The work of this test counts to a number, a line of a file each: it needs no model, so only the mechanism is seen.
"""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from telling import raises
from tiny import WritingLauncher, kinds, make_run, read_all

import studio.works
from studio.errors import InputError, RecipeError
from studio.launchers.inline import InlineLauncher
from studio.queueing.scheduler import Scheduler
from studio.runs.run import Run, find_run
from studio.service import Studio
from studio.works import WORKS, load_work
from studio.workspace import Workspace

FILE = '''
"""Counting: a line a number."""

from typing import ClassVar

from pydantic import Field

from studio.runs.event import EventWriter
from studio.runs.run import Resumable, Run
from studio.works.work import Estimate, FindTitle, Outcome, Work
from studio.workspace import Workspace


class Counting(Work):
    """Counts to a number."""

    name: ClassVar[str] = "counting"
    title: ClassVar[str] = "Counting"
    enters: ClassVar[str] = "studio.works.counting:count"
    doing: ClassVar[str] = "counting"
    unit: ClassVar[str] = "number"

    to: int = Field(3, ge=1, le=100)
    break_at: int = 0

    def describe(self, find_title: FindTitle) -> tuple[str, str]:
        return "Counting", f"Counting to {self.to}"

    @classmethod
    def find_resumable(cls, run: Run) -> Resumable:
        return Resumable(len(list_counted(run)), None, "")

    def expect_seconds(self, workspace: Workspace, estimate: Estimate) -> float | None:
        return 2.0 * self.to


class Dreaming(Counting):
    """Counts without the device."""

    name: ClassVar[str] = "dreaming"
    title: ClassVar[str] = "Dreaming"
    needs_device: ClassVar[bool] = False


def list_counted(run: Run) -> list[str]:
    return run.answers_file.read_text().splitlines() if run.answers_file.exists() else []


def count(workspace: Workspace, run: Run, events: EventWriter) -> Outcome:
    work = Counting.load(run)
    for number in range(len(list_counted(run)) + 1, work.to + 1):
        if run.stop_file.exists():
            return Outcome(number - 1, finished=False)
        if number == work.break_at and not (run.folder / "repaired").exists():
            raise ArithmeticError("Out of fingers.")
        with open(run.answers_file, "a") as file:
            file.write(f"{number}\\n")
        events.append("progressed", step=number, of=work.to)
    events.append("concluded", result=f"Counted to {work.to}")
    return Outcome(work.to, finished=True)
'''


@pytest.fixture
def counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The studio's own kinds of work, with one file more in their folder."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "counting.py").write_text(FILE)
    monkeypatch.setattr(studio.works, "__path__", [*studio.works.__path__, str(tmp_path / "more")])
    importlib.invalidate_caches()
    WORKS.__dict__.pop("members", None)
    yield WORKS.find("counting")
    WORKS.__dict__.pop("members", None)
    sys.modules.pop("studio.works.counting", None)


def lines(run: Run) -> list[str]:
    return run.answers_file.read_text().splitlines()


def test_it_is_queued_done_and_told(counting: Any, workspace: Workspace) -> None:
    seen = Studio(workspace, InlineLauncher())
    run = counting(to=4).queue(workspace, "click", "")
    assert counting(to=4).queue(workspace, "click", "").run_id == run.run_id
    assert load_work(run) == counting(to=4)
    waiting = seen.run_status(run.run_id)
    assert (waiting.status, waiting.position, waiting.kind, waiting.unit) == ("queued", 1, "counting", "number")
    assert (waiting.title, waiting.sentence, waiting.recipe) == ("Counting", "Counting to 4", {})
    assert seen.work.expect_seconds(run.run_id) == 8.0
    started = seen.scheduler.start_next()
    assert started is not None and started.run_id == run.run_id
    done = seen.run_status(run.run_id)
    assert (done.status, done.step, done.of, done.result) == ("finished", 4, 4, "Counted to 4")
    assert not (done.can_resume or done.can_stop or done.can_ask) and lines(run) == ["1", "2", "3", "4"]
    with raises(InputError, run.name):
        seen.resume_run(run.run_id)
    seen.delete_run(run.run_id)
    assert seen.list_runs() == []


def test_what_broke_goes_on_after_what_it_wrote(counting: Any, workspace: Workspace) -> None:
    seen = Studio(workspace, InlineLauncher())
    run = counting(to=5, break_at=3).queue(workspace)
    seen.scheduler.start_next()
    broken = seen.run_status(run.run_id)
    assert (broken.status, broken.step, broken.can_resume) == ("failed", 2, True)
    assert str(broken.error).startswith("The counting broke") and "Out of fingers" in str(broken.error)
    (run.folder / "repaired").touch()
    seen.resume_run(run.run_id)
    assert seen.run_status(run.run_id).status == "queued"
    seen.scheduler.start_next()
    assert seen.run_status(run.run_id).status == "finished" and lines(run) == ["1", "2", "3", "4", "5"]
    assert [event["resumed_from"] for event in read_all(run) if event["event"] == "started"] == [None, 2]


def test_what_waits_leaves_the_queue_and_comes_back(counting: Any, workspace: Workspace) -> None:
    scheduler = Scheduler(workspace, InlineLauncher())
    run = counting().queue(workspace)
    scheduler.stop(run)
    assert scheduler.look_at(run).status == "stopped" and scheduler.start_next() is None
    scheduler.resume(run)
    assert scheduler.start_next() is not None and scheduler.look_at(run).status == "finished"


def test_both_kinds_wait_in_one_queue(counting: Any, workspace: Workspace) -> None:
    launcher = WritingLauncher()
    try:
        scheduler = Scheduler(workspace, launcher)
        first, second, third = make_run(workspace), counting().queue(workspace), make_run(workspace)
        for run in (first, second, third):
            places = {status.run_id: status.position for status in scheduler.look_at_all()}
            assert places[run.run_id] == 1
            started = scheduler.start_next()
            assert started is not None and started.run_id == run.run_id and scheduler.start_next() is None
            launcher.finish(run)
    finally:
        launcher.close()


def test_what_needs_no_device_does_not_wait_for_it(counting: Any, workspace: Workspace) -> None:
    launcher, made_room = WritingLauncher(), []
    try:
        scheduler = Scheduler(workspace, launcher, make_room=lambda: made_room.append(True))
        training, waiting = make_run(workspace), make_run(workspace)
        assert scheduler.start_next() is not None and scheduler.start_next() is None
        dream = WORKS.find("dreaming")().queue(workspace)
        assert (started := scheduler.start_next()) is not None and started.run_id == dream.run_id
        assert scheduler.start_next() is None and scheduler.look_at(waiting).position == 1
        launcher.finish(training)
        assert (started := scheduler.start_next()) is not None and started.run_id == waiting.run_id
        assert len(made_room) == 2, "the dream needed none"
    finally:
        launcher.close()


def test_a_kind_that_this_studio_lacks_spoils_nothing(counting: Any, workspace: Workspace) -> None:
    """A folder of a newer studio, or one whose file a hand has damaged."""
    run, damaged = counting().queue(workspace), counting().queue(workspace)
    work = run.folder / "work.json"
    work.write_text(work.read_text().replace("counting", "juggling"))
    (damaged.folder / "work.json").write_text("[")
    seen = Studio(workspace, InlineLauncher())
    with raises(RecipeError, "juggling training"):
        load_work(run)
    for one in (run, damaged):
        assert seen.scheduler.start_next() is not None
        status = seen.run_status(one.run_id)
        assert status.status == "failed" and status.error
        assert kinds(one) == ["failed"]
        with pytest.raises(InputError):
            one.load_recipe()
    assert [status.status for status in seen.list_runs()] == ["failed", "failed"]
    assert find_run(workspace, run.run_id).kind == "juggling"
