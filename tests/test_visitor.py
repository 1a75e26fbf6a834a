"""A shared studio: what one visitor made is not there for another, in the same words as if it never was."""

import json
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from telling import raises
from tiny import WritingLauncher, make_checkpoint, wait_until, write_recipe, write_task

from studio.errors import InputError, NotFoundError, StudioError, TaskError
from studio.runs.event import EventWriter
from studio.runs.run import find_run, list_runs
from studio.service import Studio
from studio.visitor import NOBODY, THE_ONE, read_visitor
from studio.workspace import Workspace

ANNA, BEN = "anna" * 8, "ben_" * 8


@pytest.fixture
def shared(workspace: Workspace) -> Studio:
    return Studio(workspace, WritingLauncher(), shared=True)


def upload_task(studio: Studio, tmp_path: Path, name: str = "sums", **changes: Any) -> str:
    file = tmp_path / "upload.json"
    file.write_text(json.dumps(write_task(**changes)))
    return studio.import_task(file, f"{name}.json").task.task_id


@pytest.mark.parametrize("token", [None, "", "short", "a" * 201, "ä" * 32, "a" * 31 + "\n", 7, b"a" * 32, ["a" * 32]])
def test_what_is_no_token_is_nobody(token: Any) -> None:
    assert read_visitor(token) == NOBODY
    assert not NOBODY.owns("") and not NOBODY.owns("x")


def test_an_owner_is_the_same_for_a_token_and_says_nothing_of_it() -> None:
    anna = read_visitor(ANNA)
    assert anna == read_visitor(ANNA) != read_visitor(BEN)
    assert anna.owner and re.fullmatch("[0-9a-f]{64}", anna.owner) and ANNA not in anna.owner
    assert anna.owns(anna.owner) and not anna.owns("") and THE_ONE.owns(anna.owner) and THE_ONE.owns("")


def test_the_token_itself_is_nowhere_on_the_disk(shared: Studio, tiny_model: Path, tmp_path: Path) -> None:
    anna = shared.seen_by(ANNA)
    upload_task(anna, tmp_path)
    run = find_run(shared.workspace, anna.start_run(write_recipe(tiny_model, "studio002_question")))
    assert run.owner == anna.visitor.owner
    for file in shared.workspace.folder.rglob("*"):
        assert not file.is_file() or ANNA.encode() not in file.read_bytes()


VOTE = {"choice": "base", "prompt": "1 + 1", "base": "3", "tuned": "2", "step": 0}
ACTS: dict[str, Callable[[Studio, str], Any]] = {
    "stop": lambda studio, run: studio.stop_run(run),
    "resume": lambda studio, run: studio.resume_run(run),
    "delete": lambda studio, run: studio.delete_run(run),
    "train again": lambda studio, run: studio.train_again(run),
    "status": lambda studio, run: studio.run_status(run),
    "events": lambda studio, run: studio.run_events(run),
    "output": lambda studio, run: studio.run_output(run),
    "test set": lambda studio, run: studio.test_set(run),
    "unseen": lambda studio, run: studio.unseen(run),
    "ask": lambda studio, run: studio.ask(run, "1 + 1"),
    "stream": lambda studio, run: next(iter(studio.stream(run, "1 + 1"))),
    "vote": lambda studio, run: studio.vote(run, VOTE),
    "count votes": lambda studio, run: studio.count_votes(run),
    "score": lambda studio, run: studio.score(run),
    "queue a score": lambda studio, run: studio.scores.start(run),
    "kept scores": lambda studio, run: studio.scores.list_kept(run),
}


@pytest.fixture(scope="module")
def annas(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Studio, str]:
    """A shared studio in which Anna's run waits, with a checkpoint; and the name of her run."""
    shared = Studio(Workspace(tmp_path_factory.mktemp("annas")), WritingLauncher(), shared=True)
    run_id = shared.seen_by(ANNA).start_run(write_recipe(tiny_model, "studio002_question"))
    make_checkpoint(find_run(shared.workspace, run_id), 5)
    return shared, run_id


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("token", [BEN, None, ANNA[:-1] + "b"])
def test_other_peoples_runs_are_not_there(annas: tuple[Studio, str], name: str, token: str | None) -> None:
    """Whatever is tried with them; and nothing of them changes, as the next try finds."""
    shared, run_id = annas
    before = sorted(path for path in shared.workspace.runs.rglob("*"))
    unknown = "20261120-070000-no-one"
    with pytest.raises(NotFoundError) as refused:
        ACTS[name](shared.seen_by(token), run_id)
    with pytest.raises(NotFoundError) as missing:
        ACTS[name](shared.seen_by(token), unknown)
    assert str(refused.value) == str(missing.value).replace(unknown, run_id), "or it would say that there is one"
    assert sorted(path for path in shared.workspace.runs.rglob("*")) == before
    assert shared.seen_by(token).list_runs() == []
    assert shared.seen_by(ANNA).run_status(run_id).status == "queued"


def test_each_lists_their_own_and_the_length_of_the_line(shared: Studio, tiny_model: Path) -> None:
    anna, ben = shared.seen_by(ANNA), shared.seen_by(BEN)
    recipe = write_recipe(tiny_model, "studio002_question")
    first, second, third = anna.start_run(recipe), anna.start_run(recipe), ben.start_run(recipe)
    assert {status.run_id for status in anna.list_runs()} == {first, second}
    assert [status.run_id for status in ben.list_runs()] == [third]
    assert [status.position for status in ben.list_runs()] == [2], "behind Anna's first, before her second"
    assert anna.count_waiting() == ben.count_waiting() == shared.count_waiting() == 3
    anna.stop_run(first)
    assert anna.run_status(first).status == "stopped"
    anna.delete_run(first)
    assert [status.run_id for status in anna.list_runs()] == [second]


def test_what_was_made_before_it_was_shared_is_nobodys(workspace: Workspace, tiny_model: Path, tmp_path: Path) -> None:
    alone = Studio(workspace, WritingLauncher())
    task_id = upload_task(alone, tmp_path)
    run_id = alone.start_run(write_recipe(tiny_model, task_id))
    assert find_run(workspace, run_id).owner == "" and not (workspace.tasks / task_id / "owner").exists()
    anna = Studio(workspace, WritingLauncher(), shared=True).seen_by(ANNA)
    assert anna.list_runs() == []
    with pytest.raises(NotFoundError):
        anna.load_task(task_id)
    mine = anna.start_run(write_recipe(tiny_model, "studio002_question"))
    assert {status.run_id for status in alone.list_runs()} == {run_id, mine}, "the one person sees all"
    assert alone.seen_by(BEN) is alone


def test_tasks_belong_to_who_uploaded_them(shared: Studio, tiny_model: Path, tmp_path: Path) -> None:
    anna, ben = shared.seen_by(ANNA), shared.seen_by(BEN)
    hers = upload_task(anna, tmp_path)
    his = upload_task(ben, tmp_path, Definition=["Ben's own words."])
    assert hers != his
    assert [card.task_id for card in anna.list_tasks() if card.source == "yours"] == [hers]
    assert [card.task_id for card in ben.list_tasks() if card.source == "yours"] == [his]
    assert anna.load_task(hers).heading == ben.load_task(his).heading == "Sums"
    assert anna.load_task(hers).definition == "Add the numbers."
    assert not [card for card in shared.list_tasks() if card.source == "yours"]
    for refused in (
        lambda: ben.load_task(hers),
        lambda: ben.start_run(write_recipe(tiny_model, hers)),
        lambda: ben.estimate(write_recipe(tiny_model, hers)),
        lambda: ben.token_lengths(hers, str(tiny_model)),
        lambda: ben.load_task(hers, anna.load_task(hers).version),
    ):
        with raises(NotFoundError, hers) as error:
            refused()
        assert "Did you mean" not in str(error.value) or hers not in str(error.value).split("Did you mean")[1]
    with pytest.raises(NotFoundError) as near:
        ben.load_task(hers[:-1])
    assert hers not in str(near.value), "a guess must not be helped to another's task"
    run = find_run(shared.workspace, anna.start_run(write_recipe(tiny_model, hers)))
    assert anna.run_status(run.run_id).title == "Sums" and len(anna.test_set(run.run_id)) > 0


def test_a_task_folder_of_another_owner_is_never_written_to(shared: Studio, tmp_path: Path) -> None:
    anna, ben = shared.seen_by(ANNA), shared.seen_by(BEN)
    hers = upload_task(anna, tmp_path)
    (shared.workspace.tasks / hers / "owner").write_text(ben.visitor.owner or "")
    with pytest.raises(TaskError):
        upload_task(anna, tmp_path, Definition=["Other words."])
    assert len(list((shared.workspace.tasks / hers).glob("*.json"))) == 1


def test_nobody_can_make_anything(shared: Studio, tiny_model: Path, tmp_path: Path) -> None:
    for nobody in (shared, shared.seen_by(None), shared.seen_by("short")):
        with pytest.raises(InputError, match="x-studio-visitor"):
            nobody.start_run(write_recipe(tiny_model, "studio002_question"))
        with pytest.raises(InputError, match="x-studio-visitor"):
            upload_task(nobody, tmp_path)
        assert nobody.list_runs() == [] and list_runs(shared.workspace) == []


# ---- one click, one run


def test_the_same_click_at_the_same_time_and_after_a_restart_makes_one_run(
    workspace: Workspace, tiny_model: Path
) -> None:
    studio = Studio(workspace, WritingLauncher())
    recipe = write_recipe(tiny_model, "studio002_question")
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _: studio.start_run(recipe, "one click"), range(16)))
    again = Studio(workspace, WritingLauncher()).start_run(recipe, "one click")
    assert made == {again} and len(list_runs(workspace)) == 1
    assert studio.start_run(recipe, "another click") != again


def test_a_click_of_another_visitor_is_another_click(shared: Studio, tiny_model: Path) -> None:
    recipe = write_recipe(tiny_model, "studio002_question")
    first = shared.seen_by(ANNA).start_run(recipe, "click")
    assert shared.seen_by(ANNA).start_run(recipe, "click") == first
    assert shared.seen_by(BEN).start_run(recipe, "click") != first


# ---- what to lower


def fail(workspace: Workspace, run_id: str, **values: Any) -> None:
    run = find_run(workspace, run_id)
    run.process_file.write_text('{"pid": 4194304, "created": 1, "offset": 0}')
    with EventWriter(run.events_file) as events:
        events.append("started", resumed_from=None)
        events.append("failed", step=3, error="Something broke.", remedy="Fix it.", **values)


def test_a_failed_run_is_trained_again_with_what_its_remedy_changes(workspace: Workspace, tiny_model: Path) -> None:
    studio = Studio(workspace, WritingLauncher())
    run_id = studio.start_run(write_recipe(tiny_model, "studio002_question", training={"batch_size": 64}))
    changes = {"training": {"batch_size": 8, "gradient_accumulation": 8}, "precision": "nf4"}
    fail(workspace, run_id, remedy_changes=changes)
    status = studio.run_status(run_id)
    assert (status.status, status.remedy_changes) == ("failed", changes)
    again = studio.train_again(run_id, "one click")
    assert again == studio.train_again(run_id, "one click") != run_id
    recipe, old = studio.run_status(again).recipe, status.recipe
    assert recipe["precision"] == "nf4"
    assert recipe["training"] == {**old["training"], "batch_size": 8, "gradient_accumulation": 8}
    assert {**recipe, "training": 0, "precision": 0} == {**old, "training": 0, "precision": 0}


@pytest.mark.parametrize(
    "changes", [None, {}, [], "x", 7, {"training": {"batch_size": -1}}, {"__class__": {"x": 1}}, {"task_id": ".."}]
)
def test_a_remedy_that_says_nothing_usable_is_refused_in_words(
    workspace: Workspace, tiny_model: Path, changes: Any
) -> None:
    studio = Studio(workspace, WritingLauncher())
    run_id = studio.start_run(write_recipe(tiny_model, "studio002_question"))
    fail(workspace, run_id, remedy_changes=changes)
    assert studio.run_status(run_id).status == "failed"
    with pytest.raises(StudioError):
        studio.train_again(run_id)
    assert len(list_runs(workspace)) == 1


def test_a_run_that_goes_on_forgets_its_remedy(workspace: Workspace, tiny_model: Path) -> None:
    studio = Studio(workspace, WritingLauncher())
    run_id = studio.start_run(write_recipe(tiny_model, "studio002_question"))
    fail(workspace, run_id, remedy_changes={"precision": "nf4"})
    studio.resume_run(run_id)
    assert studio.run_status(run_id).remedy_changes is None


# ---- how long the line takes


def test_the_expected_time_comes_from_the_speed_that_was_measured_here(workspace: Workspace, tiny_model: Path) -> None:
    from studio.estimates.time import Speed, save_speed
    from studio.models.device import find_device

    recipe = write_recipe(tiny_model, "studio002_question")
    closed = Studio(workspace)
    first, second, third = (closed.start_run(recipe) for _ in range(3))
    assert [closed.run_status(run).wait_seconds for run in (first, second, third)] == [0.0, None, None]
    save_speed(workspace.cache, find_device(), closed.estimate(recipe).kind, Speed(flops=1e9, start_seconds=4.0))
    seconds = closed.estimate(recipe).seconds
    assert seconds is not None and seconds > 4
    launcher = WritingLauncher()
    studio = Studio(workspace, launcher).open()  # the first trains, and says that it has nine seconds left
    try:
        wait_until(lambda: studio.run_status(third).wait_seconds)
        waits = [studio.run_status(run).wait_seconds for run in (second, third)]
        assert waits == pytest.approx([9.0, 9.0 + seconds])
    finally:
        studio.close()
        launcher.close()
