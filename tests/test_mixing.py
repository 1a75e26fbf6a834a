"""Several tasks learnt together: each example with its own definition, in the share that was asked for."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from telling import raises, tells
from tiny import TASK_ID, import_task, losses, read_all, write_recipe

from studio.errors import NotFoundError, RecipeError, StudioError
from studio.launchers.inline import InlineLauncher
from studio.runs.run import find_run
from studio.service import Studio
from studio.tasks.mixture import count_mixed, name_mixture, take_examples
from studio.tasks.split import split_task
from studio.ui.steps.data.mixing import draw_mixing, find_weights
from studio.workspace import Workspace


@pytest.fixture
def studio(workspace: Workspace) -> Studio:
    """A studio with two tasks."""
    import_task(workspace)
    import_task(workspace, "takeaways", Definition=["Take away."], Title="Take <b>away</b>")
    return Studio(workspace, InlineLauncher())


def mix(*parts: tuple[str, float]) -> list[dict[str, Any]]:
    return [{"task_id": task_id, "weight": weight} for task_id, weight in parts]


def test_an_epoch_has_every_example_of_the_first_task_and_the_others_by_weight(studio: Studio) -> None:
    first, second = studio.load_task(TASK_ID), studio.load_task("takeaways")
    own = split_task(first).train
    examples = take_examples([first, second], [0.5])
    assert len(examples.train) == count_mixed(len(own), [0.5]) == round(1.5 * len(own))
    assert {one.instance.id for one in examples.train if one.task is first} == {one.id for one in own}
    assert sum(one.task is second for one in examples.train) == len(examples.train) - len(own)
    assert [one.instance for one in examples.validation] == [
        *split_task(first).validation,
        *split_task(second).validation,
    ]
    assert name_mixture("Tiny sums", 1) == "Tiny sums and 1 more" and name_mixture("Tiny sums", 0) == "Tiny sums"
    alone = take_examples([first], [])
    assert tuple(one.instance for one in alone.train) == own


def test_it_is_counted_trained_and_remembered_in_its_versions(studio: Studio, tiny_model: Path) -> None:
    recipe = write_recipe(tiny_model, mixture=mix(("takeaways", 1)), training={"max_steps": 6, "evaluate_every": 6})
    alone, both = studio.estimate({**recipe, "mixture": []}), studio.estimate(recipe)
    assert "Tiny sums and 1 more" in both.sentence and "more" not in alone.sentence
    run_id = studio.start_run(recipe)
    studio.scheduler.start_next()
    status = studio.run_status(run_id)
    assert status.status == "finished" and status.title == "Tiny sums and 1 more"
    kept = find_run(studio.workspace, run_id).load_recipe()
    assert [part.task_version for part in kept.parts] == [
        studio.load_task(TASK_ID).version,
        studio.load_task("takeaways").version,
    ]
    events = read_all(find_run(studio.workspace, run_id))
    prepared = next(event for event in events if event["event"] == "prepared")
    assert prepared["examples"] == 2 * len(split_task(studio.load_task(TASK_ID)).train)
    assert len(losses(events)) == 6
    assert {one.input for one in studio.test_set(run_id)} == {
        one.input for one in split_task(studio.load_task(TASK_ID)).test
    }


@pytest.mark.parametrize(
    ("mixture", "words"),
    [
        (mix((TASK_ID, 1)), "listed twice"),
        (mix(("takeaways", 1), ("takeaways", 2)), "listed twice"),
        (mix(("takeaways", 0)), "must be above 0"),
        (mix(("takeaways", -1)), "must be above 0"),
        ([{"task_id": "takeaways", "weight": "much"}], "mixture"),
        ([{"weight": 1}], "mixture"),
        ("takeaways", "mixture"),
        (mix(*((f"task{n}", 1.0) for n in range(21))), "at most 20"),
    ],
)
def test_a_mixture_that_can_not_be_is_refused_beside_its_field(
    studio: Studio, tiny_model: Path, mixture: Any, words: str
) -> None:
    with pytest.raises(RecipeError) as told:
        studio.start_run(write_recipe(tiny_model, mixture=mixture))
    assert tells(told.value, words) or tells(told.value.field, words)
    assert str(told.value.field).startswith("mixture")
    assert studio.list_runs() == []


def test_a_task_that_is_not_there_makes_no_run(studio: Studio, tiny_model: Path) -> None:
    with raises(NotFoundError, "gone"):
        studio.start_run(write_recipe(tiny_model, mixture=mix(("gone", 1))))
    with pytest.raises(StudioError, match="no version"):
        studio.estimate(
            write_recipe(tiny_model, mixture=[{"task_id": "takeaways", "task_version": "0" * 12, "weight": 1}])
        )
    assert studio.list_runs() == []


def test_the_page_offers_every_other_task_escaped(studio: Studio) -> None:
    html = draw_mixing(studio, {"task_id": TASK_ID})
    assert "<b>away" not in html and ">none<" in html and " open" not in html
    patches = [json.loads(unescape(found)) for found in re.findall(r'data-set="([^"]*)"', html)]
    assert {"recipe": {"mixture": mix(("takeaways", 0.5))}} in patches
    assert not any(part["task_id"] == TASK_ID for patch in patches for part in patch["recipe"]["mixture"])
    chosen = draw_mixing(studio, {"task_id": TASK_ID, "mixture": mix(("takeaways", 3))})
    assert "25 % of the examples" in chosen and " open" in chosen and "3 times as often" in chosen
    assert draw_mixing(studio, {}) == ""


@pytest.mark.parametrize("mixture", [None, 5, "x", [1], [{}], [{"task_id": 1, "weight": 1}], [{"task_id": "a"}]])
def test_what_a_link_may_say_of_a_mixture_breaks_nothing(studio: Studio, mixture: Any) -> None:
    assert find_weights(mixture) == {}
    assert ">none<" in draw_mixing(studio, {"task_id": TASK_ID, "mixture": mixture})
