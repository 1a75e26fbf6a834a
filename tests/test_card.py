"""What a run asks of a graphics card, as far as a processor can show it: one card, and 16 bits that it has.

Nothing here ran on a card. A card without bf16 is told in words of its kind, and what fp16 does to numbers is tried on
the processor, which knows it too.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from tiny import TASK_ID, import_task, read_all, read_model_recipe, sum_loss, train, wait_until

from studio.estimates.counting import find_shape
from studio.launchers import process as launcher
from studio.methods import METHODS
from studio.models.device import DeviceFacts
from studio.models.loading import load_base
from studio.precisions import PRECISIONS
from studio.recipes.recipe import Recipe, read_recipe
from studio.runs.run import new_run
from studio.workspace import Workspace

GIB = 2**30
OLD_CARD = DeviceFacts(kind="cuda", name="T4", memory_bytes=15 * GIB, free_bytes=15 * GIB, cores=2, bf16=False)
NEW_CARD = OLD_CARD.model_copy(update={"name": "L4", "bf16": True})
PLAIN = OLD_CARD.model_copy(update={"name": "a processor without bf16", "kind": "cpu"})


class HalfProcessor(DeviceFacts):
    """A processor that computes in fp16 as an old card does."""

    @property
    def half(self) -> Any:
        """What the old card has."""
        return "fp16"


HALF = HalfProcessor(**PLAIN.model_dump())
WAITS = ("aten._local_scalar_dense", "aten.nonzero", "aten.is_nonzero", "aten.equal")
"""What the processor reads off a card, and so waits for."""


def make_recipe(**changes: Any) -> Recipe:
    """A recipe with the defaults but for what is said."""
    return read_recipe({"task_id": TASK_ID, **changes})


def make_arguments(workspace: Workspace, recipe: Recipe, device: DeviceFacts) -> Any:
    """The arguments that a run of a recipe gives transformers."""
    from studio.training import session

    return session.make_arguments(new_run(workspace, recipe), recipe, recipe.training.plan(recipe.method, 1, 8), device)


def test_a_card_without_bf16_computes_in_fp16() -> None:
    assert (OLD_CARD.half, NEW_CARD.half, PLAIN.half) == ("fp16", "bf16", None)
    assert make_recipe().choose_half(OLD_CARD) == make_recipe(precision="nf4").choose_half(OLD_CARD) == "fp16"
    assert make_recipe(training={"mixed_precision": "off"}).choose_half(OLD_CARD) is None


def test_sixteen_bits_are_those_that_the_device_has() -> None:
    for method in ("lora", "full"):
        for precision in ("bf16", "fp32"):
            assert make_recipe(method=method, precision=precision).choose_half(OLD_CARD) == "fp16"
            assert make_recipe(method=method, precision=precision).choose_half(NEW_CARD) == "bf16"
    slow = OLD_CARD.model_copy(update={"name": "NVIDIA GeForce GTX 1660"})  # no tensor cores: 20 times slower in fp16
    devices_known = (OLD_CARD, NEW_CARD, PLAIN, slow)
    assert [device.half for device in devices_known] == ["fp16", "bf16", None, None]
    assert [device.usual_precision for device in devices_known] == ["bf16", "bf16", "fp32", "fp32"]


@pytest.mark.parametrize("precision", ["bf16", "int8", "nf4"])
def test_a_base_on_an_old_card_has_no_number_in_32_bits(precision: str, tiny_model: Path) -> None:
    import torch

    old = PLAIN.model_copy(update={"bf16": False})
    arguments = PRECISIONS.read(precision).load_arguments("cpu", OLD_CARD.half)
    assert arguments["dtype"] == torch.float16
    if precision == "nf4":
        assert arguments["quantization_config"].bnb_4bit_compute_dtype == torch.float16
    assert PRECISIONS.read(precision).count_number(OLD_CARD.half) == 2 and old.half is None


def test_weights_that_train_themselves_are_held_in_32_bits() -> None:
    assert make_recipe(method="full", precision="bf16").held_in.name == "fp32"
    assert make_recipe(method="lora", precision="bf16").held_in.name == "bf16"


def read_gradients(model: Any, rows: list[dict[str, list[int]]], scale: float) -> list[Any]:
    """The gradients of what trains, after a loss that was scaled up in fp16, or not at all where `scale` is 1."""
    import torch

    from studio.training.batch import Batcher

    model.zero_grad()
    with torch.autocast("cpu", dtype=torch.float16, enabled=scale > 1):
        loss = sum_loss(model, Batcher(0)(rows)).total
    (scale * loss).backward()
    found = [value.grad for value in model.parameters() if value.requires_grad and value.grad is not None]
    return [value.clone() / scale for value in found]


@pytest.mark.soon(6)
@pytest.mark.parametrize("name", METHODS.members)
def test_every_method_trains_in_fp16(name: str, tiny_model: Path) -> None:
    """On the processor, which knows fp16, too; torch's scaler wants gradients in 32 bits."""
    import torch

    from studio.training.fast.fused_lora import fuse_lora
    from studio.training.session import widen_trained

    rows = [{"input_ids": [*range(9, 30 + n)], "labels": [-100] * 12 + [*range(21, 30 + n)]} for n in range(3)]
    method = METHODS.read(name)
    taken = [precision for precision in PRECISIONS.members if not method.refuses(PRECISIONS.read(precision))]
    halved = [one for one in taken if make_recipe(method=name, precision=one).choose_half(OLD_CARD) is not None]
    assert halved
    for precision in halved:
        held = make_recipe(method=name, precision=precision).held_in
        read = []
        exactly = PRECISIONS.read("fp32" if precision == "bf16" else held.name)
        for device, stored, scale in ((PLAIN, exactly, 1), (HALF, held, 1024)):
            torch.manual_seed(0)
            model = method.attach(load_base(tiny_model, stored, device, gradients=True)).eval()
            widen_trained(model)
            method.begin(model, 10)
            for value in model.parameters():
                value.data = value.data + 0.01 * torch.randn_like(value) if value.requires_grad else value.data
            if device is HALF:
                fuse_lora(model)
            read.append(read_gradients(model, rows, scale))
        exact, found = read
        assert len(exact) == len(found) > 0
        whole = torch.cat([one.flatten() for one in exact]).norm()
        for one, other in zip(exact, found, strict=True):
            assert other.dtype == torch.float32, "torch's scaler takes no gradient in 16 bits"
            assert (one - other).norm() < 0.05 * one.norm() + 0.01 * whole, precision


def test_the_arguments_are_those_of_one_card(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    import_task(workspace)
    arguments = make_arguments(workspace, make_recipe(), OLD_CARD)
    assert arguments.fp16 and not arguments.bf16
    assert arguments.n_gpu == 1  # else transformers would part each batch among both
    assert arguments.train_batch_size == arguments.per_device_train_batch_size
    plain = make_arguments(workspace, make_recipe(training={"mixed_precision": "off"}), OLD_CARD)
    assert not plain.fp16 and not plain.bf16
    assert make_arguments(workspace, make_recipe(), PLAIN).n_gpu == 0


def test_a_step_on_a_card_waits_for_nothing_and_is_logged_by_time(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To read a number off a card, a processor waits until all that was begun there is done."""
    from torch.utils._python_dispatch import TorchDispatchMode

    from studio.training import session, trainer

    waits: list[int] = []
    steps_made: list[bool] = [False]

    class Look(TorchDispatchMode):
        """Counts what would be read off a card: numbers, and places that are counted there."""

        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            waits.extend([1] if steps_made[-1] and str(function).startswith(WAITS) else [])
            return function(*args, **(kwargs or {}))

    own = session.make_arguments

    def as_on_a_card(run: Any, recipe: Any, plan: Any, device: Any) -> Any:
        arguments, there = own(run, recipe, plan, device), own(run, recipe, plan, NEW_CARD)
        assert arguments.logging_steps == 1 and there.accelerator_config.non_blocking
        arguments.logging_steps = there.logging_steps
        return arguments

    end = trainer.Reporter.on_step_end

    def stop_counting(self: Any, *given: Any, **named: Any) -> None:
        steps_made.append(False)
        end(self, *given, **named)

    monkeypatch.setattr(session, "make_arguments", as_on_a_card)
    monkeypatch.setattr(trainer.Reporter, "on_step_begin", lambda *_, **__: steps_made.append(True))  # with a batch
    monkeypatch.setattr(trainer.Reporter, "on_step_end", stop_counting)
    clock = iter(range(10**6))
    monkeypatch.setattr(trainer, "time", SimpleNamespace(monotonic=lambda: 0.01 * next(clock)))
    workspace = Workspace(tmp_path)
    import_task(workspace)
    quiet = {"max_steps": 60, "evaluate_every": 0, "save_every": 0, "sample_every": 0}
    with Look():
        run = train(workspace, read_model_recipe(tiny_model, training=quiet).to_json())
    steps = [event["step"] for event in read_all(run) if event["event"] == "metrics"]
    assert steps[0] == 1 and steps[-1] == 60 and 3 < len(steps) < 20, "every quarter of a second, and the last"
    assert sum(steps_made) == 60 and not waits


def test_a_run_whose_table_of_words_lies_on_the_host_is_the_same_run(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.estimates.activations import Spared
    from studio.training import session

    workspace, told = Workspace(tmp_path), []
    import_task(workspace)
    training = {"max_steps": 4, "evaluate_every": 2, "sample_every": 2, "gradient_checkpointing": True}
    for spared in (Spared(), Spared(words=True)):
        monkeypatch.setattr(session, "choose_spared", lambda *_, spared=spared: spared)
        events = read_all(train(workspace, read_model_recipe(tiny_model, training=training).to_json()))
        told.append([[event.get("loss"), event.get("samples")] for event in events if "step" in event])
        prepared = next(event for event in events if event["event"] == "prepared")
        said = [way["used"] for way in prepared["ways"] if "table of words" in way["way"]]
        assert said == [True] * spared.words
    assert told[0] == told[1]


@pytest.mark.parametrize("ways", [{"whole": None}, {"whole": 0}, {"whole": 1, "on_host": True}], ids=str)
@pytest.mark.parametrize("shared", [0, 1000])
def test_nothing_is_asked_of_a_card_on_the_way_forth_and_back(
    shared: int, ways: dict[str, Any], tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from test_batch import BEGINNING, make_rows
    from torch.utils._python_dispatch import TorchDispatchMode

    from studio.methods.lora import Lora
    from studio.training.batch import Batcher, read_logprobs
    from studio.training.fast import one_pass
    from studio.training.fast.checkpointing import checkpoint_layers
    from studio.training.fast.fused_lora import fuse_lora

    def see(rows: int, keys: int) -> Any:  # torch's own is a tensor that can't be made while somebody looks
        return torch.ones(rows, keys, dtype=torch.bool).tril(keys - rows)

    monkeypatch.setattr(one_pass, "causal_lower_right", see)
    asked: list[str] = []

    class Look(TorchDispatchMode):
        """Notes what a processor would wait for."""

        def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            asked.extend([str(function)] if str(function).startswith(WAITS) else [])
            return function(*args, **(kwargs or {}))

    model = Lora(rank=4).attach(load_base(tiny_model, PRECISIONS.read("fp32"), PLAIN)).train()
    model.set_attn_implementation("sdpa")
    if ways["whole"] is not None:
        checkpoint_layers(model, **ways)
    fuse_lora(model)
    if shared:
        one_pass.use_one_pass(model)
    batch = Batcher(0, shared, padding="right")(make_rows(BEGINNING))
    assert "attention_mask" not in batch and ("prefix_ids" in batch) == bool(shared)
    with Look(), torch.autocast("cpu", dtype=torch.bfloat16):
        read_logprobs(model, batch).tokens.sum().backward()
    assert asked == []


def test_a_child_sees_one_card(monkeypatch: pytest.MonkeyPatch) -> None:
    for given, seen in ((None, "0"), ("1", "1")):
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if given:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
        child = launcher._start_child()
        try:
            environment = wait_until(psutil.Process(child.pid).environ)  # empty in the moment in which it is begun
        finally:
            child.communicate(timeout=120)  # no line comes, so it ends
        assert environment["CUDA_VISIBLE_DEVICES"] == seen
        assert environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID" and environment["PYTORCH_ENABLE_MPS_FALLBACK"] == "1"
        assert child.returncode == 0


@pytest.mark.parametrize("precision", PRECISIONS.members)
def test_a_base_without_bf16_takes_the_bytes_that_are_told(precision: str, tiny_model: Path) -> None:
    stored = PRECISIONS.read(precision)
    model = load_base(tiny_model, stored, PLAIN)
    others = [value for name, value in model.named_parameters() if "proj" not in name]
    assert {value.element_size() for value in others} == {stored.count_number(None)}
    shape = find_shape(tiny_model)
    other = sum(value.numel() for value in others)
    assert stored.count_bytes(0, other, None) == sum(value.nbytes for value in others)
    assert other == shape.base - shape.linear


def test_the_memory_told_knows_what_the_card_computes_in(tiny_model: Path) -> None:
    from studio.estimates.estimate import TaskSize, weigh_memory

    task = TaskSize(60, 100, 100, 20)

    def weigh(device: DeviceFacts, **changes: Any) -> dict[str, int]:
        return weigh_memory(
            read_model_recipe(tiny_model, training={"mixed_precision": "auto"}, **changes), *given(device)
        )

    def given(device: DeviceFacts) -> tuple[Path, TaskSize, DeviceFacts]:
        return tiny_model, task, device

    assert weigh(OLD_CARD) == weigh(NEW_CARD)  # of a base in 32 bits both multiply a copy in 16
    assert weigh(OLD_CARD, precision="nf4") == weigh(NEW_CARD, precision="nf4")  # so do the numbers beside codes
    exact = weigh(PLAIN, precision="nf4")
    assert exact["activations"] > weigh(NEW_CARD, precision="nf4")["activations"]
    assert exact["base weights"] > weigh(NEW_CARD, precision="nf4")["base weights"]


def test_a_scaled_step_is_made_and_one_that_outgrew_fp16_is_not(tiny_model: Path) -> None:
    import torch

    from studio.methods.lora import Lora

    model = Lora(rank=4).attach(load_base(tiny_model, PRECISIONS.read("nf4"), PLAIN, gradients=True))
    trained = [value for value in model.parameters() if value.requires_grad]
    optimiser, scaler = torch.optim.AdamW(trained, lr=1e-3, fused=True), torch.amp.GradScaler("cpu")
    for gradient, moves in ((65536.0, True), (float("inf"), False)):
        before = [value.detach().clone() for value in trained]
        scaler.scale(torch.zeros(()))  # it begins to scale with the first loss
        for value in trained:
            value.grad = torch.full_like(value, gradient)
        scaler.unscale_(optimiser)
        scaler.step(optimiser)
        scaler.update()
        assert {(value != old).float().mean().item() for value, old in zip(trained, before, strict=True)} == {moves}


def test_a_step_that_outgrew_fp16_leaves_no_trace(tiny_model: Path) -> None:
    import torch
    from transformers import TrainerControl, TrainerState

    from studio.training.trainer import MethodSteps

    method = METHODS.read({"name": "adalora", "rank": 4})
    model = method.attach(load_base(tiny_model, PRECISIONS.read("fp32"), PLAIN))
    method.begin(model, 20)
    steps = MethodSteps(method, model)
    options: Any = type("Options", (), {"fp16": True})()
    for step in range(3):
        model(input_ids=torch.tensor([[5, 6, 7]]), labels=torch.tensor([[5, 6, 7]])).loss.backward()
        trained = [value for value in model.parameters() if value.grad is not None]
        if step == 1:
            for value in trained:
                value.grad.fill_(float("inf"))
            trained[0].grad.fill_(float("nan"))
        steps.on_optimizer_step(options, TrainerState(global_step=step), TrainerControl())
        model.zero_grad()
    allocator = model.base_model.rankallocator
    assert allocator.exp_avg_ipt and all(value.isfinite().all() for value in allocator.exp_avg_ipt.values())
