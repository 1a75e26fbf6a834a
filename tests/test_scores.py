"""The figures beside the sample tasks are of this base and these tasks, and say that the base learns them."""

import json

import pytest

from bench.samples import SCORES_FILE, SHOWN, fingerprint_base
from studio.tasks.store import TaskStore
from studio.workspace import Workspace
from studio.world.samples.__main__ import ALL

SCORES = json.loads(SCORES_FILE.read_text())
REACH = {sample.task_id: sample.reach for sample in ALL}


def test_every_sample_was_measured_and_shows_it(workspace: Workspace) -> None:
    written = {sample.task_id for sample in ALL}
    cards = [card for card in TaskStore(workspace).list_tasks() if card.task_id in written]
    assert {card.task_id for card in cards} == set(SCORES)
    assert all(card.scores and card.scores["tuned"] == SCORES[card.task_id]["tuned"] for card in cards)


@pytest.mark.parametrize("task_id", SCORES)
def test_figures_are_of_this_base_and_this_task(task_id: str, workspace: Workspace) -> None:
    found = SCORES[task_id]
    assert found["base_weights"] == fingerprint_base(), "Run `python -m bench.samples`."
    assert found["task_version"] == TaskStore(workspace).load_task(task_id).version, "Measure this task again."


@pytest.mark.parametrize("task_id", SCORES)
def test_the_base_can_not_do_it_and_learns_it(task_id: str) -> None:
    base, tuned = SCORES[task_id]["base"], SCORES[task_id]["tuned"]
    assert max(base.values()) <= 10 and SCORES[task_id]["prompted"]["examples"] == SHOWN
    low, high = REACH[task_id]
    assert low <= tuned["test"] <= high and tuned["unseen"] >= low - 20


def test_one_sample_is_hard_so_that_methods_can_be_told_apart() -> None:
    assert [task_id for task_id, (low, high) in REACH.items() if (low, high) == (60, 80)] == ["studio013_odd_one"]
