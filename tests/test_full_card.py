"""A device whose memory is full: no run loses what it had kept, and one that can't evaluate ends before it begins.

The errors are raised where a card would raise them, in each phase of a run.
"""

import gc
import json
import weakref
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from telling import raises, tells
from tiny import WritingLauncher, import_task, kinds, make_run, read_all, train, write_recipe

from studio.answering.columns import Columns
from studio.answering.desk import Desk
from studio.answering.room import claim
from studio.errors import DeviceError
from studio.launchers import process as launcher
from studio.models.device import DeviceFacts, find_device, is_out_of_memory
from studio.queueing.scheduler import Scheduler
from studio.runs.run import Run
from studio.workspace import Workspace

GB = 10**9
CARD = DeviceFacts(kind="cuda", name="3090", memory_bytes=24 * GB, free_bytes=20 * GB, cores=2, bf16=True)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the task of sums."""
    workspace = Workspace(tmp_path_factory.mktemp("full"))
    import_task(workspace)
    return workspace


def break_in(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, when: Any = lambda *_: True) -> None:
    """Let a function run out of a card's memory where `when` says so of what it is given."""
    import torch

    own = getattr(owner, name)

    def call(*given: Any, **named: Any) -> Any:
        if when(*given):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return own(*given, **named)

    monkeypatch.setattr(owner, name, call)


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "CUDA error: device not ready",
        "CUDA out of memory. Tried to allocate 20.00 MiB.",
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes.",
    ],
)
def test_a_full_card_has_many_names(words: str) -> None:
    import torch

    assert is_out_of_memory(RuntimeError(words)) and is_out_of_memory(torch.OutOfMemoryError("full"))
    told = ValueError("something around it")
    told.__cause__ = RuntimeError(words)
    assert is_out_of_memory(told)
    assert not is_out_of_memory(RuntimeError("CUDA error: an illegal memory access was encountered"))


def run_with(workspace: Workspace, model: Path, **training: Any) -> Run:
    """Train a recipe of eight steps."""
    return train(workspace, write_recipe(model, training={"save_every": 4, "evaluate_every": 4, **training}))


def tell_of_memory(run: Run) -> bool:
    """Whether a run failed, and says that memory ran out."""
    last = read_all(run)[-1]
    return last["event"] == "failed" and tells(last["error"], "memory")


def test_what_has_no_room_to_evaluate_breaks_before_the_first_step(
    workspace: Workspace, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.training import trainer

    break_in(monkeypatch, trainer, "read_logprobs", lambda model, *_: not model.training)
    run = run_with(workspace, tiny_model)
    assert tell_of_memory(run) and "metrics" not in kinds(run)


def test_an_evaluation_that_breaks_costs_no_step(
    workspace: Workspace, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.training.trainer import StudioTrainer

    break_in(monkeypatch, StudioTrainer, "evaluate")
    run = run_with(workspace, tiny_model)
    assert tell_of_memory(run) and kinds(run)[-2:] == ["saved", "failed"] and run.list_checkpoints() == [4]


@pytest.mark.parametrize(
    ("place", "name", "changes"),
    [
        ("studio.training.session", "load_stack", {"precision": "nf4"}),  # before the first step: the base alone counts
        ("studio.training.trial", "read_learnt", {"precision": "nf4"}),
        ("studio.training.trainer", "read_logprobs", {"precision": "nf4"}),
    ],
)
def test_in_each_phase_a_full_card_is_told_with_what_helps(
    place: str, name: str, changes: dict[str, Any], workspace: Workspace, tiny_model: Path, monkeypatch: Any
) -> None:
    import importlib

    break_in(monkeypatch, importlib.import_module(place), name)
    run = run_with(workspace, tiny_model)
    assert tell_of_memory(run) and read_all(run)[-1]["remedy_changes"] == changes


def test_what_an_evaluation_found_is_noted_with_what_was_saved_before(workspace: Workspace, tiny_model: Path) -> None:
    run = run_with(workspace, tiny_model, keep_checkpoints=1)
    assert [kind for kind in kinds(run) if kind in ("saved", "evaluated")] == 2 * ["saved", "evaluated"]
    state = json.loads((run.find_checkpoint(8) / "trainer_state.json").read_text())
    assert [entry["step"] for entry in state["log_history"] if "eval_loss" in entry] == [4, 8]
    assert state["best_global_step"] in run.list_checkpoints() and 8 in run.list_checkpoints()


def test_batches_are_evaluated_as_large_as_they_are_trained_on(workspace: Workspace, tiny_model: Path) -> None:
    from test_card import OLD_CARD, make_arguments, make_recipe

    for size in (1, 3, 32):
        arguments = make_arguments(workspace, make_recipe(training={"batch_size": size}), OLD_CARD)
        assert arguments.per_device_eval_batch_size == arguments.per_device_train_batch_size == size
    assert arguments.accelerator_config.non_blocking and arguments.dataloader_pin_memory


def test_the_first_base_is_gone_before_the_second_is_loaded(
    workspace: Workspace, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.answering import columns as room
    from studio.answering.column import Column
    from studio.checkpoints.checkpoint import Stack
    from studio.recipes.recipe import read_recipe

    recipe = read_recipe(write_recipe(tiny_model))
    own, held, alive = room.SharedWeights, [], []

    def load(*given: Any) -> Any:
        alive.append([one() is not None for one in held])
        shared = own(*given)
        held.append(weakref.ref(shared.base))
        return shared

    monkeypatch.setattr(room, "SharedWeights", load)
    columns = Columns(find_device())
    gc.disable()
    try:
        for precision in ("fp32", "nf4"):
            stored = read_recipe({**write_recipe(tiny_model), "precision": precision}).precision
            columns.arrange([Column(Stack(recipe.base), stored, recipe.objective)])
    finally:
        gc.enable()
    assert alive == [[], [False]]


def test_a_question_takes_what_a_run_leaves_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    from studio.answering import room

    limits: list[int] = []
    monkeypatch.setattr(room, "limit_memory", limits.append)
    claim(CARD, 6 * GB, 0)
    claim(CARD, 6 * GB, 10 * GB)  # of 24 the run will take 10, whatever it has taken yet
    assert limits == [20 * GB, 14 * GB]
    with raises(DeviceError, ("6.0", "4.0", "run")):
        claim(CARD, 6 * GB, 20 * GB)
    with raises(DeviceError, ("6.0", "1.0", "Close")):
        claim(CARD.model_copy(update={"free_bytes": GB}), 6 * GB, 0)
    assert len(limits) == 2


@pytest.mark.parametrize("kind", ["cuda", "cpu"])
def test_on_a_card_a_run_waits_for_the_answer_that_is_given_and_the_next_question_for_the_run(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.answering import desk as room

    monkeypatch.setattr(room, "find_device", lambda: CARD.model_copy(update={"kind": kind}))
    desk, launcher = Desk(Workspace(tmp_path)), WritingLauncher()
    scheduler, run = Scheduler(desk.workspace, launcher, make_room=desk.make_room), make_run(desk.workspace)
    asked = object()
    assert desk._seat.take(asked, 0)
    began = scheduler.start_next()
    if kind == "cpu":  # whose memory is paged: both go on
        assert began and launcher.started == [run.run_id]
        return
    assert began is None and launcher.started == []
    desk._seat.leave(asked)
    with raises(DeviceError, "run"), desk._sit_down():
        pytest.fail("the run would find no room")
    assert scheduler.start_next() and launcher.started == [run.run_id]
    monkeypatch.setattr(room, "time", SimpleNamespace(monotonic=lambda: desk._starts_until + 1))
    with desk._sit_down():
        assert scheduler.start_next() is None


def test_what_the_desk_holds_is_free_for_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from studio.service import foreign
    from studio.service.studio import Studio

    studio = Studio(Workspace(tmp_path), WritingLauncher())
    monkeypatch.setattr(foreign, "find_device", lambda: CARD)
    seen: list[int] = []
    monkeypatch.setattr(foreign.Foreign, "_run", lambda self, ref, job, *given, **_: seen.append(given[-3].free_bytes))
    for held in (0, 3 * GB, 9 * GB):
        monkeypatch.setattr(studio.desk, "count_held", lambda held=held: held)
        size: Any = None
        studio._foreign.estimate(size, size, size, tmp_path, {})
    assert seen == [20 * GB, 23 * GB, 24 * GB], "and never more than the card has"


def test_a_childs_memory_grows_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr(launcher.subprocess, "Popen", lambda *_, **named: seen.update(named))
    monkeypatch.delenv("PYTORCH_ALLOC_CONF", raising=False)
    launcher._start_child()
    assert seen["env"]["PYTORCH_ALLOC_CONF"] == "expandable_segments:True"
    monkeypatch.setenv("PYTORCH_ALLOC_CONF", "max_split_size_mb:64")
    launcher._start_child()
    assert seen["env"]["PYTORCH_ALLOC_CONF"] == "max_split_size_mb:64"
