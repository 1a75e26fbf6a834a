"""What a run asks of a graphics card, as far as a processor can show it: one card, and 16 bits that it has.

Nothing here ran on a card. A card without bf16 is told in words of its kind, and what fp16 does to numbers is tried on
the processor, which knows it too.
"""

import os
from pathlib import Path
from typing import Any

import psutil
import pytest
from tiny import TASK_ID, import_task, read_model_recipe, sum_loss, wait_until

from studio.estimates.counting import find_shape
from studio.launchers import process as launcher
from studio.methods import METHODS
from studio.models import device as devices
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


def test_a_base_in_bf16_is_left_out_where_only_fp16_is_fast() -> None:
    for method in ("lora", "full"):
        assert make_recipe(method=method, precision="bf16").choose_half(OLD_CARD) is None
        assert make_recipe(method=method, precision="bf16").choose_half(NEW_CARD) == "bf16"
        assert make_recipe(method=method, precision="fp32").choose_half(OLD_CARD) == "fp16"
    usual = [device.usual_precision for device in (OLD_CARD, NEW_CARD, PLAIN)]
    assert usual == ["fp32", "bf16", "fp32"]


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


@pytest.mark.parametrize("name", METHODS.members)
def test_every_method_trains_in_fp16(name: str, tiny_model: Path) -> None:
    """On the processor, which knows fp16, too; torch's scaler wants gradients in 32 bits."""
    import torch

    from studio.training.fast.fused_lora import fuse_lora

    rows = [{"input_ids": [*range(9, 30 + n)], "labels": [-100] * 12 + [*range(21, 30 + n)]} for n in range(3)]
    method = METHODS.read(name)
    taken = [precision for precision in PRECISIONS.members if not method.refuses(PRECISIONS.read(precision))]
    halved = [one for one in taken if make_recipe(method=name, precision=one).choose_half(OLD_CARD) is not None]
    assert halved
    for precision in halved:
        torch.manual_seed(0)
        model = method.attach(load_base(tiny_model, PRECISIONS.read(precision), PLAIN, gradients=True)).eval()
        method.begin(model, 10)
        for value in model.parameters():
            value.data = value.data + 0.01 * torch.randn_like(value) if value.requires_grad else value.data
        fuse_lora(model)
        exact, found = read_gradients(model, rows, 1), read_gradients(model, rows, 1024)
        assert len(exact) == len(found) > 0
        for one, other in zip(exact, found, strict=True):
            assert other.dtype == torch.float32 and (one - other).norm() < 0.05 * one.norm() + 1e-9, precision


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


def test_the_card_is_the_one_that_this_process_may_see(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = tmp_path / "nvidia-smi"
    shell.write_text(
        '#!/bin/sh\ncase "$*" in\n'
        '*--id=1*|*--id=GPU-2b*) echo "Second, 8192, 4096, 7.5";;\n'
        '*--id=0*) echo "First, 8192, 4096, 8.6";;\n'
        '*--id=*) echo "No devices were found"; exit 6;;\n'
        '*) echo "First, 8192, 4096, 8.6"; echo "Second, 8192, 4096, 7.5";;\nesac\n'
    )
    shell.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(devices, "_torch_has_cuda", lambda: True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    devices._nvidia.cache_clear()
    assert devices.find_device().name == "First"
    for seen, name in (("1", "Second"), ("1,0", "Second"), ("GPU-2b", "Second"), ("0", "First"), ("MIG-5", "First")):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", seen)
        assert devices.find_device().name == name, seen
    for none in ("", "-1", "7"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", none)
        assert devices.find_device().kind != "cuda", none


def test_a_card_is_asked_once_a_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell, asked = tmp_path / "nvidia-smi", tmp_path / "asked"
    shell.write_text(f"#!/bin/sh\necho >> {asked}\necho 'A Card, 8192, 4096, 8.6'\n")
    shell.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(devices, "_torch_has_cuda", lambda: True)
    for fresh, times in ((1e9, 1), (1e-9, 4)):
        monkeypatch.setattr(devices, "FRESH_SECONDS", fresh)
        devices._nvidia.cache_clear()
        asked.write_text("")
        assert {devices.find_device().name for _ in range(4)} == {"A Card"}
        assert asked.read_text().count("\n") == times


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
    assert {value.element_size() for value in others} == {stored.count_number(bf16=False)}
    shape = find_shape(tiny_model)
    other = sum(value.numel() for value in others)
    assert stored.count_bytes(0, other, bf16=False) == sum(value.nbytes for value in others)
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
    old, new = weigh(OLD_CARD, precision="nf4"), weigh(NEW_CARD, precision="nf4")
    assert old["activations"] > new["activations"]  # what goes from layer to layer stays in 32 bits
    assert old["base weights"] > new["base weights"]  # so do the numbers beside the codes


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
