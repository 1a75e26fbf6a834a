"""What a run of any objective promises: it takes its kinds and refuses others in words, what it measures streams and
gets better, it goes on as if it had never stopped, its estimate counts its rows, and what it made answers.

The cases are the registry's own: an objective that is added is tried here.
"""

import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tiny import import_task, kinds, losses, read_all, resume, train, write_recipe

from studio.errors import ModelError, StudioError, TaskError
from studio.launchers.inline import InlineLauncher
from studio.objectives import OBJECTIVES, find_measures
from studio.objectives.card import list_fitting
from studio.runs.run import Run
from studio.service import Studio
from studio.tasks.kinds import KINDS
from studio.workspace import Workspace

STEPS, MIDDLE, COUNT = 8, 4, 40
TASKS: dict[str, list[dict[str, Any]]] = {
    "instruction": [{"input": f"Count {n}", "output": [f"{n} and {n + 1}"]} for n in range(COUNT)],
    "preference": [{"input": f"Count {n}", "output": [f"{n} and {n + 1}"], "rejected": f"no{n}"} for n in range(COUNT)],
    "rating": [
        {"input": f"Count {n}", "output": [f"{n} and {n + 1}" if n % 2 else f"no{n}"], "liked": bool(n % 2)}
        for n in range(COUNT)
    ],
    "text": [{"input": "", "output": [f"Number {n} comes before {n + 1}. It does."]} for n in range(COUNT)],
}
"""Of each kind that an objective prefers, a task; a byte of it is a token of the tiny model."""


LABELLED = [{"input": f"{('ham', 'zoo')[n % 2]} {n}", "output": [("food", "place")[n % 2]]} for n in range(COUNT)]
"""What is learnt from by who tells classes apart."""
REWARDED: dict[str, Any] = {
    "rewards": [{"name": "matches", "pattern": "[a-z]"}],
    "watched": [{"name": "length", "most": 4}],
    "answer_tokens": 4,
    "group": 64,
    "beta": 0.01,
}
"""What is set of an objective that has rewards: the tiny model writes a small letter now and then."""


MORE: dict[str, Any] = {"ppo": {"target": 0.5}}
"""What is set of one objective alone: beta changes at each step, and goes on changing after a stop."""


LATER = ("grpo", "rloo")
"""What learns by the loop of PPO comes with `make long`; its losses are tried beside TRL's, and at a known best."""
each_objective = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long if name in LATER else ()) for name in OBJECTIVES.members]
)


def is_rewarded(name: str) -> bool:
    """Return whether an objective learns from answers that are written while it trains."""
    return "samples" in OBJECTIVES.find(name).needs


class Trained(NamedTuple):
    """A run of an objective, and where it lies."""

    workspace: Workspace
    run: Run


def find_kind(name: str) -> str:
    """Return the first kind of data that an objective learns from."""
    return next(kind.name for kind in KINDS.members.values() if OBJECTIVES.find(name).learns_from(kind))


def find_task(name: str) -> str:
    """Return the task that an objective is tried on."""
    return "labelled" if name == "setfit" else find_kind(name)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Callable[[str], Trained]:
    """A function that trains eight steps of an objective, once, with a look at the validation part in the middle."""
    workspace = Workspace(tmp_path_factory.mktemp("objectives"))
    for task, rows in {**TASKS, "labelled": LABELLED}.items():
        rows = [{"id": f"{task}-{n}", **row} for n, row in enumerate(rows)]
        kind = task if task in TASKS else "instruction"
        import_task(workspace, task, Instances=rows, Studio={"kind": kind, "format": "by hand"})

    @lru_cache
    def find(name: str) -> Trained:
        training: dict[str, Any] = {"max_length": 64, "sample_every": STEPS}
        training |= {"learning_rate": 0.1} if is_rewarded(name) else {}
        training |= {"batch_size": 16} if name == "setfit" else {}  # of fewer pairs, chance says how many are alike
        objective = {"name": name, **(REWARDED if is_rewarded(name) else {}), **MORE.get(name, {})}
        recipe = write_recipe(tiny_model, find_task(name), objective=objective, training=training)
        return Trained(workspace, train(workspace, recipe))

    return find


@pytest.fixture(scope="module")
def house(trained: Callable[[str], Trained]) -> Studio:
    """The studio of those runs; it starts no process."""
    return Studio(trained("sft").workspace, launcher=InlineLauncher())


def list_told(run: Run, event: str) -> list[dict[str, Any]]:
    """Return what is measured in each event of a kind, the loss among it."""
    return [{"loss": one["loss"], **one.get("measures", {})} for one in read_all(run) if one["event"] == event]


@pytest.mark.soon(5)
@each_objective
def test_it_measures_what_it_declares_and_gets_better(name: str, trained: Callable[[str], Trained]) -> None:
    run = trained(name).run
    assert kinds(run)[-1] == "finished", read_all(run)[-1]
    declared = {measure.name for measure in find_measures(run.load_recipe().to_json()["objective"])}
    steps, looks = list_told(run, "metrics"), list_told(run, "evaluated")
    assert len(steps) == STEPS and len(looks) == 2
    assert set().union(*steps) == declared == set().union(*looks)
    chooser = OBJECTIVES.find(name).find_chooser()
    if not is_rewarded(name):  # of so few answers, chance says which of two looks is better
        assert chooser.is_better(looks[1][chooser.name], looks[0][chooser.name])
    assert chooser.is_better(steps[-1][chooser.name], steps[0][chooser.name])


@pytest.mark.soon(3)
@pytest.mark.parametrize("name", OBJECTIVES.members)
def test_it_goes_on_as_if_it_had_never_stopped(name: str, trained: Callable[[str], Trained]) -> None:
    workspace, whole = trained(name)
    run = Run(workspace.runs / f"{whole.run_id}-again")
    shutil.copytree(whole.folder, run.folder)
    run.forget_checkpoint(STEPS)
    events = resume(workspace, run)
    shutil.rmtree(run.folder)
    assert events[-1]["event"] == "finished" and events[0]["resumed_from"] == MIDDLE
    assert losses(events) == {step: loss for step, loss in losses(read_all(whole)).items() if step > MIDDLE}


@each_objective
def test_other_kinds_are_refused_in_words(name: str, trained: Callable[[str], Trained], house: Studio) -> None:
    recipe = trained(name).run.load_recipe().to_json()
    for kind in TASKS:
        if name in list_fitting(kind):
            continue
        with pytest.raises(TaskError) as told:
            house.estimate({**recipe, "task_id": kind, "task_version": None})
        assert told.value.field == "task_id" and KINDS.find(kind).words in str(told.value)


def answer(house: Studio, run: Run) -> None:
    """Ask it something; it showed answers on the way."""
    (sampled,) = (event for event in read_all(run) if event["event"] == "sampled")
    told = {"input", "wanted", "base", "tuned"} | (
        {"worth"} if is_rewarded(run.load_recipe().objective.name) else set()
    )
    assert told == set(sampled["samples"][0]) and sampled["samples"][0]["input"]
    answers = house.ask(run.run_id, "Count 3", max_tokens=4)
    assert answers.step == STEPS


def judge(house: Studio, run: Run) -> None:
    """Let it judge two answers; it writes none, and nothing is trained on top of it."""
    found = house.judging.judge(run.run_id, "Count 3", ["3 and 4", "no3"])
    assert found.model == f"run:{run.run_id}@{STEPS}"
    better, worse = found.scores
    assert better is not None and worse is not None and better > worse + 0.01
    for use in (
        lambda: house.ask(run.run_id, "Count 3"),
        lambda: house.scores.score(run.run_id, "test", None),
        lambda: house.read_recipe({**run.load_recipe().to_json(), "model": f"run:{run.run_id}"}),
        lambda: house.evidence.read([f"run:{run.run_id}"], "preference"),
    ):
        with pytest.raises(ModelError) as told:
            use()
        assert run.name in str(told.value) and told.value.field in ("model", "run_id", "checkpoints")


USES: dict[str, Callable[[Studio, Run], None]] = {"answer": answer, "judge": judge}
"""What is done with a run's model, by what its objective makes."""


@pytest.mark.soon(7)
@each_objective
def test_what_it_made_answers_and_is_estimated(name: str, trained: Callable[[str], Trained], house: Studio) -> None:
    run = trained(name).run
    USES[OBJECTIVES.find(name).makes](house, run)
    estimate = house.estimate(run.load_recipe().to_json())
    counted = next(event for event in read_all(run) if event["event"] == "counted")
    prepared = next(event for event in read_all(run) if event["event"] == "prepared")
    assert (estimate.trainable, estimate.total) == (counted["trainable"], counted["total"])
    assert abs(estimate.examples - prepared["examples"]) <= max(1, 0.3 * prepared["examples"])


def test_a_pair_costs_two_rows_and_a_look_before_the_first_step(
    trained: Callable[[str], Trained], house: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.estimates.time import Speed

    monkeypatch.setattr("studio.estimates.estimate.load_speed", lambda *_: Speed(1e9, 0.0))
    recipe = trained("dpo").run.load_recipe().to_json()
    found = {name: house.estimate({**recipe, "objective": name}) for name in ("sft", "simpo", "dpo")}
    rows = {name: one.memory["activations"] + one.memory["logits"] for name, one in found.items()}
    assert rows["simpo"] == rows["dpo"] > 1.5 * rows["sft"]
    seconds = {name: one.seconds or 0.0 for name, one in found.items()}
    assert seconds["dpo"] > seconds["simpo"] > 1.5 * seconds["sft"] > 0


@pytest.mark.parametrize(
    ("name", "kind", "changes", "fact"),
    [
        ("dpo", "preference", {"rejected": "the same", "output": ["the same"]}, "same"),
        ("kto", "rating", {"liked": True}, "liked"),
        ("kto", "rating", {"liked": False}, "disliked"),
    ],
)
def test_a_task_that_compares_nothing_is_refused(
    name: str, kind: str, changes: dict[str, Any], fact: str, trained: Callable[[str], Trained], house: Studio
) -> None:
    rows = [{"id": f"x{n}", **row, **changes} for n, row in enumerate(TASKS[kind])]
    task = import_task(house.workspace, f"even_{fact}", Instances=rows, Studio={"kind": kind, "format": "by hand"})
    with pytest.raises(StudioError) as told:
        house.estimate({**trained(name).run.load_recipe().to_json(), "task_id": task, "task_version": None})
    assert told.value.field == "task_id" and fact in str(told.value)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"method": "full"}, "method.name"),
        ({"method": "prompt"}, "method.name"),
        ({"objective": "ppo", "training": {"gradient_accumulation": 2}}, "training.gradient_accumulation"),
        ({"objective": {"name": "ppo", "answer_tokens": 1}}, "objective.rewards"),  # no output is so short
    ],
)
def test_what_can_not_be_learnt_from_answers_is_refused(
    changes: dict[str, Any], field: str, trained: Callable[[str], Trained], house: Studio
) -> None:
    with pytest.raises(StudioError) as told:
        house.estimate({**trained("grpo").run.load_recipe().to_json(), **changes})
    assert told.value.field == field
