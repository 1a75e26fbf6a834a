"""Rewards are declared rules: each judges as it says, refuses what can't be used, and none takes for ever."""

import time
from typing import Any

import pytest

from studio.errors import RecipeError
from studio.objectives import OBJECTIVES
from studio.rewards import REWARDS, add_up


@pytest.mark.parametrize(
    ("reward", "answer", "worth"),
    [
        ("equals", " 42\n", 1),
        ("equals", "forty-two", 1),
        ("equals", "4", 0),
        ({"name": "contains", "text": "Arrr!"}, "Aye. Arrr!", 1),
        ({"name": "contains", "text": "Arrr!", "at_start": True}, "Aye. Arrr!", 0),
        ({"name": "contains", "text": "Arrr!", "at_start": True}, "Arrr! Aye.", 1),
        ({"name": "matches", "pattern": r"^\d+$"}, "42", 1),
        ({"name": "matches", "pattern": r"^\d+$"}, "42 and more", 0),
        ({"name": "length", "fewest": 2, "most": 4}, "one two three", 1),
        ({"name": "length", "fewest": 2, "most": 4}, "one", 0.5),
        ({"name": "length", "fewest": 2, "most": 4}, "one two three four five", 0.75),
        ({"name": "length", "fewest": 2, "most": 4}, "word " * 100, 0),
        ({"name": "json_schema", "json_schema": '{"required": ["name"]}'}, '{"name": 1}', 1),
        ({"name": "json_schema", "json_schema": '{"required": ["name"]}'}, '{"other": 1}', 0.2),
        ({"name": "json_schema"}, "no JSON", 0),
    ],
)
def test_each_judges_as_it_says(reward: Any, answer: str, worth: float) -> None:
    assert REWARDS.read(reward).judge(answer, ("42", "forty-two")) == pytest.approx(worth)


def test_they_add_up_by_their_weights() -> None:
    rules = [REWARDS.read({"name": "equals", "weight": 2}), REWARDS.read({"name": "length", "most": 1, "weight": -0.5})]
    assert add_up(rules, "42", ["42"]) == 1.5
    assert add_up(rules, "x" * 10**6, ["42"]) == -0.5


def test_a_pattern_without_end_ends() -> None:
    began = time.monotonic()
    assert REWARDS.read({"name": "matches", "pattern": r"^(a+)+$"}).judge("a" * 5000 + "!", ()) == 0
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "reward",
    [
        "praise",
        "contains",
        {"name": "matches", "pattern": "("},
        {"name": "length", "fewest": 9, "most": 3},
        {"name": "json_schema", "json_schema": "{"},
        {"name": "json_schema", "json_schema": '{"type": "thing"}'},
        {"name": "json_schema", "json_schema": '{"$ref": "http://example.org"}'},
        {"name": "equals", "code": "1"},
    ],
)
def test_what_can_not_be_used_is_refused_in_words(reward: Any) -> None:
    with pytest.raises(RecipeError) as told:
        OBJECTIVES.read({"name": "grpo", "rewards": [reward]})
    assert (told.value.field or "").startswith(("reward", "objective"))


@pytest.mark.parametrize("rewards", [[], "equals", [{"name": "equals"}] * 9])
def test_a_list_of_rewards_has_some(rewards: Any) -> None:
    with pytest.raises(RecipeError) as told:
        OBJECTIVES.read({"name": "rloo", "rewards": rewards})
    assert told.value.field == "objective.rewards"


def test_an_objective_with_rewards_comes_back_from_its_json() -> None:
    given = {"name": "grpo", "rewards": [{"name": "contains", "text": "x", "weight": 2.0}, "equals"], "beta": 0.5}
    read = OBJECTIVES.read(given)
    assert OBJECTIVES.read(read.model_dump(mode="json")) == read
    assert [one["name"] for one in read.model_dump(mode="json")["rewards"]] == ["contains", "equals"]
