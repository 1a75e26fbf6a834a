"""The desk: two answers to one question, one question at a time, and every wrong question in words."""

import re
import threading
from pathlib import Path
from typing import Any

import pytest
from telling import raises, tells
from tiny import TASK_ID, import_task, make_runs, train_quickly, wait_until

from studio.answering.columns import Columns
from studio.answering.desk import Answers, Desk
from studio.errors import DeviceError, InputError, ModelError, NotFoundError, StudioError
from studio.evidence.score import score_run
from studio.runs.run import Run, find_run
from studio.tasks.store import TaskStore
from studio.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the task of sums."""
    workspace = Workspace(tmp_path_factory.mktemp("chat"))
    import_task(workspace)
    return workspace


@pytest.fixture(scope="module")
def runs(workspace: Workspace, tiny_model: Path) -> dict[str, Run]:
    """One run of each kind, and a second adapter on other layers."""
    return make_runs(workspace, tiny_model)


@pytest.fixture
def desk(workspace: Workspace) -> Desk:
    """A desk with nothing loaded."""
    return Desk(workspace)


def test_both_sides_see_the_prompt_that_was_trained_with(
    desk: Desk, runs: dict[str, Run], workspace: Workspace
) -> None:
    answers = desk.ask(runs["lora"], "40 + 2", max_tokens=8)
    assert answers.prompt == "Definition: Add the numbers.\nInput: 40 + 2\nOutput:"
    assert answers.done and answers.step == 4 and answers.seconds >= 0 and answers.note == ""
    assert desk.ask(runs["lora"], "40 + 2", max_tokens=8, step=2).step == 2


@pytest.mark.parametrize("name", ["lora", "full", "nf4"])
def test_streams_grow_into_the_answer(desk: Desk, runs: dict[str, Run], name: str) -> None:
    seen = list(desk.stream(runs[name], "40 + 2", max_tokens=24))
    assert [answers.done for answers in seen] == [False] * (len(seen) - 1) + [True]
    asked = desk.ask(runs[name], "40 + 2", max_tokens=24)
    assert (seen[-1].base, seen[-1].tuned) == (asked.base, asked.tuned)


def test_a_seed_gives_the_same_answers_again(desk: Desk, runs: dict[str, Run]) -> None:
    def ask(seed: int, temperature: float) -> tuple[str, str]:
        answers = desk.ask(runs["lora"], "40 + 2", max_tokens=16, seed=seed, temperature=temperature)
        return answers.base, answers.tuned

    assert ask(1, 1.0) == ask(1, 1.0) != ask(2, 1.0)
    assert ask(1, 0.0) == ask(2, 0.0)


def test_an_adapter_of_no_strength_answers_as_the_base_and_is_whole_again_after(
    desk: Desk, runs: dict[str, Run]
) -> None:
    usual = desk.ask(runs["lora"], "40 + 2", max_tokens=16)
    without = desk.ask(runs["lora"], "40 + 2", max_tokens=16, strength=0.0)
    assert without.tuned == without.base == usual.base
    half_read = desk.stream(runs["lora"], "40 + 2", max_tokens=400, strength=0.0)
    next(half_read)
    half_read.close()
    assert desk.ask(runs["lora"], "40 + 2", max_tokens=16).tuned == usual.tuned != usual.base
    with raises(InputError, field="strength"):
        desk.ask(runs["full"], "40 + 2", max_tokens=4, strength=0.5)


def test_answers_hold_no_special_tokens(desk: Desk, runs: dict[str, Run]) -> None:
    for seed in range(5):
        answers = desk.ask(runs["lora"], "40 + 2", max_tokens=64, seed=seed, temperature=2.0)
        for text in (answers.base, answers.tuned):
            assert not any(token in text for token in ("<s>", "</s>", "<pad>", "<unk>"))
            assert text == text.strip()


def test_a_stream_that_is_closed_half_way_frees_the_desk(desk: Desk, runs: dict[str, Run]) -> None:
    stream = desk.stream(runs["lora"], "40 + 2", max_tokens=400)
    assert not next(stream).done
    with pytest.raises(StopIteration):
        stream.close()
        next(stream)
    before = desk._pair
    assert desk.ask(runs["lora"], "40 + 2", max_tokens=4).done
    assert desk._pair is before  # what was loaded is kept


def test_one_question_at_a_time(desk: Desk, runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = desk.stream(runs["lora"], "40 + 2", max_tokens=400)
    next(stream)
    with monkeypatch.context() as patch:
        patch.setattr("studio.answering.desk.PATIENCE_SECONDS", 0.01)
        with pytest.raises(DeviceError):
            desk.ask(runs["lora"], "2 + 2")
    answered: list[Answers] = []
    waiting = threading.Thread(target=lambda: answered.append(desk.ask(runs["lora"], "1 + 1", max_tokens=4)))
    waiting.start()
    assert not next(stream).done and not answered
    stream.close()
    waiting.join(timeout=120)
    assert answered and answered[0].done


def test_who_reads_no_further_gives_the_seat_away(
    desk: Desk, runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = desk.ask(runs["lora"], "40 + 2", max_tokens=6)
    monkeypatch.setattr("studio.answering.seat.ABANDONED_SECONDS", 0.05)
    stream = desk.stream(runs["other"], "40 + 2", max_tokens=400)
    assert not next(stream).done  # and then the tab is gone, and nobody closes the stream
    again = desk.ask(runs["lora"], "40 + 2", max_tokens=6)
    assert (again.base, again.tuned, again.done) == (alone.base, alone.tuned, True)
    with raises(InputError, field=None):
        next(stream)
    assert desk.ask(runs["lora"], "40 + 2", max_tokens=6).tuned == alone.tuned


def test_many_may_ask_different_runs_at_once(desk: Desk, runs: dict[str, Run]) -> None:
    alone = {name: desk.ask(run, "40 + 2", max_tokens=6) for name, run in runs.items()}
    assert alone["lora"].base == alone["other"].base  # of one base, though the second adapter has other layers
    assert desk.ask(runs["lora"], "40 + 2", max_tokens=6).base == alone["lora"].base
    found: dict[tuple[str, int], Answers] = {}

    def ask(name: str, number: int) -> None:
        found[name, number] = desk.ask(runs[name], "40 + 2", max_tokens=6)

    askers = [threading.Thread(target=ask, args=(name, number)) for number in range(3) for name in ("lora", "other")]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(timeout=120)
    assert len(found) == 6
    for (name, _), answers in found.items():
        assert (answers.base, answers.tuned) == (alone[name].base, alone[name].tuned)


def test_what_breaks_in_the_middle_spoils_no_later_answer(
    desk: Desk, workspace: Workspace, runs: dict[str, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """peft leaves its hooks behind when a forward breaks; whoever asks next must not meet them."""
    import torch

    instances = TaskStore(workspace).load_task(TASK_ID).instances[:3]
    right, scored = desk.ask(runs["lora"], "40 + 2", max_tokens=8), score_run(desk, runs["lora"], list(instances))
    assert desk._pair is not None
    layer = desk._pair.base.model.layers[1].mlp
    stream = desk.stream(runs["lora"], "40 + 2", max_tokens=64)
    next(stream)
    handle = layer.register_forward_pre_hook(lambda *_: torch.zeros(2) @ torch.zeros(3))
    with pytest.raises(RuntimeError):
        list(stream)
    handle.remove()
    assert score_run(desk, runs["lora"], list(instances)) == scored
    again = desk.ask(runs["lora"], "40 + 2", max_tokens=8)
    assert (again.base, again.tuned) == (right.base, right.tuned)
    monkeypatch.setattr(Columns, "write", lambda *_: torch.empty(2**55))
    with raises(DeviceError, "memory"):
        desk.ask(runs["lora"], "40 + 2")
    monkeypatch.undo()
    assert desk.ask(runs["lora"], "40 + 2", max_tokens=8).base == right.base


@pytest.mark.parametrize(
    ("question", "field", "words"),
    [
        ({"prompt": ""}, "prompt", "prompt empty"),
        ({"prompt": " \n"}, "prompt", "prompt empty"),
        ({"prompt": None}, "prompt", "prompt None"),
        ({"prompt": "x" * 20_001}, "prompt", "20,001 20,000"),
        ({"prompt": "a\ud800"}, "prompt", "surrogate"),
        ({"prompt": "x" * 600}, "prompt", "prompt"),
        ({"max_tokens": 0}, "max_tokens", "max_tokens 1 2,048 0 64"),
        ({"max_tokens": 10**5000}, "max_tokens", "max_tokens 1 2,048"),
        ({"max_tokens": True}, "max_tokens", "max_tokens"),
        ({"max_tokens": "nine"}, "max_tokens", "max_tokens"),
        ({"seed": -1}, "seed", "seed 0 4,294,967,295 -1"),
        ({"seed": 1.5}, "seed", "seed"),
        ({"temperature": float("nan")}, "temperature", "temperature 0 2 nan"),
        ({"temperature": 3}, "temperature", "temperature 0 2 3"),
        ({"step": 3}, "step", "3 2 4"),
        ({"step": "last"}, "step", "step 0 last"),
    ],
)
def test_a_question_that_can_not_be_asked_is_told_in_words(
    desk: Desk, runs: dict[str, Run], question: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(StudioError) as told:
        desk.ask(runs["lora"], **{"prompt": "1 + 1", **question})
    assert tells(told.value, words) and len(str(told.value)) < 300
    assert told.value.field == field


def test_a_step_may_come_as_a_float_from_a_page(desk: Desk, runs: dict[str, Run]) -> None:
    assert desk.ask(runs["lora"], "1 + 1", max_tokens=2, step=2.0).step == 2  # type: ignore[arg-type]


def test_a_long_prompt_leaves_only_some_room(desk: Desk, runs: dict[str, Run]) -> None:
    answers = desk.ask(runs["lora"], "x" * 460, max_tokens=100)
    assert answers.done and re.search(r"\b\d+ tokens\b", answers.note)


def test_a_run_without_weights_or_without_a_folder_is_told_in_words(
    desk: Desk, workspace: Workspace, tiny_model: Path
) -> None:
    run = train_quickly(workspace, tiny_model)
    for step in run.list_checkpoints():
        run.forget_checkpoint(step)
    with pytest.raises(NotFoundError, match="checkpoint yet"):
        desk.ask(run, "1 + 1")
    run.delete()
    with pytest.raises(StudioError):
        desk.ask(run, "1 + 1")
    with pytest.raises(NotFoundError):
        find_run(workspace, run.run_id)


def test_a_base_that_was_changed_since_the_training_is_told_in_words(
    desk: Desk, workspace: Workspace, tiny_model: Path, runs: dict[str, Run], tmp_path: Path
) -> None:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path)
    run = train_quickly(workspace, tmp_path)
    assert desk.ask(run, "1 + 1", max_tokens=2).done
    desk.make_room()
    config = AutoConfig.from_pretrained(tiny_model)
    config.hidden_size = 64
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    with raises(ModelError, "step 4 changed since"):
        desk.ask(run, "1 + 1")
    assert desk.ask(runs["lora"], "1 + 1", max_tokens=2).done


def test_both_sides_are_scored(desk: Desk, workspace: Workspace, runs: dict[str, Run]) -> None:
    instances = list(TaskStore(workspace).load_task(TASK_ID).instances[:6])
    for name in ("lora", "full"):
        compared = score_run(desk, runs[name], instances)
        assert compared.base.instances == compared.tuned.instances == 6
        assert 0 <= compared.tuned.exact_match <= 100


def test_the_desk_gives_its_memory_back(desk: Desk, runs: dict[str, Run]) -> None:
    desk.ask(runs["lora"], "1 + 1", max_tokens=2)
    desk.make_room()
    assert desk._pair is None
    wait_until(lambda: desk.ask(runs["lora"], "1 + 1", max_tokens=2).done)
    with pytest.raises(InputError):
        desk.ask(runs["lora"], "")
