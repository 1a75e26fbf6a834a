"""Accidents while answering: each is told in words, the next answer is right, and the base stays the base."""

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from architectures import make_model
from nursery import Nursery
from telling import raises
from tiny import import_task, train_quickly, wait_until, write_recipe

from studio.answering.pair import BASE, TUNED
from studio.errors import DeviceError, ModelError, NotFoundError
from studio.models.device import find_device
from studio.models.loading import load_base
from studio.runs.run import Run, find_run
from studio.service import Studio
from studio.workspace import Workspace

PROMPT = [1, *range(40, 60)]
WEIGHTS = "adapter_model.safetensors"


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory, nursery: Nursery) -> Studio:
    """A studio with the task of sums."""
    studio = Studio(Workspace(tmp_path_factory.mktemp("chat")), nursery)
    import_task(studio.workspace)
    return studio


@pytest.fixture(scope="module")
def run(studio: Studio, tiny_model: Path) -> Run:
    """A run that can be asked."""
    return train_quickly(studio.workspace, tiny_model)


@pytest.fixture(scope="module")
def check_next(studio: Studio, run: Run, tiny_model: Path) -> Callable[[], None]:
    """Check that the next answer is right: that of the first time, and the base's logits those of the base alone."""
    import torch

    ids = torch.tensor([PROMPT, PROMPT])
    alone = load_base(tiny_model, run.load_recipe().precision, find_device())
    with torch.inference_mode():
        base = alone(input_ids=ids, attention_mask=torch.ones_like(ids), logits_to_keep=1).logits[0, -1].float()
    first = studio.ask(run.run_id, "40 + 2", max_tokens=8)
    assert studio.desk._pair is not None
    tuned = studio.desk._pair.read(ids, torch.ones_like(ids)).values[TUNED]
    assert not torch.allclose(base, tuned, atol=0.01)

    def check() -> None:
        again = studio.ask(run.run_id, "40 + 2", max_tokens=8)
        assert (again.base, again.tuned, again.step) == (first.base, first.tuned, first.step)
        assert studio.desk._pair is not None
        found = studio.desk._pair.read(ids, torch.ones_like(ids)).values
        assert torch.equal(found[BASE], base), "the base is not the base any more"
        assert torch.equal(found[TUNED], tuned)

    return check


def test_an_answer_that_is_cancelled_at_any_token(
    studio: Studio, run: Run, check_next: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.answering.desk.UPDATES_A_SECOND", 1e9)  # each token is told
    for tokens in (1, 2, 5):
        stream = studio.stream(run.run_id, "40 + 2", max_tokens=200)
        for _ in range(tokens):
            assert not next(stream).done
        stream.close()  # type: ignore[attr-defined]
        check_next()


def test_a_tab_that_is_closed_leaves_no_hold_on_the_desk(
    studio: Studio, run: Run, check_next: Callable[[], None]
) -> None:
    """Whoever read the stream is gone, and nobody closed it."""
    streams = [studio.stream(run.run_id, "40 + 2", max_tokens=200)]
    next(streams[0])
    streams.clear()
    check_next()


def test_tabs_that_close_while_others_wait(studio: Studio, run: Run, check_next: Callable[[], None]) -> None:
    def ask_a_little() -> None:
        stream = studio.stream(run.run_id, "1 + 1", max_tokens=60)
        next(stream)
        stream.close()  # type: ignore[attr-defined]

    tabs = [threading.Thread(target=ask_a_little) for _ in range(6)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join(timeout=120)
        assert not tab.is_alive()
    check_next()


def test_a_run_that_is_deleted_before_and_while_it_is_asked(
    studio: Studio, tiny_model: Path, check_next: Callable[[], None]
) -> None:
    gone = train_quickly(studio.workspace, tiny_model)
    stream = studio.stream(gone.run_id, "40 + 2", max_tokens=20)
    next(stream)
    studio.delete_run(gone.run_id)
    assert list(stream)[-1].done  # what was loaded answers to the end
    with raises(NotFoundError, "run"):
        studio.ask(gone.run_id, "40 + 2")
    check_next()


@pytest.mark.long
def test_asking_while_another_run_trains(
    studio: Studio, tiny_model: Path, nursery: Nursery, check_next: Callable[[], None]
) -> None:
    long = {"max_steps": 2000, "save_every": 2, "evaluate_every": 0, "keep_checkpoints": 1}
    training = find_run(studio.workspace, studio.start_run(write_recipe(tiny_model, training=long)))
    studio.scheduler.start_next()
    try:
        wait_until(lambda: training.list_checkpoints())
        asked = set()
        for _ in range(12):  # each time the checkpoint of a moment ago may be gone
            answers = studio.ask(training.run_id, "40 + 2", max_tokens=2)
            assert answers.done
            asked.add(answers.step)
        assert len(asked) > 1 and studio.run_status(training.run_id).status == "running"
        check_next()
        step = studio.run_status(training.run_id).step
        wait_until(lambda: studio.run_status(training.run_id).step > step)
    finally:
        launch = training.find_launch()
        assert launch is not None
        os.kill(launch.ticket["pid"], signal.SIGKILL)


def change_config(folder: Path, **changes: Any) -> None:
    """Change what an adapter says of itself."""
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def rename_weights(folder: Path, old: str, new: str) -> None:
    """Let an adapter's weights have other names."""
    from safetensors.numpy import load_file, save_file

    weights = load_file(folder / WEIGHTS)
    save_file({name.replace(old, new): weight for name, weight in weights.items()}, folder / WEIGHTS)


def take_from_another_base(folder: Path, tmp_path: Path) -> None:
    """Put an adapter of another base into the folder, as a hand does that mixes two runs up."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    make_model("gpt2", tmp_path)
    other = get_peft_model(AutoModelForCausalLM.from_pretrained(tmp_path), LoraConfig(task_type="CAUSAL_LM"))
    for name in (WEIGHTS, "adapter_config.json"):
        (folder / name).unlink()
    other.save_pretrained(folder)


FOREIGN: dict[str, Callable[[Path, Path], Any]] = {
    "another base": take_from_another_base,
    "other targets": lambda folder, _: change_config(folder, target_modules=["c_attn"]),
    "fewer targets": lambda folder, _: change_config(folder, target_modules=["q_proj"]),
    "another rank": lambda folder, _: change_config(folder, r=32),
    "another kind": lambda folder, _: change_config(folder, peft_type="MAGIC"),
    "no kind": lambda folder, _: (folder / "adapter_config.json").write_text("{}"),
    "a list": lambda folder, _: (folder / "adapter_config.json").write_text("[]"),
    "other names": lambda folder, _: rename_weights(folder, "layers.0", "blocks.0"),
    "another layer": lambda folder, _: rename_weights(folder, "layers.1", "layers.7"),
}


@pytest.mark.soon(4)
@pytest.mark.parametrize("make_foreign", FOREIGN.values(), ids=list(FOREIGN))
def test_an_adapter_that_is_not_of_this_base(
    studio: Studio, run: Run, check_next: Callable[[], None], tmp_path: Path, make_foreign: Callable[[Path, Path], Any]
) -> None:
    copy = Run(shutil.copytree(run.folder, studio.workspace.new_run_folder(), dirs_exist_ok=True))
    make_foreign(copy.find_checkpoint(), tmp_path)
    for _ in range(2):
        with raises(ModelError, "step-4") as told:
            studio.ask(copy.run_id, "40 + 2", max_tokens=4)
        assert "\n" not in str(told.value) and len(str(told.value)) < 700
        check_next()
    assert studio.ask(copy.run_id, "40 + 2", max_tokens=4, step=2).done
    check_next()


def test_out_of_memory_in_mid_answer(
    studio: Studio, run: Run, check_next: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    stream = studio.stream(run.run_id, "40 + 2", max_tokens=100)
    next(stream)
    assert studio.desk._pair is not None
    layer = studio.desk._pair.base.model.layers[1].mlp
    handle = layer.register_forward_pre_hook(lambda *_: torch.empty(2**55))  # a real refusal of the allocator
    with raises(DeviceError, "memory"):
        list(stream)
    handle.remove()
    check_next()


def test_a_base_that_is_gone(studio: Studio, tiny_model: Path, tmp_path: Path, check_next: Callable[[], None]) -> None:
    model = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    orphan = train_quickly(studio.workspace, model)
    shutil.rmtree(model)
    with raises(ModelError, "folder"):
        studio.ask(orphan.run_id, "40 + 2")
    check_next()


def test_a_training_gets_the_memory_that_nobody_uses_for_an_answer(
    studio: Studio, run: Run, check_next: Callable[[], None]
) -> None:
    import weakref

    assert studio.scheduler._make_room == studio.desk.make_room
    studio.ask(run.run_id, "40 + 2", max_tokens=2)
    pair = studio.desk._pair
    assert pair is not None
    held = weakref.ref(pair.base)
    assert studio._foreign.held_bytes == sum(value.nbytes for value in pair.base.parameters()) > 0
    del pair
    answer = studio.stream(run.run_id, "40 + 2", max_tokens=8)
    next(answer)
    studio.desk.make_room()
    assert studio.desk._pair is not None, "somebody is being answered"
    assert list(answer)[-1].done
    studio.desk.make_room()
    assert held() is None and studio.desk._pair is None and studio._foreign.held_bytes == 0
    studio.desk.make_room()
    check_next()
