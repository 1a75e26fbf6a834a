"""Rewards are declared rules: each judges as it says, refuses what can't be used, and none takes for ever."""

import time
from collections.abc import Sequence
from typing import Any

import pytest

from studio.errors import RecipeError
from studio.objectives import OBJECTIVES, find_measures
from studio.rewards import REWARDS, Said, add_up
from studio.tasks.dialogue import Dialogue
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.task import Task


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
    asked = Dialogue(({"role": "user", "content": "40 + 2"},), (False,))
    task = Task(task_id="sums", definition="Add.", instances=(Instruction(id="a", input="40 + 2", output=("42",)),))
    said = [Said(answer, ("42",), asked, task) for answer in ANSWERS]
    assert add_up(rules, said, {}) == [1.5, -0.5]
    learnt = REWARDS.read({"name": "learnt", "model": "run:brave-otter@40", "weight": 0.5})
    assert add_up([*rules, learnt], said, {"run:brave-otter@40": Counting()}) == [2.5, -0.5]


ANSWERS = ("42", "x" * 10**6)


class Counting:
    """Stands in for a reward model: letters, and no number for what is too long."""

    def judge(self, said: Sequence[Said]) -> list[float]:
        return [float(len(one.answer)) if len(one.answer) < 100 else float("nan") for one in said]


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
        {"name": "matches", "pattern": "(" * 450 + ")" * 450},
        {"name": "length", "fewest": 9, "most": 3},
        {"name": "json_schema", "json_schema": "{"},
        {"name": "json_schema", "json_schema": '{"type": "thing"}'},
        {"name": "json_schema", "json_schema": '{"$ref": "http://example.org"}'},
        {"name": "equals", "code": "1"},
        "learnt",
        {"name": "learnt", "model": "builtin"},
        {"name": "learnt", "model": "merge:calm-heron"},
    ],
)
def test_what_can_not_be_used_is_refused_in_words(reward: Any) -> None:
    with pytest.raises(RecipeError) as told:
        OBJECTIVES.read({"name": "grpo", "rewards": [reward]})
    assert (told.value.field or "").startswith(("reward", "objective"))


def test_its_models_are_pinned_and_what_is_watched_is_told() -> None:
    given = {
        "rewards": ["equals", {"name": "learnt", "model": "run:a"}],
        "watched": [{"name": "learnt", "model": "run:b"}],
    }
    read = OBJECTIVES.read({"name": "ppo", **given})
    assert read.list_models() == ("run:a", "run:b")
    assert read.pin(lambda ref: f"{ref}@7").list_models() == ("run:a@7", "run:b@7")
    assert "watched" in [one.name for one in find_measures(read.model_dump(mode="json"))]
    assert "watched" not in [one.name for one in find_measures({"name": "ppo", "watched": []})]


@pytest.mark.parametrize(
    ("rule", "is_refused"),
    [
        ({"name": "length", "fewest": 0, "most": 9_999}, True),
        ({"name": "matches", "pattern": ".*"}, True),
        ({"name": "contains", "text": "nowhere"}, False),  # a start may know what the task doesn't
        ("equals", False),
        (["equals", {"name": "equals", "weight": -1}], True),  # 0 for all
        ([{"name": "contains", "text": "x"}, {"name": "contains", "text": "x", "weight": -1}], True),
        ({"name": "contains", "text": " Arrr", "at_start": True}, True),  # no answer begins with a blank
        ({"name": "contains", "text": "Arrr ", "at_start": True}, False),
        ({"name": "json_schema", "json_schema": "false"}, False),  # JSON is worth more than what is none
        ({"name": "matches", "pattern": "^Arrr"}, False),  # nobody knows what a pattern would match
        ([{"name": "matches", "pattern": "^Arrr"}, {"name": "length", "fewest": 0, "most": 9_999}], False),
        ([{"name": "matches", "pattern": "^Arrr", "weight": 0}, {"name": "length", "fewest": 0, "most": 9_999}], True),
        ([{"name": "learnt", "model": "run:a"}, {"name": "length", "fewest": 0, "most": 9_999}], False),
    ],
)
def test_what_tells_no_answer_from_another_is_refused_before_a_run(rule: Any, is_refused: bool) -> None:
    task = Task(task_id="sums", definition="Add.", instances=(Instruction(id="a", input="40 + 2", output=("42",)),))
    objective = OBJECTIVES.read({"name": "grpo", "rewards": rule if isinstance(rule, list) else [rule]})
    if not is_refused:
        return objective.check_task(task)
    with pytest.raises(RecipeError) as told:
        objective.check_task(task)
    assert told.value.field == "objective.rewards"


def test_answers_that_are_cut_before_they_can_be_right_are_refused_before_a_run() -> None:
    asked = Instruction(id="a", input="Say much.", output=("word " * 50,))
    task = Task(task_id="much", definition="Write.", instances=(asked,))
    objective = OBJECTIVES.read({"name": "grpo", "answer_tokens": 32})
    objective.check_answers(task, 34)
    with pytest.raises(RecipeError) as told:
        objective.check_answers(task, 51)
    assert told.value.field == "objective.rewards" and {"32", "51"} <= set(str(told.value).replace(",", "").split())
    either = task.model_copy(update={"instances": (asked.model_copy(update={"output": (*asked.output, "word")}),)})
    objective.check_answers(either, 51)
    OBJECTIVES.read({"name": "grpo", "rewards": ["equals", "length"]}).check_answers(task, 51)


@pytest.mark.parametrize("rewards", [[], "equals", [{"name": "equals"}] * 9, [{"name": "equals", "weight": 0}]])
def test_a_list_of_rewards_has_some(rewards: Any) -> None:
    with pytest.raises(RecipeError) as told:
        OBJECTIVES.read({"name": "rloo", "rewards": rewards})
    assert told.value.field == "objective.rewards"


def test_an_objective_with_rewards_comes_back_from_its_json() -> None:
    given = {"name": "grpo", "rewards": [{"name": "contains", "text": "x", "weight": 2.0}, "equals"], "beta": 0.5}
    read = OBJECTIVES.read(given)
    assert OBJECTIVES.read(read.model_dump(mode="json")) == read
    assert [one["name"] for one in read.model_dump(mode="json")["rewards"]] == ["contains", "equals"]


def test_each_rule_is_a_part_of_the_form_and_says_where_it_is_wrong() -> None:
    from studio.ui.steps.method.rules import draw_rules

    given = [{"name": "contains", "text": "<b>"}, "equals", {"name": "learnt", "model": "run:a@1"}]
    drawn = draw_rules("objective.rewards", given, [("run:a@1", "calm-heron")], "what is rewarded")
    assert drawn.count("data-rule=") == 3 and drawn.count("data-rule-out=") == 3 and "<b>" not in drawn
    assert 'data-path="objective.rewards.0.text"' in drawn and 'data-path="objective.rewards.1.weight"' in drawn
    assert "What calm-heron says" in drawn and "objective.rewards.2.model" not in drawn
    offered = drawn.partition("<select data-rule-add")[2]
    assert all(f"&quot;{name}&quot;" in offered for name in REWARDS.members)
    assert "data-rule=" not in draw_rules("objective.watched", "odd", [], "what is watched")
    with pytest.raises(RecipeError) as told:
        OBJECTIVES.read({"name": "grpo", "rewards": ["equals", {"name": "matches", "pattern": "("}]})
    assert told.value.field == "objective.rewards.1.pattern"


def test_what_the_loss_and_an_even_group_say_is_said_of_each_objective_as_it_is() -> None:
    def find(name: str, measure: str) -> str:
        return next(one.says for one in OBJECTIVES.find(name).measures if one.name == measure)

    for name in ("grpo", "rloo"):
        assert "near 0" in find(name, "loss") and "teach nothing" in find(name, "silent_groups")
    assert "second network" in find("ppo", "loss") and "near 0" not in find("ppo", "loss"), "it values tokens, too"
    assert "nothing:" not in find("ppo", "silent_groups"), "it compares with what it expected, and not with a group"
