"""A launcher is one file: put into its folder, runs start there, it is asked whether they live, and it has places.

The place of this test keeps its children in files of its own ("tickets"), not in processes that the studio could look
up, so a studio that asked the system would call each of its runs lost.
"""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tiny import import_task, kinds, make_run, write_recipe

import studio.launchers
from studio.launchers import LAUNCHERS
from studio.queueing.scheduler import Scheduler
from studio.runs.event import EventWriter
from studio.runs.run import Run, find_run
from studio.service import Studio
from studio.workspace import Workspace

FILE = '''
"""A yard: its children are files, and there is room for two."""

import importlib
from pathlib import Path
from typing import Any, ClassVar

from studio.launchers.launcher import WORKER, Job, Launcher, Ticket, Traces
from studio.workspace import Workspace


class Yard(Launcher):
    """Room for two."""

    name: ClassVar[str] = "yard"
    title: ClassVar[str] = "A yard"
    summary: ClassVar[str] = "Where files stand for children."

    def launch(self, workspace: Workspace, run: Job) -> None:
        ticket = workspace.folder / f"{run.run_id}.ticket"
        ticket.touch()
        run.save_launch(self.name, {"ticket": str(ticket)})

    @classmethod
    def is_alive(cls, ticket: Ticket) -> bool:
        return Path(str(ticket.get("ticket"))).is_file()

    def find_traces(self, ticket: Ticket) -> Traces:
        return Traces(exit_code=-15)

    def count_free(self, active: int) -> int:
        return 2 - active

    def work(self, workspace: Workspace, run: Any) -> None:
        importlib.import_module(WORKER).execute(workspace, run)
        self.end(workspace, run)

    def end(self, workspace: Workspace, run: Any) -> None:
        (workspace.folder / f"{run.run_id}.ticket").unlink()
'''


@pytest.fixture
def yard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The studio's own launchers, with one file more in their folder."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "yard.py").write_text(FILE)
    monkeypatch.setattr(studio.launchers, "__path__", [*studio.launchers.__path__, str(tmp_path / "more")])
    importlib.invalidate_caches()
    LAUNCHERS.__dict__.pop("members", None)
    yield LAUNCHERS.find("yard")()
    LAUNCHERS.__dict__.pop("members", None)
    sys.modules.pop("studio.launchers.yard", None)


def test_a_run_trains_there_and_another_studio_knows_that_it_lives(
    yard: Any, workspace: Workspace, tiny_model: Path
) -> None:
    import_task(workspace)
    here, elsewhere = Studio(workspace, yard), Studio(workspace)
    run = find_run(workspace, here.start_run(write_recipe(tiny_model, training={"max_steps": 2})))
    assert here.scheduler.start_next() is not None
    assert elsewhere.run_status(run.run_id).status == "starting" and run.is_alive()
    yard.work(workspace, run)
    assert kinds(run)[-1] == "finished" and not run.is_alive()
    assert elsewhere.run_status(run.run_id).status == "finished"


def test_as_many_start_as_there_are_places(yard: Any, workspace: Workspace) -> None:
    scheduler = Scheduler(workspace, yard)
    first, second, third = (make_run(workspace) for _ in range(3))
    started = [scheduler.start_next() for _ in range(3)]
    assert [run and run.run_id for run in started] == [first.run_id, second.run_id, None]
    assert scheduler.look_at(third).position == 1
    finish(yard, workspace, second)
    assert (run := scheduler.start_next()) is not None and run.run_id == third.run_id


def test_it_says_how_a_silent_child_ended(yard: Any, workspace: Workspace) -> None:
    scheduler, run = Scheduler(workspace, yard), make_run(workspace)
    scheduler.start_next()
    yard.end(workspace, run)
    scheduler.start_next()
    status = scheduler.look_at(run)
    assert status.status == "lost" and "SIGTERM" in str(status.error) and status.can_resume


def test_a_run_whose_launcher_is_gone_is_lost_and_spoils_nothing(yard: Any, workspace: Workspace) -> None:
    run = make_run(workspace)
    run.save_launch("tent", {"ticket": "x"})
    assert not run.is_alive() and Scheduler(workspace, yard).look_at(run).status == "lost"


@pytest.mark.parametrize("name", LAUNCHERS.members)
@pytest.mark.parametrize("ticket", [{}, {"pid": None}, {"pid": "x"}, {"pid": 2**70, "created": 1}, {"pid": [1]}])
def test_a_ticket_that_makes_no_sense_is_nobodys(name: str, ticket: dict[str, Any]) -> None:
    launcher = LAUNCHERS.find(name)
    assert not launcher.is_alive(ticket) and launcher().find_traces(ticket).exit_code is None
    assert launcher.title and launcher.summary.endswith(".")


def finish(yard: Any, workspace: Workspace, run: Run) -> None:
    """Let a child of the yard say its last word and end."""
    with EventWriter(run.events_file) as events:
        events.append("finished", step=1)
    yard.end(workspace, run)
