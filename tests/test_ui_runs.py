"""What a run's settings are called, what differs between runs, and a run's own name and note."""

from base64 import b64decode
from typing import Any

import pytest
from telling import raises

from studio.errors import InputError, RecipeError
from studio.models.catalogue import name_base
from studio.runs.note import LONGEST_NAME, LONGEST_TAG, MOST_TAGS, read_note, write_note
from studio.runs.run import Run
from studio.service import Studio
from studio.ui.frame.recorded import read_recorded
from studio.ui.frame.settings import find_differing, read_settings, say_settings, say_value
from studio.ui.steps.method.group import draw_tries, start_group
from studio.ui.steps.method.snapping import BLOCK, read_weights
from studio.ui.steps.runs.run_table import list_table
from studio.ui.steps.train.ghosts import find_ghosts


@pytest.fixture
def studio(workspace: Any) -> Studio:
    return Studio(workspace)


def test_settings_say_what_was_left_blank(studio: Studio) -> None:
    settings = read_settings(studio, {"task_id": "studio002_question", "training": {"learning_rate": 0.02}})
    assert settings["Learning rate"] == "0.02" and settings["Steps"] == "50"
    assert "50 steps of 16, learning rate 0.02" in say_settings(settings)
    assert read_settings(studio, {"method": "of another time"}) == {}
    assert settings["Model"] == name_base("builtin") != "builtin"


def test_only_what_differs_is_named() -> None:
    assert find_differing([{"Rank": "1", "Seed": "0"}, {"Rank": "8", "Seed": "0"}, {"Seed": "0"}]) == ["Rank"]
    assert find_differing([{"Rank": "1"}]) == []


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.002, "0.002"),
        (1200, "1,200"),
        (True, "yes"),
        (None, "–"),
        (["q", "v"], "q, v"),
        (1.0, "1"),
        ([], "–"),
        ([{"name": "length", "fewest": 5}, {"name": "equals"}], "length (fewest 5), equals"),
    ],
)
def test_a_value_is_said_shortly(value: object, said: str) -> None:
    assert say_value(value) == said


def test_a_note_is_kept_and_a_damaged_one_is_none(tmp_path: Any) -> None:
    run = Run(tmp_path)
    assert read_note(run).name == ""
    write_note(run, "  my  run ", "a\nb ")
    assert read_note(run) == write_note(run, "my run", "a\nb")
    assert write_note(run, "", "", [" long  answers", "", "first", "first"]).tags == ("long answers", "first")
    for tags in (["x" * (LONGEST_TAG + 1)], [str(number) for number in range(MOST_TAGS + 1)]):
        with raises(InputError, field="tags"):
            write_note(run, "", "", tags)
    with raises(InputError, field="name"):
        write_note(run, "x" * (LONGEST_NAME + 1), "")
    (tmp_path / "note.json").write_text("{")
    assert read_note(run).note == ""


def test_a_group_queues_a_run_for_each_value_or_none(studio: Studio) -> None:
    asked = {"recipe": {"task_id": "studio002_question"}, "path": "method.rank", "request": "a" * 32}
    runs = start_group(studio, {**asked, "values": [1, 64]})["runs"]
    assert [studio.run_status(run).recipe["method"]["rank"] for run in runs] == [1, 64]
    assert start_group(studio, {**asked, "values": [1, 64]})["runs"] == runs, "one click, one group"
    table = list_table(studio, {})
    assert {table["settings"][row["settings"]]["Rank"] for row in table["rows"]} == {"1", "64"}
    with raises(RecipeError, field="method.rank"):
        start_group(studio, {**asked, "values": [4, 10_000]})
    with raises(InputError, "10", field="method.rank"):
        start_group(studio, {**asked, "values": list(range(1, 12))})
    assert len(studio.list_runs()) == len(runs), "a value that can't be keeps all from being started"


def test_the_rates_of_a_finder_lie_around_the_usual_one() -> None:
    html = draw_tries({"rank"}, 0.004)
    assert "1, 8, 64" in html and "0.0004, 0.0012, 0.004, 0.012, 0.04" in html
    assert draw_tries((), None) == ""


def test_weights_of_the_built_in_base_are_drawn() -> None:
    weights = read_weights()
    assert len(weights) == BLOCK and 0 < max(map(abs, weights)) < 2


def test_a_recorded_change_is_kept_more_and_more() -> None:
    change = read_recorded("change")
    rows, columns = change["drawn"]
    assert len(change["factors"]) == len(change["kept"]) == 64
    assert change["kept"] == sorted(change["kept"]) and 0 < change["kept"][0] < change["kept"][-1] <= 1
    assert len(b64decode(change["whole"])) == rows * columns
    assert all(len(b64decode(tall)) == rows and len(b64decode(wide)) == columns for _, tall, wide in change["factors"])
    assert read_recorded("nothing") == {}


def test_recorded_rates_lie_behind_runs_of_their_own_kind(studio: Studio) -> None:
    recipe = studio.read_recipe({"task_id": "studio002_question"}).to_json()
    ghosts = find_ghosts(recipe)
    slow, usual, fast = (ghost["values"] for ghost in ghosts)
    assert [ghost["rate"] for ghost in ghosts] == sorted(ghost["rate"] for ghost in ghosts)
    assert sum(usual[-5:]) < sum(slow[-5:]) and sum(usual[-5:]) < sum(fast[-5:]), "the usual rate is the best of them"
    assert find_ghosts({**recipe, "task_id": "studio005_plural"}) == []
    assert find_ghosts({**recipe, "method": {"name": "full"}}) == [] and find_ghosts({}) == []
