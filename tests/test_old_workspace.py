"""What an older edition left on the disk is read as it was meant: tasks, labels, votes, runs in every state.

`tests/old_workspace/README.md` says who wrote it. Nothing of it may be lost, and what could go on goes on.
"""

import shutil
from pathlib import Path

import pytest
from tiny import read_all, resume

from studio.runs.run import Run, find_run
from studio.service import Studio
from studio.workspace import Workspace

OLD = Path(__file__).parent / "old_workspace" / "workspace"


@pytest.fixture
def studio(tmp_path: Path, tiny_model: Path) -> Studio:
    """A studio of today on a copy, whose model is where its recipes say."""
    folder = Path(shutil.copytree(OLD, tmp_path / "workspace"))
    for path in folder.rglob("*.json*"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("@model@", str(tiny_model)).replace("@workspace@", str(folder)), encoding="utf-8")
    return Studio(Workspace(folder))


def find(studio: Studio, status: str) -> Run:
    """Return the one run of that status."""
    (run_id,) = [run.run_id for run in studio.list_runs() if run.status == status]
    return find_run(studio.workspace, run_id)


def test_its_runs_have_the_states_they_had(studio: Studio) -> None:
    runs = {run.status: run for run in studio.list_runs()}
    assert runs.keys() == {"finished", "stopped", "failed", "lost", "queued"}
    assert {status: run.step for status, run in runs.items()} == {
        "finished": 4, "stopped": 2, "failed": 0, "lost": 2, "queued": 0,
    }  # fmt: skip
    assert {status: run.checkpoints for status, run in runs.items() if run.checkpoints} == {
        "finished": [4], "stopped": [2], "lost": [2],
    }  # fmt: skip
    assert runs["failed"].error and runs["finished"].loss and runs["finished"].held_out_loss
    assert [run.can_resume for run in (runs["stopped"], runs["lost"])] == [True, True]
    for run in runs.values():
        assert run.title and run.sentence


def test_its_recipes_are_read_whole(studio: Studio, tiny_model: Path) -> None:
    for run in studio.list_runs():
        recipe = find_run(studio.workspace, run.run_id).load_recipe()
        assert (recipe.model, recipe.task_id) == (str(tiny_model), "tiny_sums")
        assert recipe.method.rank == 1 and recipe.training.batch_size == 4  # type: ignore[attr-defined]


def test_its_tasks_are_of_the_kinds_they_were(studio: Studio) -> None:
    tasks = {card.task_id: studio.load_task(card.task_id) for card in studio.list_tasks() if card.source == "yours"}
    assert {name: len(task.instances) for name, task in tasks.items()} == {
        "tiny_sums": 20, "chats": 6, "pairs": 6, "ratings": 6, "texts": 6,
    }  # fmt: skip
    assert [turn.content for turn in tasks["chats"].instances[0].messages] == ["Say 0.", "0!"]
    assert (tasks["pairs"].instances[1].output, tasks["pairs"].instances[1].rejected) == (("2",), "No.")
    assert [instance.liked for instance in tasks["ratings"].instances[:2]] == [True, False]
    assert tasks["texts"].instances[0].output[0].startswith("There were once 2 sums")
    assert tasks["tiny_sums"].title == "Sums of old"


def test_its_labels_and_votes_are_there(studio: Studio) -> None:
    labels = studio.labels.read_labels("tiny_sums")
    assert {person: [label.output for label in given.values()] for person, given in labels.items()} == {
        "ada": ["7", "7", "7"], "ben": ["8", "7", "7"],
    }  # fmt: skip
    together = studio.labels.look_together("tiny_sums")
    assert list(together.settled.values()) == ["8"]
    assert len(studio.labels.list_versions("tiny_sums")) == 2
    votes = studio.count_votes(find(studio, "finished").run_id)
    assert (votes.base, votes.same, votes.tuned, votes.models) == (0, 1, 1, ())


def test_what_was_lost_goes_on_from_its_checkpoint(studio: Studio) -> None:
    run = find(studio, "lost")
    whole = find(studio, "finished")
    events = resume(studio.workspace, run)
    assert (events[0]["resumed_from"], events[-1]["event"], events[-1]["step"]) == (2, "finished", 4)
    kept = {event["step"] for event in read_all(whole) if event["event"] == "metrics"}
    assert {event["step"] for event in events if event["event"] == "metrics"} == {step for step in kept if step > 2}


def test_what_was_tuned_answers(studio: Studio) -> None:
    answers = studio.ask(find(studio, "finished").run_id, "1 + 1", max_tokens=4)
    assert answers.done and answers.step == 4
