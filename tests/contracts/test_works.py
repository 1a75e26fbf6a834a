"""What every kind of work promises: it tells its progress, stops, is lost when killed, and goes on to the same end.

A case for each kind of the registry queues a small real piece of it. Children are forked, so that they can be killed
just before one of their operations on the run's files.
"""

import json
import shutil
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from nursery import Nursery
from telling import raises
from tiny import import_task, kinds, losses, make_run, read_all, train_quickly, wait_until, write_recipe

from studio.checkpoints.merges import list_merges
from studio.errors import InputError
from studio.evidence.kept import list_scores
from studio.exporting.packing import find_export
from studio.launchers.inline import InlineLauncher
from studio.queueing.scheduler import Scheduler
from studio.recipes.recipe import read_recipe
from studio.runs.event import TERMINAL
from studio.runs.run import Run, find_run
from studio.visitor import THE_ONE
from studio.works import WORKS, Work, load_work
from studio.works.export import Export
from studio.works.measure import Measure
from studio.works.merge import Merge, Parent
from studio.works.score import Score
from studio.works.training import Training
from studio.workspace import Workspace

INSTANCES = 70
"""A tenth of the task is its test set: more than two batches of answers."""

Place = tuple[Workspace, Path]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Place:
    """A workspace with a task and one training that ended, and the model that it began with."""
    workspace = Workspace(tmp_path_factory.mktemp("works"))
    import_task(workspace, count=10 * INSTANCES)
    train_quickly(workspace, tiny_model)
    return workspace, tiny_model


def write_training(place: Place) -> Work:
    training = {"max_steps": 4, "save_every": 1, "evaluate_every": 0}
    return Training(recipe=read_recipe(write_recipe(place[1], training=training)))


def write_score(place: Place) -> Work:
    trained = find_trained(place)
    trained.scores_file.unlink(missing_ok=True)  # what is kept is not measured again
    return Score(model=f"run:{trained.run_id}@4", instances=INSTANCES)


def find_trained(place: Place) -> Run:
    """Return the training that ended before all others."""
    names = sorted(path.name for path in place[0].runs.iterdir() if (path / "recipe.json").exists())
    return find_run(place[0], names[0])


def write_measure(place: Place) -> Work:
    run = find_trained(place)
    shutil.rmtree(place[0].cache / "answers", ignore_errors=True)  # what is kept is not measured again
    names = (str(place[1]), f"run:{run.run_id}@4")
    return Measure(checkpoints=names, task_id=run.load_recipe().task_id, instances=INSTANCES)


def write_export(place: Place) -> Work:
    return Export(model=f"run:{find_trained(place).run_id}@4", form="adapter", options={"with_base": "yes"})


def write_merge(place: Place) -> Work:
    return Merge(way="linear", parents=(Parent(model=f"run:{find_trained(place).run_id}@4", weight=0.5),))


CASES: dict[str, Callable[[Place], Work]] = {
    "training": write_training,
    "score": write_score,
    "measure": write_measure,
    "export": write_export,
    "merge": write_merge,
}
DOOMS = {"training": (3, 40), "score": (3, 14), "measure": (3, 14), "export": (3, 9), "merge": (3, 9)}
"""Before which of its operations on the files a child dies: at its start, and with something kept."""


def read_outcome(run: Run) -> Any:
    """Return what a run came to, which no interruption may change."""
    if run.kind == "training":
        return losses(read_all(run)), run.list_checkpoints()
    if run.kind == "merge":
        [made] = [card for card in list_merges(Workspace(run.folder.parents[1]), THE_ONE) if card.work == run.run_id]
        return made.model_copy(update={"name": "", "work": ""})
    if run.kind == "export":
        with zipfile.ZipFile(find_export(run)) as archive:
            return {each.filename: each.CRC for each in archive.infolist()}, sorted(
                each.name for each in run.folder.iterdir() if each.is_dir()
            )
    scores = [kept.comparison for kept in list_scores(find_run_about(run)) if kept.work == run.run_id]
    return [json.loads(line) for line in run.answers_file.read_text().splitlines()], scores


def find_run_about(run: Run) -> Run:
    return Run(run.folder.with_name(load_work(run).about))


@pytest.fixture(scope="module")
def whole(place: Place) -> Callable[[str], Any]:
    """A function that does a kind's work once, without an interruption, and returns what it came to."""

    @cache
    def find(kind: str) -> Any:
        run = CASES[kind](place).queue(place[0])
        InlineLauncher().launch(place[0], run)
        assert kinds(run)[-1] == "finished"
        return read_outcome(run)

    return find


def test_every_kind_has_a_case() -> None:
    assert CASES.keys() == WORKS.members.keys() == DOOMS.keys()


@pytest.mark.parametrize("kind", WORKS.members)
def test_it_says_what_it_is(kind: str, place: Place) -> None:
    work = CASES[kind](place)
    run = work.queue(place[0])
    try:
        assert (load_work(run), run.kind) == (work, kind) and work.title and work.doing and work.unit
        title, sentence = work.describe(lambda task_id, version: "Sums")
        assert title and sentence and work.phases
        expected = work.expect_seconds(place[0], lambda recipe: 9.0)
        assert expected is None or expected > 0
        assert work.lower_memory(run, loading=True).words.endswith(".")
    finally:
        run.delete()


@pytest.mark.soon(3)
@pytest.mark.parametrize("kind", WORKS.members)
def test_it_tells_its_progress_to_its_end(kind: str, place: Place) -> None:
    scheduler = Scheduler(place[0], InlineLauncher())
    run = CASES[kind](place).queue(place[0])
    assert (scheduler.look_at(run).status, scheduler.look_at(run).position) == ("queued", 1)
    scheduler.start_next()
    done = scheduler.look_at(run)
    assert done.status == "finished" and done.step == done.of and not done.can_resume
    told = [event for event in read_all(run) if event["event"] in ("metrics", "progressed")]
    steps = [event["step"] for event in told]
    assert len(steps) > 1 and steps == sorted(set(steps)) and {event["of"] for event in told} == {steps[-1]}
    assert sum(kind in TERMINAL for kind in kinds(run)) == 1
    scheduler.delete(run)


class Impatient(InlineLauncher):
    """Asks each child to stop before it has begun, the first time."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def launch(self, workspace: Workspace, run: Any) -> None:
        save = run.save_launch

        def save_and_stop(*given: Any) -> None:
            save(*given)
            if run.run_id not in self.asked:
                self.asked.add(run.run_id)
                run.request_stop()

        run.save_launch = save_and_stop
        super().launch(workspace, run)


@pytest.mark.soon(3)
@pytest.mark.parametrize("kind", WORKS.members)
def test_it_stops_and_goes_on_to_the_same_end(kind: str, place: Place, whole: Callable[[str], Any]) -> None:
    scheduler = Scheduler(place[0], Impatient())
    run = CASES[kind](place).queue(place[0])
    scheduler.start_next()
    stopped = scheduler.look_at(run)
    assert stopped.status == "stopped" and stopped.can_resume
    scheduler.resume(run)
    scheduler.start_next()
    assert scheduler.look_at(run).status == "finished" and read_outcome(run) == whole(kind)


@pytest.mark.soon(2)
@pytest.mark.parametrize(("kind", "doom"), [(kind, doom) for kind, dooms in DOOMS.items() for doom in dooms])
def test_what_was_killed_is_lost_and_goes_on_to_the_same_end(
    kind: str, doom: int, place: Place, whole: Callable[[str], Any], nursery: Nursery
) -> None:
    scheduler = Scheduler(place[0], nursery)
    run = CASES[kind](place).queue(place[0])
    nursery.doom = doom
    assert scheduler.start_next() is not None
    lost = wait_until(lambda: (now := scheduler.look_at(run)).status == "lost" and now, seconds=200)
    assert lost.can_resume and not run.is_alive()
    scheduler.start_next()
    assert "SIGKILL" in str(scheduler.look_at(run).error)
    kept = WORKS.find(kind).find_resumable(run).step
    assert (kept > 0) == (doom > 10), f"{kept} steps were kept"
    scheduler.resume(run)
    assert scheduler.start_next() is not None
    wait_until(lambda: scheduler.look_at(run).status == "finished", seconds=200)
    assert read_outcome(run) == whole(kind)
    again = [event for event in read_all(run) if event["event"] == "started"][-1]
    assert (again["resumed_from"] or 0) == kept


def test_a_run_is_kept_until_work_about_it_has_ended(place: Place) -> None:
    scheduler, trained = Scheduler(place[0], InlineLauncher()), find_trained(place)
    run = write_score(place).queue(place[0])
    with raises(InputError, run.name):
        scheduler.delete(trained)
    scheduler.stop(run)
    other = make_run(place[0])
    scheduler.delete(other)
    assert trained.is_there() and scheduler.look_at(run).status == "stopped"
