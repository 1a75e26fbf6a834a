"""What every method promises of a run: it goes on as if it had never stopped, and is beside its untouched base.

One run is trained for each method, of eight steps with a checkpoint in the middle; every test looks at that run.
"""

import json
import shutil
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from telling import raises
from tiny import TASK_ID, import_task, losses, read_all, resume, sum_loss, train, write_recipe

from studio.answering.pair import BASE, TUNED, Pair
from studio.checkpoints.address import resolve
from studio.checkpoints.weights import check_stack, load_stack
from studio.errors import ModelError
from studio.methods import METHODS
from studio.models.device import find_device
from studio.models.facts import find_config_folder
from studio.models.loading import load_base
from studio.models.reference import ModelRef
from studio.objectives.objective import Row, encode_asked
from studio.runs.run import Run
from studio.tasks.store import TaskStore
from studio.workspace import Workspace

KINDS: dict[str, dict[str, Any]] = {
    **{name: {"name": name} for name in METHODS.members},
    "lora-pissa": {"name": "lora", "init": "pissa", "plus_ratio": 4},
    "lora-dropout": {"name": "lora", "dropout": 0.2},
    "prefix-projection": {"name": "prefix", "projection": 16},
    "prompt-text": {"name": "prompt", "init": "text", "text": "Add the numbers."},
}
PROMPT = [1, *range(40, 60)]
STEPS, MIDDLE = 8, 4

SOON = ("lora", "full", "prefix")
"""One of each way to train; what is dear is tried with these by `make test`, and with all others by `make long`."""


def sort_out(kinds: Iterable[str]) -> list[Any]:
    """Return the kinds as cases, those that can wait marked as long."""
    return [pytest.param(kind, marks=() if kind in SOON else pytest.mark.long) for kind in kinds]


each_way = pytest.mark.parametrize("kind", sort_out(KINDS))


def can_recompute(kind: str) -> bool:
    """Whether activations may be recomputed, to the same loss: dropout would draw other lots."""
    return "dropout" not in kind and not METHODS.read(KINDS[kind]).checkpointing_refusal


def count_tokens(kind: str) -> int:
    """Return how many learnt tokens come before each row; peft gives them places of their own."""
    return METHODS.read(KINDS[kind]).virtual_tokens


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the task of sums."""
    workspace = Workspace(tmp_path_factory.mktemp("runs"))
    import_task(workspace)
    return workspace


@pytest.fixture(scope="module")
def trained(workspace: Workspace, tiny_model: Path) -> Callable[[str], Run]:
    """A function that trains a method once and returns its run."""

    @cache
    def find(kind: str) -> Run:
        method = METHODS.read(KINDS[kind])
        rate = method.learning_rate_small if method.saves_whole_model else 3 * method.learning_rate_small
        training = {"max_steps": STEPS, "save_every": MIDDLE, "evaluate_every": 4, "learning_rate": rate}
        return train(workspace, write_recipe(tiny_model, method=KINDS[kind], training=training))

    return find


def load_alone(run: Run, step: int) -> tuple[Any, Any]:
    """Return the base as it was, and the tuned model as anybody would load it with peft."""
    from peft import PeftModel

    recipe, folder = run.load_recipe(), run.load_recipe().base.find_folder()
    assert folder is not None
    base, again = (load_base(folder, recipe.precision, find_device()) for _ in range(2))
    checkpoint = run.find_checkpoint(step)
    if recipe.method.saves_whole_model:
        return base, load_base(checkpoint, recipe.precision, find_device())
    return base, PeftModel.from_pretrained(again, checkpoint).eval()


def read_alone(model: Any, rows: int = 1) -> Any:
    """Return the logits after the prompt, read in a batch of as many rows."""
    import torch

    ids = torch.tensor([PROMPT] * rows)
    with torch.inference_mode():
        out = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=True, logits_to_keep=1)
    return out.logits[0, -1].float()


def read_pair(pair: Pair) -> Any:
    """Return the logits of both sides after the prompt."""
    import torch

    ids = torch.tensor([PROMPT, PROMPT])
    return pair.read(ids, torch.ones_like(ids)).values


@pytest.mark.soon(2)
@each_way
def test_it_goes_on_as_if_it_had_never_stopped(trained: Callable[[str], Run], workspace: Workspace, kind: str) -> None:
    import torch

    whole = trained(kind)
    wanted = losses(read_all(whole))
    assert sorted(wanted) == list(range(1, STEPS + 1))
    stopped = workspace.runs / f"{whole.run_id}-{kind.replace('_', '')}"
    shutil.copytree(whole.folder, stopped)
    shutil.rmtree(stopped / "checkpoints" / f"step-{STEPS}")
    run = Run(stopped)
    lines = run.events_file.read_text().splitlines()
    saved = next(place for place, line in enumerate(lines) if json.loads(line)["event"] == "saved")
    run.events_file.write_text("\n".join(lines[: saved + 1]) + "\n")
    events = resume(workspace, run)
    assert events[-1]["event"] == "finished" and events[0]["resumed_from"] == MIDDLE
    assert losses(events) == {step: loss for step, loss in wanted.items() if step > MIDDLE}
    found, kept = (read_alone(load_alone(one, STEPS)[1]) for one in (run, whole))
    assert torch.equal(found, kept)


@pytest.mark.parametrize("kind", sort_out(filter(can_recompute, KINDS)))
def test_checkpointing_changes_no_loss(trained: Callable[[str], Run], workspace: Workspace, kind: str) -> None:
    recipe = trained(kind).load_recipe().to_json()
    thrifty = {**recipe["training"], "gradient_checkpointing": True, "max_steps": 8, "evaluate_every": 0}
    found = losses(read_all(train(workspace, {**recipe, "training": {**thrifty, "save_every": 0}})))
    assert found == pytest.approx(losses(read_all(trained(kind))), abs=2e-3)


@pytest.mark.soon(2)
@each_way
def test_each_side_answers_as_if_it_were_alone(trained: Callable[[str], Run], kind: str) -> None:
    import torch

    run = trained(kind)
    recipe = run.load_recipe()
    rows = 2 if recipe.method.skips_rows else 1
    base = read_alone(load_alone(run, STEPS)[0], rows)
    pair = Pair(recipe, find_device())
    for step in (STEPS, MIDDLE, STEPS):
        assert pair.use(run, recipe, step) == step
        found = read_pair(pair)
        assert torch.equal(found[BASE], base)
        assert torch.allclose(found[TUNED], read_alone(load_alone(run, step)[1]), atol=1e-5)
        assert (found[TUNED] - found[BASE]).abs().max() > 1e-4


@each_way
def test_writing_is_reading_one_token_after_the_other(trained: Callable[[str], Run], kind: str) -> None:
    import torch

    run = trained(kind)
    pair, models = Pair(run.load_recipe(), find_device()), load_alone(run, STEPS)
    pair.use(run, run.load_recipe(), STEPS)
    *_, written = pair.write(PROMPT, 10, temperature=0, seed=0, ends=frozenset())
    for side, model in zip(written, models, strict=True):
        text = list(PROMPT)
        with torch.inference_mode():
            for token in side:
                assert token == int(model(input_ids=torch.tensor([text])).logits[0, -1].argmax())
                text.append(token)
        assert len(side) == 10


@pytest.mark.soon(2)
@each_way
def test_many_answers_at_once_are_those_of_one_by_one(
    trained: Callable[[str], Run], workspace: Workspace, kind: str
) -> None:
    run = trained(kind)
    task, recipe = TaskStore(workspace).load_task(TASK_ID), run.load_recipe()
    pair = Pair(recipe, find_device())
    pair.use(run, recipe, STEPS)
    asked = [*task.instances[:3], *task.instances[-3:]]
    prompts = [encode_asked(recipe.objective, task, one, pair.tokenizer) for one in asked]
    for tuned in (False, True):
        batched = pair.answer_many(prompts, 8, tuned=tuned, batch=4)
        assert batched == [text for prompt in prompts for text in pair.answer_many([prompt], 8, tuned=tuned)]


def choose_ways(run: Run) -> tuple[Any, Any, list[dict[str, Any]]]:
    """Return the model of a run, the batcher that a trial of some rows chose, and the rows."""
    import torch

    from studio.training.batch import Batcher
    from studio.training.trial import Trial

    recipe = run.load_recipe()
    method, folder = recipe.method, recipe.base.find_folder()
    assert folder is not None
    torch.manual_seed(0)
    model = method.attach(load_base(folder, recipe.precision, find_device()))
    method.begin(model, STEPS)
    if not method.saves_whole_model:
        assert method.restore(model, run.find_checkpoint(STEPS)) or model.load_adapter(
            run.find_checkpoint(STEPS), "default", is_trainable=True
        )
    model.eval()
    rows = [
        {"input_ids": [*PROMPT, *range(70 + n, 75 + 3 * n), 9, 2], "labels": [-100] * (26 + 2 * n) + [9, 2]}
        for n in range(5)
    ]
    batcher = Batcher(0)
    Trial(model, batcher, [Row(**row) for row in rows]).choose()
    return model, batcher, rows


@pytest.mark.soon(4)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if not count_tokens(kind)])
def test_a_beginning_that_is_read_once_gives_the_same_loss_and_gradients(
    trained: Callable[[str], Run], kind: str
) -> None:
    from studio.training.batch import Batcher

    model, batcher, rows = choose_ways(trained(kind))
    assert batcher.shared > 0
    found = []
    for shares in (False, True):
        batch = (batcher if shares else Batcher(0))(rows)
        assert ("prefix_ids" in batch) == shares
        loss = sum_loss(model, batch)
        loss.total.backward()
        found.append({key: value.grad.clone() for key, value in model.named_parameters() if value.grad is not None})
        found[-1]["loss"] = loss.total.detach()
        model.zero_grad()
    alone, shared = found
    assert alone.keys() == shared.keys() and len(alone) > 1
    for key in alone:
        assert (shared[key] - alone[key]).norm() <= 1e-3 * alone[key].norm() + 1e-5, key


@pytest.mark.soon(3)
@pytest.mark.parametrize("kind", filter(count_tokens, KINDS))
def test_after_learnt_tokens_every_row_is_read_whole(trained: Callable[[str], Run], kind: str) -> None:
    _, batcher, _ = choose_ways(trained(kind))
    assert batcher.shared == 0


@each_way
def test_a_checkpoint_says_what_made_it_and_holds_its_weights_safely(trained: Callable[[str], Run], kind: str) -> None:
    folder = trained(kind).find_checkpoint(STEPS)
    assert json.loads((folder / "recipe.json").read_text())["method"]["name"] == KINDS[kind]["name"]
    weights = {file.name for file in folder.iterdir() if file.suffix in (".safetensors", ".bin")}
    assert weights <= {"adapter_model.safetensors", "model.safetensors", "training_state.safetensors"}


@each_way
def test_what_it_learnt_becomes_part_of_the_weights_or_is_refused(
    trained: Callable[[str], Run], workspace: Workspace, kind: str
) -> None:
    import torch

    run = trained(kind)
    recipe = run.load_recipe()
    stack = resolve(workspace, ModelRef(ref=f"run:{run.run_id}@{STEPS}"))
    if recipe.method.merges_into(find_config_folder(recipe.base)):
        model = load_stack(stack, recipe.precision, find_device())
        assert torch.allclose(read_alone(model), read_alone(load_alone(run, STEPS)[1]), atol=1e-4)
        assert not any(value.requires_grad for value in model.parameters())
    else:
        with raises(ModelError, f"{run.name} LoRA", field="model"):
            check_stack(stack, recipe.precision)


OTHER: dict[str, dict[str, Any]] = {
    "lora": {"rank": 2, "targets": "attention"},
    "dora": {"rank": 2, "targets": "mlp"},
    "adalora": {"rank": 2, "targets": "attention"},
    "vera": {"rank": 300, "targets": "attention"},
    "loha": {"rank": 2, "targets": "mlp"},
    "oft": {"block_size": 8, "targets": "mlp"},
    "bottleneck": {"placement": "houlsby", "size": 3, "non_linearity": "tanh"},
    "prefix": {"tokens": 3},
    "prompt": {"tokens": 3},
    "ptuning": {"tokens": 3, "width": 7},
    "llama_adapter": {"tokens": 3, "layers": 1},
}
"""Settings beside the usual ones, for a second run of the same method."""


@pytest.mark.soon(1)
@pytest.mark.parametrize("kind", sort_out(OTHER))
def test_two_runs_of_a_method_take_turns_beside_one_base(
    trained: Callable[[str], Run], workspace: Workspace, kind: str
) -> None:
    import torch

    first = trained(kind)
    recipe = {**first.load_recipe().to_json(), "method": {"name": kind, **OTHER[kind]}}
    second = train(workspace, {**recipe, "training": {**recipe["training"], "max_steps": 2, "save_every": 0}})
    base = read_alone(load_alone(first, STEPS)[0], 2 if METHODS.find(kind).skips_rows else 1)
    pair = Pair(first.load_recipe(), find_device())
    for run, step in ((first, STEPS), (second, 2), (first, STEPS)):
        assert pair.serves(run.load_recipe())
        pair.use(run, run.load_recipe(), step)
        found = read_pair(pair)
        assert torch.equal(found[BASE], base)
        assert torch.allclose(found[TUNED], read_alone(load_alone(run, step)[1]), atol=1e-5)
