"""A reward model judges by hand as it did in training, and does nothing else; odd questions are refused in words."""

import zipfile
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from telling import tells
from tiny import import_task, losses, read_all, resume, train, train_quickly, write_recipe

from studio.errors import InputError, ModelError, StudioError
from studio.launchers.inline import InlineLauncher
from studio.models.reference import ModelRef
from studio.objectives import OBJECTIVES
from studio.rewards import Said
from studio.runs.run import Run
from studio.service import Studio
from studio.tasks.split import split_task
from studio.ui.steps.compare.ask_form import describe_run, list_others
from studio.ui.steps.compare.evidence_board import show_board
from studio.ui.steps.compare.judge_form import judge, look_at_judge
from studio.ui.steps.method.aims import draw_aims
from studio.workspace import Workspace

ROWS = [{"id": f"p{n}", "input": f"Count {n}", "output": [f"{n} and {n + 1}"], "rejected": f"no{n}"} for n in range(40)]
STEPS = 8


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> tuple[Studio, Run]:
    """A reward model on top of a run, and its studio."""
    workspace = Workspace(tmp_path_factory.mktemp("judge"))
    task = import_task(workspace, "pairs", Instances=ROWS, Studio={"kind": "preference", "format": "by hand"})
    start = train_quickly(workspace, tiny_model, task_id=task)
    recipe = write_recipe(f"run:{start.run_id}@4", task, objective="reward", training={"max_steps": STEPS})
    return Studio(workspace, launcher=InlineLauncher()), train(workspace, recipe)


def test_what_judges_is_what_was_trained(judged: tuple[Studio, Run]) -> None:
    """Read alone, padded on another side and without dropout, it tells the pairs apart as the last evaluation did."""
    house, run = judged
    assert read_all(run)[-1]["event"] == "finished", read_all(run)[-1]
    last = [event for event in read_all(run) if event["event"] == "evaluated"][-1]["measures"]
    task = house.load_task("pairs")
    validation = split_task(task, run.load_recipe().training.seed).validation
    with house.desk.open_judge(house.resolve_model(ModelRef(ref=f"run:{run.run_id}"))) as judging:
        asked = [judging.objective.write_question(task, one.input) for one in validation]
        better, worse = (
            judging.judge([Said(answer, (), one, task) for one, answer in zip(asked, answers, strict=True)])
            for answers in ([one.output[0] for one in validation], [one.rejected for one in validation])
        )
    leads = [one - other for one, other in zip(better, worse, strict=True)]
    assert sum(leads) / len(leads) == pytest.approx(last["margin"], abs=1e-3)
    assert sum(lead > 0 for lead in leads) / len(leads) == pytest.approx(last["accuracy"])
    assert last["longer_wins"] == 1
    assert house.desk.count_held() > 0 and house.desk.make_room() and house.desk.count_held() == 0


def test_the_page_shows_a_pair_and_its_numbers(judged: tuple[Studio, Run]) -> None:
    house, run = judged
    shown = look_at_judge(house, {"run": run.run_id, "index": -1})
    assert (shown["judges"], shown["steps"]) == (True, [4, STEPS])
    better, worse = judge(house, {"run": run.run_id, **shown["pair"], "step": None})["scores"]
    assert better > worse
    assert describe_run(house, run.run_id) == {"run": run.run_id, "judges": True}
    assert show_board(house, {"run": run.run_id}) == ""
    start = str(run.load_recipe().base.made and run.load_recipe().base.made.name)
    assert look_at_judge(house, {"run": start, "index": 0}) == {"judges": False}
    assert [one["name"].split(":")[0] for one in list_others(house, run.run_id)] == [Run.name_of(start)]


def test_answers_win_as_rules_and_reward_models_have_it(judged: tuple[Studio, Run]) -> None:
    house, run = judged
    start = run.load_recipe().model
    base = house.resolve_model(ModelRef(ref=start)).base.ref
    learnt = {"name": "learnt", "model": f"run:{run.run_id}"}
    for rewards in ([{"name": "length", "fewest": 3, "most": 3}], [learnt, {"name": "contains", "text": "no"}]):
        found = house.evidence.win_rate([base, start], "pairs", rewards)
        assert found.n == found.wins + found.losses + found.ties == len(house.test_set(run.run_id))
        assert found.rate is None or 0 <= found.low <= found.rate <= found.high <= 100  # type: ignore[operator]
        back = house.evidence.win_rate([start, base], "pairs", rewards)
        assert (back.wins, back.losses, back.before, back.after) == (
            found.losses,
            found.wins,
            found.after,
            found.before,
        )
    for odd in ([], "equals", [{"name": "learnt", "model": "run:nobody"}], [{"name": "learnt", "model": start}]):
        with pytest.raises(StudioError) as told:
            house.evidence.win_rate([base, start], "pairs", odd)
        assert (told.value.field or "").startswith("rewards")


def test_one_that_answers_does_not_judge(judged: tuple[Studio, Run]) -> None:
    house, run = judged
    start = str(run.load_recipe().base.made and run.load_recipe().base.made.name)
    with pytest.raises(ModelError) as told:
        house.judging.judge(start, "Count 3", ["3 and 4"])
    assert told.value.field == "model"


@pytest.mark.parametrize(
    ("prompt", "answers", "field"),
    [
        ("", ["x"], "prompt"),
        (7, ["x"], "prompt"),
        ("x", [], "answers"),
        ("x", "x", "answers"),
        ("x", [" "], "answers"),
        ("x", ["a\ud800"], "answers"),
    ],
)
def test_what_can_not_be_judged_is_refused(prompt: Any, answers: Any, field: str, judged: tuple[Studio, Run]) -> None:
    house, run = judged
    with pytest.raises(InputError) as told:
        house.judging.judge(run.run_id, prompt, answers)
    assert told.value.field == field


PPO: dict[str, Any] = {
    "name": "ppo",
    "watched": [{"name": "contains", "text": "n"}],
    "answer_tokens": 4,
    "group": 8,
}


@pytest.mark.long
def test_ppo_learns_from_what_was_learnt(judged: tuple[Studio, Run]) -> None:
    """A start, its judge, PPO: as much worth as the judge says of the very answers, which says at the end who wins, and
    again the same after a kill.
    """
    house, run = judged
    start = run.load_recipe().model
    objective = {**PPO, "rewards": [{"name": "learnt", "model": f"run:{run.run_id}", "weight": 2}], "watched": []}
    training = {"sample_every": STEPS, "measures_itself": True}
    recipe = write_recipe(start, "pairs", objective=objective, training=training)
    pinned = house.read_recipe(recipe)
    assert pinned.objective.list_models() == (f"run:{run.run_id}@{STEPS}",)
    assert house.estimate(recipe).memory["reward models"] > 0
    tuned = train(house.workspace, pinned.to_json())
    assert read_all(tuned)[-1]["event"] == "finished", read_all(tuned)[-1]
    told = [event["measures"] for event in read_all(tuned) if event["event"] == "metrics"]
    assert len({one["reward"] for one in told}) > 1
    (won,) = (event for event in read_all(tuned) if event.get("part") == "drawn")
    assert won["n"] >= 4 and run.name in won["note"] and "run:" not in won["note"]
    (sampled,) = (event["samples"] for event in read_all(tuned) if event["event"] == "sampled")
    for one in sampled:
        for side in ("base", "tuned"):
            (score,) = house.judging.judge(run.run_id, one["input"], [one[side] or "\u200b"]).scores
            assert not one[side] or one["worth"][side] == pytest.approx(2 * (score or 0), abs=2e-3)
    whole = losses(read_all(tuned))
    tuned.forget_checkpoint(STEPS)
    again = resume(house.workspace, tuned)
    assert losses(again) == {step: loss for step, loss in whole.items() if step > 4} and len(losses(again)) == 4


def test_a_reward_that_tells_nothing_apart_is_refused_before_anything_is_measured(judged: tuple[Studio, Run]) -> None:
    house, run = judged
    objective = {**PPO, "rewards": [{"name": "contains", "text": "no answer has this"}]}
    read = house.read_recipe(write_recipe(run.load_recipe().model, "pairs", objective=objective))
    *events, told = read_all(train(house.workspace, read.to_json()))
    assert told["event"] == "failed" and told["step"] == 0 and "128 answers" in told["error"]
    assert {event["event"] for event in events} == {"started", "phase"}


def test_it_leaves_as_an_adapter_with_its_head_and_as_nothing_that_answers(judged: tuple[Studio, Run]) -> None:
    house, run = judged
    offered = {one.form: one.refusal for one in house.exports.list_forms(f"run:{run.run_id}@{STEPS}")}
    assert not offered["adapter"] and not offered["recipe"] and offered["merged"] and offered["gguf"]
    with zipfile.ZipFile(house.exports.export(f"run:{run.run_id}@{STEPS}", "adapter")) as packed:
        assert "reward_head.safetensors" in {Path(name).name for name in packed.namelist()}


@pytest.mark.parametrize("model", ["start", "run:nobody"])
def test_a_reward_that_is_no_judge_is_refused(model: str, judged: tuple[Studio, Run]) -> None:
    house, run = judged
    address = run.load_recipe().model if model == "start" else model
    objective = {**PPO, "rewards": [{"name": "learnt", "model": address}]}
    with pytest.raises(StudioError) as told:
        house.read_recipe(write_recipe(run.load_recipe().model, "pairs", objective=objective))
    assert told.value.field == "objective.rewards"


def test_the_page_offers_what_a_task_allows(judged: tuple[Studio, Run]) -> None:
    house, run = judged
    drawn = draw_aims(house, {"task_id": "pairs", "objective": {"name": "ppo"}})
    assert all(OBJECTIVES.find(name).title in drawn for name in ("dpo", "reward", "sft", "grpo"))
    assert f"run:{run.run_id}@{STEPS}" in drawn and OBJECTIVES.find("kto").title not in drawn
    drawn = draw_aims(house, {"task_id": "pairs", "objective": {"name": "dpo"}})
    assert "rewards-label" not in drawn and 'data-of="objective.watched"' in drawn
    assert "objective.watched" not in draw_aims(house, {"task_id": "pairs", "objective": {"name": "reward"}})
    assert draw_aims(house, {"task_id": "nothing"}) == ""


def test_an_answer_without_room_has_no_number(judged: tuple[Studio, Run]) -> None:
    house, run = judged
    short, long = house.judging.judge(run.run_id, "Count 3", ["3 and 4", "3 and 4 " * 200]).scores
    assert short is not None and long is None


def test_one_whose_weights_are_no_numbers_says_so(judged: tuple[Studio, Run]) -> None:
    house, run = judged
    head = run.find_checkpoint(4) / "reward_head.safetensors"
    save_file({name: weight * float("nan") for name, weight in load_file(head).items()}, head)
    with pytest.raises(ModelError) as told:
        house.judging.judge(run.run_id, "Count 3", ["3 and 4"], step=4)
    assert told.value.field == "model" and tells(str(told.value), "NaN")


def test_its_head_can_not_be_read(judged: tuple[Studio, Run]) -> None:
    house, run = judged
    head = run.find_checkpoint(4) / "reward_head.safetensors"
    head.unlink()
    with pytest.raises(ModelError) as told:
        house.judging.judge(run.run_id, "Count 3", ["3 and 4"], step=4)
    assert told.value.field == "model"
