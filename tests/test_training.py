"""Real trainings of a tiny model in this process: what happens in which order, what is learnt, what comes back."""

import json
import math
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from architectures import make_model
from telling import tells
from tiny import TASK_ID, give_to_process, import_task, kinds, losses, read_all, resume, train, wait_until, write_recipe

from studio.launchers.inline import InlineLauncher
from studio.recipes.options import OPTIMISERS
from studio.recipes.recipe import read_recipe
from studio.runs.ending import explain_failure
from studio.runs.event import PHASES, TERMINAL
from studio.runs.run import Run, new_run
from studio.runs.status import Watch
from studio.training.session import ENOUGH_STEPS
from studio.works.worker import execute
from studio.workspace import Workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the task of sums."""
    workspace = Workspace(tmp_path_factory.mktemp("training"))
    import_task(workspace)
    return workspace


@pytest.fixture(scope="module")
def finished(workspace: Workspace, tiny_model: Path) -> Run:
    """A LoRA run of eight steps that came to its end."""
    return train(workspace, write_recipe(tiny_model, training={"sample_every": 8}))


def test_events_tell_a_training_in_order_and_end_once(finished: Run) -> None:
    told = kinds(finished)
    phases = [event["text"] for event in read_all(finished) if event["event"] == "phase"]
    assert phases == list(PHASES)
    assert [kind for kind in told if kind not in ("phase", "metrics")] == [
        "started",
        "prepared",
        "counted",
        "saved",
        "evaluated",
        "sampled",
        "saved",
        "evaluated",
        "finished",
    ]
    assert sum(kind in TERMINAL for kind in told) == 1
    first = read_all(finished)[0]
    assert first["pid"] == os.getpid() and first["resumed_from"] is None and first["attempt"] == 1
    assert set(first["versions"]) == {"torch", "transformers", "peft", "bitsandbytes"}


def test_each_step_is_told_and_the_loss_falls(finished: Run) -> None:
    told = losses(read_all(finished))
    assert list(told) == list(range(1, 9))
    assert told[8] < told[1]
    validation = [event["loss"] for event in read_all(finished) if event["event"] == "evaluated"]
    assert validation[1] < validation[0]
    last = [event for event in read_all(finished) if event["event"] == "metrics"][-1]
    assert (last["step"], last["of"], last["seconds_left"]) == (8, 8, 0)
    assert last["examples_per_second"] > 0 and last["grad_norm"] > 0 and 0 < last["learning_rate"] < 0.01


def test_the_status_agrees(finished: Run) -> None:
    status = Watch(finished).look()
    assert (status.status, status.step, status.of, status.checkpoints) == ("finished", 8, 8, [4, 8])
    counted = next(event for event in read_all(finished) if event["event"] == "counted")
    assert status.trainable == counted["trainable"] and status.total == counted["total"]


def test_the_counts_are_those_of_the_estimate(finished: Run, tiny_model: Path) -> None:
    from studio.estimates.counting import count

    counted = next(event for event in read_all(finished) if event["event"] == "counted")
    assert (counted["trainable"], counted["total"]) == count(tiny_model, finished.load_recipe().method)[:2]


def test_samples_show_what_was_wanted_and_what_the_base_says(finished: Run, workspace: Workspace) -> None:
    from studio.tasks.split import split_task
    from studio.tasks.store import TaskStore

    (sampled,) = [event for event in read_all(finished) if event["event"] == "sampled"]
    validation = split_task(TaskStore(workspace).load_task(TASK_ID)).validation
    assert [(one["input"], one["wanted"]) for one in sampled["samples"]] == [
        (instance.input, instance.output[0]) for instance in validation[:3]
    ]
    assert all(set(one) == {"input", "wanted", "base", "tuned"} for one in sampled["samples"])


def test_a_checkpoint_holds_its_recipe_and_no_pickled_arguments(finished: Run) -> None:
    assert [path.name for path in sorted(finished.checkpoints_folder.iterdir())] == ["step-4", "step-8"]
    folder = finished.find_checkpoint(8)
    assert read_recipe((folder / "recipe.json").read_text()) == finished.load_recipe()
    names = {path.name for path in folder.iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors"} <= names
    assert "training_args.bin" not in names and "model.safetensors" not in names


class Code:
    """A pickle that makes a file where it is loaded as code."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return Path.touch, (self.file,)


def test_a_checkpoint_whose_optimiser_is_code_is_refused_and_runs_none_of_it(
    finished: Run, workspace: Workspace, tmp_path: Path
) -> None:
    import torch

    run = Run(shutil.copytree(finished.folder, workspace.new_run_folder(), dirs_exist_ok=True))
    run.forget_checkpoint(8)
    torch.save({"state": Code(tmp_path / "ran")}, run.find_checkpoint(4) / "optimizer.pt")
    last = resume(workspace, run)[-1]
    assert last["event"] == "failed" and "not numbers" in last["error"] and "weights_only" not in json.dumps(last)
    assert list(tmp_path.iterdir()) == []


KINDS: dict[str, dict[str, Any]] = {
    "lora": {},
    "dropout": {"method": {"name": "lora", "rank": 2, "dropout": 0.3}},
    "full": {"method": "full", "training": {"learning_rate": 1e-3}},
    "qlora": {"precision": "nf4"},
    "bf16": {"precision": "bf16"},
}


@pytest.mark.soon(2)
@pytest.mark.parametrize("changes", KINDS.values(), ids=list(KINDS))
def test_what_goes_on_has_the_very_losses_of_what_was_never_interrupted(
    workspace: Workspace, tiny_model: Path, changes: dict[str, Any]
) -> None:
    run = train(workspace, write_recipe(tiny_model, **changes))
    whole, weights = losses(read_all(run)), read_weights(run.find_checkpoint(8))
    assert Watch(run).look().status == "finished" and all(map(math.isfinite, whole.values()))
    run.forget_checkpoint(8)  # as if it had been killed at step 7
    events = resume(workspace, run)
    assert events[0]["resumed_from"] == 4 and events[0]["attempt"] == 2 and events[-1]["event"] == "finished"
    assert losses(events) == {step: loss for step, loss in whole.items() if step > 4}
    again = read_weights(run.find_checkpoint(8))
    assert weights.keys() == again.keys() and all((weights[key] == again[key]).all() for key in weights)


def test_it_goes_on_in_the_middle_of_a_later_epoch_with_the_very_batches(
    workspace: Workspace, tiny_model: Path
) -> None:
    """An epoch has twelve steps; the order of the second must not hang on what the first one drew."""
    method = {"name": "lora", "rank": 2, "dropout": 0.3}
    recipe = write_recipe(tiny_model, method=method, training={"max_steps": 30, "save_every": 7, "evaluate_every": 0})
    run = train(workspace, recipe)
    whole = losses(read_all(run))
    for step in (28, 30):
        run.forget_checkpoint(step)
    assert losses(resume(workspace, run)) == {step: loss for step, loss in whole.items() if step > 21}


def read_weights(folder: Path) -> dict[str, Any]:
    """Return the tensors of a checkpoint."""
    from safetensors.torch import load_file

    (file,) = folder.glob("*model.safetensors")
    return load_file(file)


def test_a_stop_before_the_first_step_is_heeded_and_what_stopped_goes_on(
    workspace: Workspace, tiny_model: Path, finished: Run
) -> None:
    run = new_run(workspace, read_recipe(write_recipe(tiny_model)))
    give_to_process(run, os.getpid())
    run.request_stop()
    assert execute(workspace, run) == 0
    assert kinds(run)[-1] == "stopped" and read_all(run)[-1]["step"] == 0 and run.list_checkpoints() == []
    assert Watch(run).look().can_resume
    events = resume(workspace, run)
    assert events[-1]["event"] == "finished" and run.list_checkpoints() == [4, 8]
    assert losses(read_all(run)) == losses(read_all(finished))
    assert sum(kind in TERMINAL for kind in kinds(run)) == 2


def test_a_stop_is_heeded_after_the_step_with_a_checkpoint(workspace: Workspace, tiny_model: Path) -> None:
    long = {"max_steps": 100_000, "evaluate_every": 0, "save_every": 0, "sample_every": 99_999}
    run = new_run(workspace, read_recipe(write_recipe(tiny_model, training=long)))

    def stop_when_it_trains() -> None:
        wait_until(lambda: run.events_file.exists() and "metrics" in kinds(run))
        run.request_stop()

    hand = threading.Thread(target=stop_when_it_trains)
    hand.start()
    InlineLauncher().launch(workspace, run)
    hand.join(timeout=120)
    *_, sampled, saved, stopped = (event for event in read_all(run) if event["event"] != "metrics")
    assert [event["event"] for event in (sampled, saved, stopped)] == ["sampled", "saved", "stopped"]
    assert 1 <= stopped["step"] < 100_000 and run.list_checkpoints() == [stopped["step"]]
    assert sampled["step"] == saved["step"] == stopped["step"] == Watch(run).look().step


def test_what_was_killed_after_its_last_checkpoint_only_ends(workspace: Workspace, finished: Run) -> None:
    lines = finished.events_file.read_text().splitlines(keepends=True)
    run = Run(shutil.copytree(finished.folder, workspace.new_run_folder(), dirs_exist_ok=True))
    run.events_file.write_text("".join(lines[:-1]))
    run.process_file.write_text('{"pid": 1, "created": 1, "offset": 0}')
    assert Watch(run).look().status == "lost" and Watch(run).look().can_resume
    events = resume(workspace, run)
    assert events[-1]["event"] == "finished" and events[-1]["step"] == 8
    assert losses(events) == {}


def test_0_means_never(workspace: Workspace, tiny_model: Path) -> None:
    never = {"evaluate_every": 0, "save_every": 0, "sample_every": 0, "max_steps": 3}
    run = train(workspace, write_recipe(tiny_model, training=never))
    assert not {"evaluated", "sampled"} & set(kinds(run))
    assert run.list_checkpoints() == [3] and kinds(run).count("saved") == 1


STILL = {"learning_rate": 1e-30, "evaluate_every": 1}
"""A learning rate at which nothing moves, so that the first evaluation stays the best."""


def test_it_ends_early_when_the_validation_loss_stops_falling(workspace: Workspace, tiny_model: Path) -> None:
    still = {**STILL, "preset": "careful", "max_steps": 50, "save_every": 2}
    run = train(workspace, write_recipe(tiny_model, training=still))
    status = Watch(run).look()
    assert (status.status, status.step, status.of) == ("finished", 5, 50)
    assert run.list_checkpoints() == [2, 4, 5] and not status.can_resume
    run.forget_checkpoint(5)
    run.forget_checkpoint(4)
    assert resume(workspace, run)[-1] == {**read_all(run)[-1], "event": "finished", "step": 5}


def test_old_checkpoints_are_forgotten_but_never_the_best(workspace: Workspace, tiny_model: Path) -> None:
    still = {**STILL, "max_steps": 6, "save_every": 1, "keep_checkpoints": 2}
    run = train(workspace, write_recipe(tiny_model, training=still))
    assert run.list_checkpoints() == [1, 5, 6]
    never = {**still, "evaluate_every": 0}
    assert train(workspace, write_recipe(tiny_model, training=never)).list_checkpoints() == [5, 6]


def test_accumulated_batches_are_one_large_batch(workspace: Workspace, tiny_model: Path) -> None:
    quick = {"max_steps": 4, "evaluate_every": 0}
    whole = train(workspace, write_recipe(tiny_model, training={**quick, "batch_size": 4}))
    parts = train(workspace, write_recipe(tiny_model, training={**quick, "batch_size": 2, "gradient_accumulation": 2}))
    assert list(losses(read_all(parts)).values()) == pytest.approx(list(losses(read_all(whole)).values()), abs=2e-5)


def test_a_model_that_walks_less_is_told_what_any_other_is(tiny_model: Path) -> None:
    import torch

    from studio.methods.lora import Lora
    from studio.models.device import find_device
    from studio.models.loading import load_base
    from studio.precisions import PRECISIONS
    from studio.training.fast.lean_trainer import walk_less

    model = Lora(rank=2).attach(load_base(tiny_model, PRECISIONS.read("fp32"), find_device()))
    assert {module.training for module in model.modules()} == {False, True}, "a base is loaded to answer"
    walk_less(model)
    assert {module.training for module in model.modules()} == {True}
    for told, training in ((model.eval, False), (model.train, True), (model.train, True), (model.eval, False)):
        assert told() is model and {module.training for module in model.modules()} == {training}
    model(input_ids=torch.tensor([[1, 2, 3]])).logits.sum().backward()
    assert any(value.grad is not None for value in model.parameters())
    model.zero_grad()
    assert all(value.grad is None for value in model.parameters())


def test_a_constant_schedule_warms_up_too(workspace: Workspace, tiny_model: Path) -> None:
    options = {"schedule": "constant", "warmup_ratio": 0.5, "evaluate_every": 0}
    run = train(workspace, write_recipe(tiny_model, training=options))
    rates = [event["learning_rate"] for event in read_all(run) if event["event"] == "metrics"]
    assert rates[0] < rates[1] < rates[2] < rates[4] == rates[7] == pytest.approx(0.01)


@pytest.mark.soon(2)
@pytest.mark.parametrize(
    "options",
    [
        {"gradient_checkpointing": True},
        {"schedule": "cosine", "weight_decay": 0.1},
        {"mixed_precision": "auto"},
        {"neftune_alpha": 5},
        {"attention": "sdpa"},
        {"attention": "eager"},
        *({"optimiser": name} for name in OPTIMISERS if name != "adamw"),
    ],
    ids=lambda options: "-".join(map(str, next(iter(options.items())))),
)
def test_other_options_learn_too(workspace: Workspace, tiny_model: Path, options: dict[str, Any]) -> None:
    run = train(workspace, write_recipe(tiny_model, training=options))
    told = losses(read_all(run))
    assert kinds(run)[-1] == "finished" and told[8] < told[1]


def test_a_speed_that_can_not_be_kept_spoils_no_run(tmp_path: Path, tiny_model: Path) -> None:
    workspace = Workspace(tmp_path / "home")
    import_task(workspace)
    (workspace.cache / "speed.json").mkdir()  # where a file should be written there is a folder
    run = train(workspace, write_recipe(tiny_model, training={"max_steps": ENOUGH_STEPS, "evaluate_every": 0}))
    assert kinds(run)[-1] == "finished" and run.list_checkpoints()[-1] == ENOUGH_STEPS


def test_noise_is_added_while_training_alone(workspace: Workspace, tiny_model: Path) -> None:
    plain, noisy = (
        losses(read_all(train(workspace, write_recipe(tiny_model, training={"neftune_alpha": alpha}))))
        for alpha in (0, 100)
    )
    assert plain[1] != noisy[1]


def test_an_attention_that_is_not_here_is_told_in_words(workspace: Workspace, tiny_model: Path) -> None:
    recipe = write_recipe(tiny_model, training={"attention": "flash_attention_2"})
    assert "flash_attention_2" in fail(workspace, recipe)[1]["error"]
    assert "Choose auto" in fail(workspace, recipe)[1]["error"]


def fail(workspace: Workspace, recipe: dict[str, Any]) -> tuple[Run, dict[str, Any]]:
    """Train a recipe that fails and return the run and its last event."""
    run = train(workspace, recipe)
    assert sum(kind in TERMINAL for kind in kinds(run)) == 1 and kinds(run)[-1] == "failed"
    assert Watch(run).look().status == "failed"
    return run, read_all(run)[-1]


def copy_model(model: Path, folder: Path, scale: float) -> Path:
    """Copy a model with a norm that is so much larger and the two matrices after it so much smaller."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    changed = AutoModelForCausalLM.from_pretrained(model)
    layer = changed.model.layers[0]
    layer.post_attention_layernorm.weight.data *= scale
    layer.mlp.gate_proj.weight.data /= scale
    layer.mlp.up_proj.weight.data /= scale
    changed.save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    return folder


def test_a_loss_that_stops_being_a_number_is_told_with_the_way_out(
    workspace: Workspace, tiny_model: Path, tmp_path: Path
) -> None:
    fragile = copy_model(tiny_model, tmp_path / "fragile", 1e19)
    recipe = write_recipe(fragile, method="full", training={"learning_rate": 1.0, "warmup_ratio": 0.0})
    _, last = fail(workspace, recipe)
    assert tells(last["error"], "loss 2")
    assert last["step"] == 1
    broken = copy_model(tiny_model, tmp_path / "broken", math.inf)
    _, last = fail(workspace, write_recipe(broken))
    assert tells(last["error"], "loss base model")


def test_a_task_that_is_all_too_long_is_told_in_words(workspace: Workspace, tiny_model: Path) -> None:
    _, last = fail(workspace, write_recipe(tiny_model, training={"max_length": 8}))
    assert tells(last["error"], "48 8")


def test_what_is_wrong_with_the_recipe_is_told_by_the_child_too(workspace: Workspace, tiny_model: Path) -> None:
    wrong = {
        "targets nowhere": {"method": {"name": "lora", "targets": "nowhere"}},
        "gone": {"task_id": "gone"},
        "/gone": {"model": "/gone"},
        "chat template": {"objective": {"name": "sft", "template": "chat"}},
    }
    for words, changes in wrong.items():
        run, last = fail(workspace, {**write_recipe(tiny_model), **changes})
        assert tells(last["error"], words), last["error"]
        assert "Traceback" not in last["error"] and run.list_checkpoints() == []


def test_longer_examples_than_the_model_can_read_are_left_out(
    workspace: Workspace, tiny_model: Path, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    make_model("gpt2", tmp_path, n_positions=90)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path)
    rows = [{"id": str(n), "input": "x" * (4 * n), "output": [str(n)]} for n in range(40)]
    task_id = import_task(workspace, "long_rows", Instances=rows)
    run = train(workspace, write_recipe(tmp_path, task_id, training={"sample_every": 4}))
    assert kinds(run)[-1] == "finished", read_all(run)[-1]
    prepared = next(event for event in read_all(run) if event["event"] == "prepared")
    assert 0 < prepared["examples"] < 20 and prepared["left_out"] > 10
    assert all(len(one["input"]) < 90 for event in read_all(run) for one in event.get("samples", []))


def test_running_out_of_memory_has_words() -> None:
    import torch

    for attempt in (lambda: torch.empty(2**55), lambda: bytearray(2**60)):
        with pytest.raises((RuntimeError, MemoryError)) as caught:
            attempt()
        assert tells(explain_failure(caught.value)["error"], "memory")
    cuda = RuntimeError("CUDA out of memory. Tried to allocate 20.00 MiB.")
    assert tells(explain_failure(cuda)["remedy"], "batch size")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(28, os.strerror(28)), "disk full"),
        (RuntimeError("[enforce fail at inline_container.cc:672] . PytorchStreamWriter failed writing"), "disk full"),
        (KeyboardInterrupt(), "terminal"),
        (ZeroDivisionError("by zero\nmore"), "ZeroDivisionError"),
        (AssertionError(), "AssertionError"),
    ],
)
def test_every_failure_has_words_of_one_line(error: BaseException, words: str) -> None:
    told = explain_failure(error)
    assert tells(told["error"], words) and "\n" not in told["error"] and told["remedy"].endswith(".")


def test_events_are_json_a_browser_can_read(finished: Run) -> None:
    for line in finished.events_file.read_text().splitlines():
        assert json.loads(line, parse_constant=pytest.fail)["at"] > 0


@pytest.mark.long
def test_the_loss_that_is_shown_is_the_tasks_without_a_methods_penalty(workspace: Workspace, tiny_model: Path) -> None:
    """Before the first step neither method changes an answer, so both have the base's own loss."""
    import_task(workspace)
    short = {"max_steps": 1, "evaluate_every": 0, "save_every": 0}
    for options in (short, {**short, "gradient_accumulation": 2, "batch_size": 2}):
        methods = ("lora", {"name": "adalora", "orthogonality": 10})
        runs = [train(workspace, write_recipe(tiny_model, method=method, training=options)) for method in methods]
        plain, penalised = (losses(read_all(run))[1] for run in runs)
        assert penalised == pytest.approx(plain, abs=2e-5)
