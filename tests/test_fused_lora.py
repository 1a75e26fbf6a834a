"""LoRA as one operation gives what peft gives, as near to the truth of 32 bits, and stays away where it can't."""

import copy
from pathlib import Path
from typing import Any

import pytest

IDS = [list(range(40, 70)), list(range(100, 130))]


def load(folder: Path, precision: str = "fp32", method: str = "lora", **options: Any) -> Any:
    """The tiny model at a precision with an adapter that changes its answers, in training."""
    import torch

    from studio.methods import METHODS
    from studio.models.device import find_device
    from studio.models.loading import load_base
    from studio.precisions import PRECISIONS

    torch.manual_seed(0)
    base = load_base(folder, PRECISIONS.find(precision)(), find_device(), gradients=True)
    model = METHODS.find(method)(**options).attach(base)
    dice = torch.Generator().manual_seed(0)
    for name, value in model.named_parameters():
        if "lora_B" in name:
            value.data = 0.02 * torch.randn(value.shape, generator=dice)
    return model.train()


def measure(model: Any, autocast: bool = True) -> tuple[float, dict[str, Any]]:
    """The loss of two rows and the gradients."""
    import torch

    model.zero_grad()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        loss = model(input_ids=torch.tensor(IDS), labels=torch.tensor(IDS)).loss
    loss.backward()
    return float(loss.detach()), {
        name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None
    }


def distance(found: dict[str, Any], truth: dict[str, Any]) -> float:
    """How far gradients are from others, relative to them."""
    wrong = sum(float((found[name].float() - truth[name].float()).norm()) ** 2 for name in truth)
    return float((wrong / sum(float(value.float().norm()) ** 2 for value in truth.values())) ** 0.5)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "nf4"])
@pytest.mark.parametrize("method", ["lora", "rslora"])
def test_loss_and_gradients_are_as_near_to_the_truth_as_pefts(tiny_model: Path, precision: str, method: str) -> None:
    from studio.training.fast.fused_lora import fuse_lora

    model = load(tiny_model, precision, method, rank=4)
    plain_loss, plain = measure(model)
    truth_loss, truth = (plain_loss, plain) if precision == "nf4" else measure(copy.deepcopy(model).float(), False)
    assert fuse_lora(model) == 14, "seven linear layers in each of two blocks"
    loss, found = measure(model)
    assert {name: value.dtype for name, value in found.items()} == {name: value.dtype for name, value in plain.items()}
    assert abs(loss - truth_loss) <= 2 * abs(plain_loss - truth_loss) + 1e-3
    assert distance(found, truth) <= 2 * distance(plain, truth) + 0.02
    assert distance(found, plain) < 0.05, "and it is the very gradient, not only one as far away"


LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@pytest.mark.parametrize(
    ("rank", "groups"),
    [
        (4, [["q_proj", "k_proj", "v_proj"], ["o_proj"], ["gate_proj", "up_proj"], ["down_proj"]]),
        (20, [["q_proj"], ["k_proj"], ["v_proj"], ["o_proj"], ["gate_proj", "up_proj"], ["down_proj"]]),
        (32, [[name] for name in LAYERS]),
    ],
)
def test_layers_that_read_the_same_are_one_unless_they_are_too_wide(
    tiny_model: Path, rank: int, groups: list[list[str]]
) -> None:
    from peft.tuners.lora import LoraLayer

    from studio.training.fast.fused_lora import find_groups

    model = load(tiny_model, rank=rank)
    names = {module: name.split(".")[-1] for name, module in model.named_modules() if isinstance(module, LoraLayer)}
    found = [[names[layer] for layer in group] for group in find_groups(model, list(names))]
    assert found == [*groups, *groups], "those of two blocks"
    assert model.training


def test_a_base_in_16_bits_has_no_second_copy(tiny_model: Path) -> None:
    from peft.tuners.lora import LoraLayer

    from studio.training.fast.fused_lora import fuse_lora

    model = load(tiny_model, "bf16", rank=4)
    layers = [module for module in model.modules() if isinstance(module, LoraLayer)]
    before = [layer.get_base_layer().weight.clone() for layer in layers]
    fuse_lora(model)
    measure(model)
    for layer, weight in zip(layers, before, strict=True):
        kept, own = layer.forward.wide.weight, layer.get_base_layer().weight
        assert kept.untyped_storage().data_ptr() == own.untyped_storage().data_ptr()
        assert own.equal(weight)


@pytest.mark.parametrize("most", [0, 2**20], ids=["large", "small"])
def test_only_a_small_base_in_4_bits_is_kept_in_16_too(
    tiny_model: Path, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.training.fast import fused_lora

    monkeypatch.setattr(fused_lora, "MOST_COPIED_BYTES", most)
    model = load(tiny_model, "nf4", rank=4)
    plain = measure(model)
    fused_lora.fuse_lora(model)
    found = measure(model)
    kept = [module.forward.wide.weight for module in model.modules() if hasattr(module.forward, "wide")]
    assert len(kept) == 14 and len({id(weight) for weight in kept}) == (8 if most else 1)
    assert all((weight is not None) == bool(most) for weight in kept)
    assert abs(found[0] - plain[0]) < 0.01 and distance(found[1], plain[1]) < 0.05


def test_what_is_computed_in_32_bits_stays_with_peft(tiny_model: Path) -> None:
    from studio.training.fast.fused_lora import fuse_lora

    model = load(tiny_model, rank=4)
    before = measure(model, autocast=False)
    fuse_lora(model)
    after = measure(model, autocast=False)
    assert after[0] == before[0] and distance(after[1], before[1]) == 0


def test_without_its_adapter_it_is_the_base(tiny_model: Path) -> None:
    import torch

    from studio.training.fast.fused_lora import fuse_lora

    model = load(tiny_model, rank=4).eval()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16), model.disable_adapter():
        before = model(input_ids=torch.tensor(IDS)).logits
    fuse_lora(model)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        with model.disable_adapter():
            assert torch.equal(model(input_ids=torch.tensor(IDS)).logits, before)
        assert not torch.equal(model(input_ids=torch.tensor(IDS)).logits, before)


def test_gradients_pass_through_checkpointed_blocks(tiny_model: Path) -> None:
    from studio.training.fast.fused_lora import fuse_lora

    model = load(tiny_model, rank=4)
    fuse_lora(model, keep_copies=False)
    whole = measure(model)
    assert all(
        layer.wide.weight is None for layer in (one.forward for one in model.modules()) if hasattr(layer, "wide")
    )
    model.enable_input_require_grads()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    again = measure(model)
    assert again[0] == whole[0] and distance(again[1], whole[1]) < 1e-6


@pytest.mark.parametrize(
    ("method", "options"),
    [("lora", {"dropout": 0.1}), ("dora", {}), ("ia3", {}), ("adalora", {})],
    ids=["dropout", "dora", "ia3", "adalora"],
)
def test_what_is_no_plain_lora_is_left_alone(tiny_model: Path, method: str, options: dict[str, Any]) -> None:
    from studio.training.fast.fused_lora import fuse_lora

    assert fuse_lora(load(tiny_model, method=method, **options)) == 0


def test_int8_stays_with_its_library(tiny_model: Path) -> None:
    from studio.training.fast.fused_lora import fuse_lora

    assert fuse_lora(load(tiny_model, "int8", rank=4)) == 0


def test_the_session_trains_so(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tiny import import_task, losses, read_all, train, write_recipe

    from studio.recipes.recipe import Recipe
    from studio.training.trial import FUSED
    from studio.workspace import Workspace

    monkeypatch.setattr(Recipe, "choose_half", lambda *_: "bf16")
    workspace = Workspace(tmp_path / "home")
    import_task(workspace)
    run = train(workspace, write_recipe(tiny_model, method={"name": "lora", "rank": 4}, training={"max_steps": 30}))
    events = read_all(run)
    prepared = next(event for event in events if event["event"] == "prepared")
    assert FUSED in [one["way"] for one in prepared["ways"] if one["used"]]
    assert losses(events)[30] < 0.95 * losses(events)[1]
