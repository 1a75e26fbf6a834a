"""The Train step without a browser: what the plan says, what the buttons do, and the rows of the list of runs."""

import os
from pathlib import Path
from typing import Any

import pytest
from tiny import give_to_process, make_checkpoint

from studio.errors import RecipeError
from studio.recipes.recipe import read_recipe
from studio.runs.event import EventWriter
from studio.runs.run import Run, list_runs, new_run
from studio.runs.steps import read_in_bulk
from studio.service import Studio
from studio.tasks.split import split_task
from studio.ui.runs import run_shelf
from studio.ui.runs.run_list import make_acts as make_list_acts
from studio.ui.runs.run_shelf import RunShelf
from studio.ui.steps.train.live_chart import NewsReader
from studio.ui.steps.train.page import draw_plan, train_words
from studio.ui.steps.train.run_desk import make_acts

RECIPE: dict[str, Any] = {"task_id": "studio002_question", "method": {"name": "lora", "rank": 8}}


@pytest.fixture
def studio(workspace: Any) -> Studio:
    return Studio(workspace)


def act(studio: Studio, name: str, asked: Any) -> dict[str, Any]:
    functions = {function.__name__: function for function in [*make_acts(studio), *make_list_acts(studio)]}
    return functions[name](asked)


def make_run(studio: Studio, *events: tuple[str, dict[str, Any]], alive: bool = False) -> Run:
    run = new_run(studio.workspace, read_recipe(RECIPE))
    if events:
        run.process_file.write_text('{"pid": 4194304, "created": 1}')
        writer = EventWriter(run.events_file)
        for name, values in events:
            writer.append(name, **values)
    if alive:
        give_to_process(run, os.getpid())
    return run


def steps(*numbers: int) -> list[tuple[str, dict[str, Any]]]:
    return [("metrics", {"step": n, "of": 9, "loss": 1 / n}) for n in numbers]


# ---- the big button


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "Train"),
        (0.4, "Train for about 1 second"),
        (12.2, "Train for about 12 seconds"),
        (41, "Train for about 40 seconds"),
        (89, "Train for about 90 seconds"),
        (90, "Train for about 2 minutes"),
        (1800, "Train for about 30 minutes"),
        (7200, "Train for about 2.0 hours"),
    ],
)
def test_the_button_says_how_long_it_takes(seconds: float | None, words: str) -> None:
    assert train_words(seconds) == words


# ---- the plan


def plan(studio: Studio, recipe: dict[str, Any], run: str | None = None) -> str:
    return draw_plan(studio, {"step": "train", "run": run, "recipe": recipe})


def test_the_plan_says_what_will_happen(studio: Studio, tiny_model: Any) -> None:
    html = plan(studio, {**RECIPE, "model": str(tiny_model)})
    assert 'data-state="ready"' in html and 'data-act="start"' in html
    examples = len(split_task(studio.load_task(RECIPE["task_id"])).train)
    assert "8,192" in html and f"{examples:,} examples" in html


def test_a_recipe_that_cannot_start_says_why_and_offers_no_start(studio: Studio) -> None:
    html = plan(studio, {"task_id": "studio002_question", "method": {"name": "lora", "rank": 0}})
    assert 'data-state="refused"' in html and "data-act" not in html
    assert "rank" in html and "disabled" in html and 'data-go="method"' in html
    assert 'data-go="data"' in plan(studio, {})


def test_what_a_recipe_says_is_escaped(studio: Studio) -> None:
    html = plan(studio, {"task_id": "studio002_question", "method": {"name": "<img src=x onerror=alert(1)>"}})
    assert "<img" not in html and "&lt;img" in html


def test_a_bug_of_the_estimate_keeps_nobody_from_training(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studio, "estimate", lambda recipe: 1 / 0)
    assert 'data-act="start"' in plan(studio, RECIPE)


def test_beside_a_run_the_plan_is_silent_unless_the_settings_are_others(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio, "estimate", lambda recipe: 1 / 0)
    run = make_run(studio).run_id
    assert plan(studio, RECIPE, run) == ""
    assert plan(studio, {}, run) == "", "a draft that asks for nothing yet is no other setting"
    other = plan(studio, {**RECIPE, "method": {"name": "lora", "rank": 16}}, run)
    assert 'data-state="changed"' in other and 'data-act="start"' in other
    assert 'data-state="ready"' in plan(studio, RECIPE, "20261120-070000-gone-fox"), "of a deleted run nothing is left"


# ---- acts


@pytest.fixture
def recipe(tiny_model: Any) -> dict[str, Any]:
    return {**RECIPE, "model": str(tiny_model)}


def test_a_click_pressed_twice_makes_one_run(studio: Studio, recipe: dict[str, Any]) -> None:
    first = act(studio, "start_run", {"recipe": recipe, "request": "a" * 32})
    again = act(studio, "start_run", {"recipe": recipe, "request": "a" * 32})
    other = act(studio, "start_run", {"recipe": recipe, "request": "b" * 32})
    assert first == again != other
    assert len(list_runs(studio.workspace)) == 2


@pytest.mark.parametrize(
    "asked",
    [
        None,
        [],
        {},
        {"recipe": "x", "request": "a" * 32},
        {"recipe": RECIPE, "request": ""},
        {"recipe": RECIPE, "request": "a" * 65},
        {"recipe": RECIPE, "request": 7},
    ],
)
def test_a_start_without_its_parts_is_refused_in_words(studio: Studio, asked: Any) -> None:
    assert act(studio, "start_run", asked)["error"]
    assert list_runs(studio.workspace) == []


def test_a_start_that_cannot_be_names_the_rule(studio: Studio) -> None:
    answer = act(
        studio, "start_run", {"recipe": {**RECIPE, "method": {"name": "lora", "rank": 0}}, "request": "a" * 32}
    )
    assert "rank" in answer["error"]


@pytest.mark.parametrize("name", ["stop_run", "resume_run", "read_settings", "read_output", "delete_run"])
@pytest.mark.parametrize("run", [None, 3, "", "../x", "20261120-070000-no-one"])
def test_an_act_on_no_run_is_refused_in_words(studio: Studio, name: str, run: Any) -> None:
    assert act(studio, name, {"run": run})["error"]


def test_stopping_asks_the_child_and_leaves_the_line(studio: Studio) -> None:
    running, waiting = make_run(studio, *steps(1), alive=True), make_run(studio)
    assert act(studio, "stop_run", {"run": running.run_id}) == {"done": True}
    assert running.stop_file.exists()
    assert act(studio, "stop_run", {"run": waiting.run_id}) == {"done": True}
    assert studio.run_status(waiting.run_id).status == "stopped"


def test_a_finished_run_has_nothing_to_resume(studio: Studio) -> None:
    run = make_run(studio, *steps(9), ("finished", {"step": 9}))
    assert "nothing left" in act(studio, "resume_run", {"run": run.run_id})["error"]


def test_training_again_starts_from_the_runs_own_settings(studio: Studio) -> None:
    answer = act(studio, "read_settings", {"run": make_run(studio).run_id})
    assert answer["recipe"]["method"]["rank"] == 8
    studio.read_recipe(answer["recipe"])


def test_the_end_of_what_a_run_printed_is_at_hand(studio: Studio) -> None:
    run = make_run(studio)
    assert act(studio, "read_output", {"run": run.run_id}) == {"text": ""}
    run.output_file.write_text("first\n" + "x" * 7_000 + "\nZeroDivisionError: \udcff no\n", errors="surrogateescape")
    text = act(studio, "read_output", {"run": run.run_id})["text"]
    assert text.startswith("ZeroDivisionError") and "first" not in text


# ---- the list of runs


def test_rows_are_the_newest_first_with_state_and_curve(studio: Studio) -> None:
    old = make_run(studio, *steps(1, 2, 3, 9), ("evaluated", {"step": 9, "loss": 0.2}), ("finished", {"step": 9}))
    new = make_run(studio)
    answer = act(studio, "list_runs", {})
    assert answer["total"] == 2
    assert [row["run"] for row in answer["rows"]] == [new.run_id, old.run_id]
    finished = next(row for row in answer["rows"] if row["status"] == "finished")
    waiting = next(row for row in answer["rows"] if row["status"] == "queued")
    assert finished["path"].startswith("M0.0 ") and finished["validation"] == 0.2
    assert (waiting["path"], waiting["position"]) == ("", 1)


def test_the_shelf_reads_only_what_is_new(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    done = make_run(studio, *steps(1, 2, 9), ("finished", {"step": 9}))
    going = make_run(studio, *steps(1, 2), alive=True)
    shelf = RunShelf()
    shelf.list_rows(studio)
    asked: list[tuple[Path, int]] = []

    def note(file: Path, offset: int) -> Any:
        asked.append((file, offset))
        return read_in_bulk(file, offset)

    monkeypatch.setattr(run_shelf, "read_in_bulk", note)
    EventWriter(going.events_file).append("metrics", step=3, of=9, loss=0.1)
    before = {row["run"]: row["path"] for row in shelf.list_rows(studio)["rows"]}
    assert [file for file, _ in asked] == [going.events_file] and asked[0][1] > 0
    assert done.run_id in before and before[going.run_id].count("L") == 2


def test_a_resumed_curve_goes_back(studio: Studio) -> None:
    run = make_run(studio, *steps(1, 2, 3, 4), ("started", {"resumed_from": 2}), *steps(3), alive=True)
    row = RunShelf().list_rows(studio)["rows"][0]
    assert row["run"] == run.run_id and row["path"].count("L") == 2


def test_a_deleted_run_is_forgotten_and_one_that_trains_is_not_deleted(studio: Studio) -> None:
    gone, going = make_run(studio, *steps(9), ("finished", {"step": 9})), make_run(studio, *steps(1), alive=True)
    assert act(studio, "delete_run", {"run": gone.run_id}) == {"done": True}
    assert "Stop it first" in act(studio, "delete_run", {"run": going.run_id})["error"]
    assert [row["run"] for row in act(studio, "list_runs", {})["rows"]] == [going.run_id]


def test_an_error_of_the_studio_is_words_in_every_act(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise RecipeError("No.", field="method")

    monkeypatch.setattr(studio, "start_run", refuse)
    assert act(studio, "start_run", {"recipe": RECIPE, "request": "a" * 32}) == {"error": "No.", "gone": False}


# ---- other work than training


def test_a_score_is_queued_from_the_desk_and_shown_in_the_list(studio: Studio) -> None:
    run = make_run(studio, *steps(1, 2), ("finished", {"step": 9}))
    make_checkpoint(run, 9)
    asked = {"run": run.run_id, "request": "click 12345"}
    score = act(studio, "score_run", asked)["run"]
    assert act(studio, "score_run", asked)["run"] == score, "one click, one score"
    row, training = RunShelf().list_rows(studio)["rows"]
    assert (row["run"], row["kind"], row["status"], row["position"]) == (score, "score", "queued", 1)
    assert (row["about"], row["unit"], row["path"], row["validation"]) == (run.run_id, "instance", "", None)
    assert (training["kind"], training["unit"], training["about"]) == ("training", "step", "")
    assert plan(studio, {**RECIPE, "method": {"name": "lora", "rank": 16}}, score) == "", "a score has no settings"
    facts = NewsReader().read(studio, score, 0)["facts"]
    assert (facts["kind"], facts["position"], facts["can_stop"], facts["can_ask"]) == ("score", 1, True, False)
    act(studio, "stop_run", {"run": score})
    assert RunShelf().list_rows(studio)["rows"][0]["status"] == "stopped"
    assert "error" in act(studio, "score_run", {**asked, "run": score}), "a score has no score"
