"""The whole facade on the tiny model: what a page, the API or a notebook does, without any of them."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from telling import Facts, raises, tells
from tiny import TASK_ID, WritingLauncher, import_task, make_run, wait_until, write_recipe, write_task

from studio.errors import InputError, ModelError, NotFoundError, RecipeError, StudioError, TaskError
from studio.launchers.inline import InlineLauncher
from studio.service import Studio
from studio.ui.steps.compare.ask_form import describe_run
from studio.workspace import Workspace


@pytest.fixture
def studio(workspace: Workspace) -> Studio:
    """A studio that trains in this process when its line is moved."""
    import_task(workspace)
    return Studio(workspace, InlineLauncher())


@pytest.fixture
def waiting(workspace: Workspace) -> Iterator[Studio]:
    """A studio whose runs only pretend to train, as long as they are let."""
    import_task(workspace)
    launcher = WritingLauncher()
    yield Studio(workspace, launcher)
    launcher.close()


def test_from_a_file_to_two_answers(workspace: Workspace, tiny_model: Path, tmp_path: Path) -> None:
    file = tmp_path / "upload.json"
    file.write_text(json.dumps(write_task()))
    studio = Studio(workspace, InlineLauncher()).open()
    try:
        task_id = studio.import_task(file, "my sums.json").task.task_id
        assert task_id in [card.task_id for card in studio.list_tasks() if card.source == "yours"]
        recipe = write_recipe(tiny_model, task_id, training={"sample_every": 8})
        run_id = studio.start_run(recipe, "click")
        assert studio.start_run(recipe, "click") == run_id
        status = wait_until(lambda: (now := studio.run_status(run_id)).status == "finished" and now)
        assert status.title == studio.load_task(task_id).heading and status.sentence.endswith("by LoRA, rank 4")
        assert status.recipe["task_version"] == studio.load_task(task_id).version
        assert studio.read_recipe(status.recipe).method == studio.read_recipe(recipe).method
        assert status.checkpoints == [4, 8] and status.can_ask and not status.can_resume and not status.can_stop
        assert [one.run_id for one in studio.list_runs()] == [run_id]

        test_set = studio.test_set(run_id)
        assert len(test_set) == 6 and studio.unseen(run_id) == []
        answers = studio.ask(run_id, test_set[0].input, max_tokens=8)
        *_, streamed = studio.stream(run_id, test_set[0].input, max_tokens=8)
        assert (answers.base, answers.tuned) == (streamed.base, streamed.tuned) and test_set[0].input in answers.prompt
        assert studio.score(run_id).tuned.instances == 6
        with raises(InputError, "unseen"):
            studio.score(run_id, unseen=True)

        studio.delete_run(run_id)
        assert studio.list_runs() == []
        for ask in (studio.run_status, studio.run_events, studio.test_set, studio.resume_run, studio.stop_run):
            with pytest.raises(NotFoundError):
                ask(run_id)
    finally:
        studio.close()


def test_the_test_set_follows_the_seed_and_keeps_its_older_name(studio: Studio, tiny_model: Path) -> None:
    run_id = studio.start_run(write_recipe(tiny_model, training={"seed": 3}))
    other = studio.start_run(write_recipe(tiny_model))
    assert {one.id for one in studio.test_set(run_id)} != {one.id for one in studio.test_set(other)}
    assert studio.held_out(run_id) == studio.test_set(run_id)


def test_events_come_in_pages_from_an_offset(studio: Studio, tiny_model: Path) -> None:
    run_id = studio.start_run(write_recipe(tiny_model))
    assert studio.run_events(run_id) == studio.run_events(run_id, 0)
    assert (studio.run_events(run_id).events, studio.run_events(run_id).status) == ([], "queued")
    studio.scheduler.start_next()
    page = studio.run_events(run_id)
    assert page.events[0]["event"] == "started" and page.events[-1]["event"] == "finished"
    assert page.status == "finished" and page.run_id == run_id
    rest = studio.run_events(run_id, page.offset)
    assert (rest.events, rest.offset) == ([], page.offset)
    json.dumps(page.model_dump(mode="json"), allow_nan=False)
    for wrong in ("5", 1.5, True, None):
        with raises(InputError, "offset") as told:
            studio.run_events(run_id, wrong)  # type: ignore[arg-type]
        assert told.value.field == "offset"


WRONG: list[tuple[dict[str, Any], type[StudioError], Facts]] = [
    ({"method": {"name": "lora", "rank": 0}}, RecipeError, "rank 1 256 0 8"),
    ({"task_id": "tiny_sum"}, NotFoundError, "tiny_sum tiny_sums"),
    ({"task_id": "../secrets"}, NotFoundError, "../secrets task"),
    ({"task_version": "000000000000"}, NotFoundError, "000000000000"),
    ({"model": "/nowhere"}, ModelError, "/nowhere"),
    ({"model": "owner/unknown"}, ModelError, "owner/unknown computer"),
    ({"model": "no id at all"}, ModelError, ("no id at all", "hub")),
    ({"precision": "nf4", "method": "full"}, RecipeError, "nf4"),
    ({"training": {"learning_rate": float("nan")}}, RecipeError, "learning_rate 0"),
]


@pytest.mark.parametrize(("changes", "kind", "words"), WRONG, ids=lambda value: str(value)[:20])
def test_a_wrong_recipe_leaves_no_folder(
    studio: Studio, tiny_model: Path, changes: dict[str, Any], kind: type[StudioError], words: Facts
) -> None:
    recipe = {**write_recipe(tiny_model), **changes}
    for act in (studio.start_run, studio.estimate):
        with pytest.raises(kind) as told:
            act(recipe)
        assert tells(told.value, words) and told.value.field
    assert list(studio.workspace.runs.iterdir()) == []


def test_a_task_that_is_too_small_is_refused_at_once(studio: Studio, tiny_model: Path) -> None:
    small = import_task(studio.workspace, "small", count=2)
    with raises(TaskError, "3"):
        studio.start_run(write_recipe(tiny_model, small))
    assert list(studio.workspace.runs.iterdir()) == []


def test_a_chat_without_a_chat_template_is_told_by_the_estimate(studio: Studio, tiny_model: Path) -> None:
    with raises(RecipeError, "chat template") as told:
        studio.estimate(write_recipe(tiny_model, objective={"name": "sft", "template": "chat"}))
    assert told.value.field == "objective.template"


def test_a_shared_studio_opens_no_folder_of_its_disk(workspace: Workspace, tiny_model: Path) -> None:
    import_task(workspace)
    studio = Studio(workspace, InlineLauncher(), local_folders=False)
    recipe = write_recipe(tiny_model)
    for act in (
        lambda: studio.start_run(recipe),
        lambda: studio.estimate(recipe),
        lambda: studio.read_recipe(recipe),
        lambda: studio.describe_model(str(tiny_model)),
        lambda: studio.describe_model("~"),
        lambda: studio.describe_model("tests/../tests"),
        lambda: studio.token_lengths(TASK_ID, str(tiny_model)),
    ):
        with raises(ModelError, "shared"):
            act()
    assert studio.describe_model("builtin").parameters
    assert studio.read_recipe({"task_id": TASK_ID, "model": "owner/name"}).model == "owner/name"


def test_a_click_makes_one_run_from_eight_threads(waiting: Studio, tiny_model: Path) -> None:
    made: list[str] = []
    clicks = [
        threading.Thread(target=lambda: made.append(waiting.start_run(write_recipe(tiny_model), "a click \ud800")))
        for _ in range(8)
    ]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join(timeout=120)
    assert len(made) == 8 and len(set(made)) == 1
    assert len(list(waiting.workspace.runs.iterdir())) == 1
    assert waiting.start_run(write_recipe(tiny_model)) != waiting.start_run(write_recipe(tiny_model))


def test_the_line_is_seen_from_the_outside(waiting: Studio, tiny_model: Path) -> None:
    waiting.open()
    try:
        first, second = (waiting.start_run(write_recipe(tiny_model)) for _ in range(2))
        wait_until(lambda: waiting.run_status(first).status == "running")
        assert waiting.run_status(second).position == 1 and waiting.run_status(second).can_stop
        with raises(InputError):
            waiting.delete_run(first)
        waiting.stop_run(second)
        assert waiting.run_status(second).status == "stopped" and waiting.run_status(second).can_resume
        waiting.resume_run(second)
        assert waiting.run_status(second).status == "queued"
        waiting.delete_run(second)
        assert [one.run_id for one in waiting.list_runs()] == [first]
    finally:
        waiting.close()


def test_a_run_that_trains_in_this_process_can_be_stopped(studio: Studio, tiny_model: Path) -> None:
    studio.open()
    try:
        long = {"max_steps": 100_000, "evaluate_every": 0, "save_every": 0}
        run_id = studio.start_run(write_recipe(tiny_model, training=long))
        wait_until(lambda: studio.run_status(run_id).status == "running")
        studio.stop_run(run_id)
        wait_until(lambda: studio.run_status(run_id).status == "stopped")
    finally:
        studio.close()


def test_a_run_whose_task_or_recipe_is_gone_is_still_listed(waiting: Studio, tiny_model: Path) -> None:
    lost_task = make_run(waiting.workspace, task_id="gone")
    damaged = make_run(waiting.workspace)
    (damaged.folder / "recipe.json").write_text("{")
    whole = waiting.start_run(write_recipe(tiny_model))
    listed = {one.run_id: one for one in waiting.list_runs()}
    assert set(listed) == {lost_task.run_id, damaged.run_id, whole}
    assert tells(str(listed[lost_task.run_id].error), "gone")
    assert listed[lost_task.run_id].recipe["task_id"] == "gone", "what it was trained with is known all the same"
    assert listed[lost_task.run_id].sentence.startswith("gone by ")
    with raises(NotFoundError, "gone"):
        describe_run(waiting, lost_task.run_id)
    with pytest.raises(StudioError, match="can't be read"):
        describe_run(waiting, damaged.run_id)
    assert "can't be read" in str(listed[damaged.run_id].error)
    assert listed[whole].error is None and listed[whole].title == "Tiny sums"
    waiting.delete_run(damaged.run_id)


@pytest.mark.parametrize(
    "run_id", ["..", "/etc", "x\x00", "", None, 5, "x" * 10_000_000, "\ud800"], ids=lambda v: repr(v)[:9]
)
def test_what_is_no_run_id_is_told_in_words(studio: Studio, run_id: Any) -> None:
    acts = (
        studio.run_status,
        studio.run_events,
        studio.stop_run,
        studio.resume_run,
        studio.delete_run,
        studio.test_set,
    )
    for act in acts:
        with raises(NotFoundError):
            act(run_id)
    with pytest.raises(NotFoundError):
        studio.ask(run_id, "1 + 1")
    with pytest.raises(NotFoundError):
        list(studio.stream(run_id, "1 + 1"))


def test_everything_that_is_given_back_is_plain_json(studio: Studio, tiny_model: Path) -> None:
    run_id = studio.start_run(write_recipe(tiny_model))
    values = [
        *studio.list_models(),
        *studio.list_tasks(),
        *studio.list_runs(),
        studio.device(),
        studio.describe_model(str(tiny_model)),
        studio.token_lengths(TASK_ID, str(tiny_model)),
        studio.estimate(write_recipe(tiny_model)),
        studio.run_status(run_id),
        studio.run_events(run_id),
    ]
    for value in values:
        json.dumps(value.model_dump(mode="json"), allow_nan=False)
        with pytest.raises(ValueError):
            setattr(value, next(iter(type(value).model_fields)), None)


def test_the_sample_tasks_fit_the_built_in_model(studio: Studio) -> None:
    samples = [card for card in studio.list_tasks() if card.source == "sample"]
    assert samples
    for card in samples[:2]:
        lengths = studio.token_lengths(card.task_id, "builtin")
        assert lengths.too_long == 0 and 0 < lengths.longest < 512
        assert studio.estimate({"task_id": card.task_id}).fits in ("fits", "tight")


def test_a_task_that_an_objective_can_not_learn_from_is_refused_in_words(
    workspace: Workspace, tiny_model: Path, tmp_path: Path
) -> None:
    studio = Studio(workspace)
    (tmp_path / "tale.txt").write_text("Once upon a time there was a fox.\n\n" * 40)
    task = studio.import_task(tmp_path / "tale.txt", "tale.txt").task
    assert task.kind == "text"
    recipe = {"model": str(tiny_model), "task_id": task.task_id}
    for act in (studio.start_run, studio.estimate):
        with pytest.raises(TaskError, match="holds running text, and instruction tuning learns from inputs with"):
            act(recipe)
    assert not studio.list_runs()


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ({"name": "lora", "targets": "no_such_layer"}, "no_such_layer"),
        ({"name": "prompt", "tokens": 1000}, "tokens"),
        ({"name": "lora", "rank": 0}, "rank 1 256 0"),
        ({"name": "lora", "rank": 10_000}, "rank 1 256 10000"),
    ],
)
def test_a_method_that_does_not_go_with_the_model_makes_no_run(
    studio: Studio, tiny_model: Path, method: dict[str, Any], words: str
) -> None:
    with raises(InputError, words):
        studio.start_run(write_recipe(tiny_model, method=method))
    assert not studio.list_runs()
