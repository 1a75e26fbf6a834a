"""Which way? Each answer leads somewhere with a reason, and not to tune is one of the ways."""

from pathlib import Path
from typing import Any

import pytest
from tiny import write_recipe

from studio.errors import InputError, NotFoundError
from studio.objectives import OBJECTIVES
from studio.recipes.recipe import read_recipe
from studio.recipes.which_way import Answers, choose_way, read_answers
from studio.service.advice import advise
from studio.tasks.store import TaskCard


@pytest.mark.parametrize(
    ("given", "answer", "objective"),
    [
        ({"labelled": True}, "tune", "sft"),
        ({"labelled": True, "facts": True}, "tune", "sft"),
        ({"labelled": True, "few_labels": True}, "tune", "setfit"),
        ({"preferences": True, "labelled": True}, "tune", "dpo"),
        ({"preferences": True, "own_answers": True}, "tune", "reward"),
        ({"rule": True}, "tune", "grpo"),
        ({"rule": True, "labelled": True}, "tune", "sft"),
        ({"ratings": True}, "tune", "kto"),
        ({"raw_text": True}, "tune", "pretrain"),
        ({"raw_text": True, "facts": True}, "retrieve", None),
        ({"labelled": True, "prompt_works": True}, "prompt", None),
        ({}, "label", None),
    ],
)
def test_each_answer_leads_somewhere(
    given: dict[str, Any], answer: str, objective: str | None, tiny_model: Path
) -> None:
    way = choose_way(read_answers(given), "bf16")
    assert (way.answer, way.objective) == (answer, objective) and len(way.reason) > 40
    assert bool(way.recipe) == (answer == "tune")
    if objective:
        assert way.title == OBJECTIVES.find(objective).title and way.precision == "bf16"
        read = read_recipe({**write_recipe(tiny_model), **way.recipe})
        assert read.objective.name == objective
        assert read.model == ("encoder" if objective == "setfit" else write_recipe(tiny_model)["model"])


def test_what_was_measured_is_told() -> None:
    scores = {"prompted": {"examples": 4, "test": 96.0}}
    card = TaskCard(task_id="x", title="X", instances=3, source="sample", version="a", scores=scores)
    told = advise({"labelled": True, "task_id": "x"}, [card], "fp32")
    assert told.answer == "prompt" and "96 %" in told.reason
    assert advise({"labelled": True}, [card], "fp32").answer == "tune"
    with pytest.raises(NotFoundError) as raised:
        advise({"task_id": "y"}, [card], "fp32")
    assert raised.value.field == "task_id"


@pytest.mark.parametrize("given", [None, [], "labelled", {"labelled": 3}, {"tuned": True}, {"task_id": 5}])
def test_odd_answers_are_refused_in_words(given: object) -> None:
    with pytest.raises(InputError) as raised:
        read_answers(given)
    assert raised.value.field


def test_the_page_shows_every_case() -> None:
    from studio.ui.steps.data.which_way import CASES, draw_which_way

    drawn = draw_which_way("fp32")
    assert drawn.count("<li") == len(CASES) and drawn.count("data-set") == 7
    assert {choose_way(case).answer for case in CASES} == {"tune", "prompt", "retrieve"}
    assert all(isinstance(case, Answers) for case in CASES)
