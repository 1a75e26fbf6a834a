"""No fast path without a trial: each is used where it was exercised and changes nothing; where not, it is said."""

from pathlib import Path
from typing import Any

import pytest
from architectures import make_model
from test_batch import BEGINNING, make_rows, measure_alone, take_gradients
from tiny import sum_loss

from studio.objectives.objective import Row

KINDS = {
    "llama": (1_000, "left"),
    "gpt2": (1_000, "left"),
    "gemma3_text": (0, "left"),  # its window is shorter than the rows
    "bloom": (0, "left"),  # ALiBi counts what is read, and knows no positions
    "mamba": (0, "left"),  # a state has no parts, but a mask keeps the padding out of it
    "rwkv": (0, "right"),  # whatever comes before the text stays in its state
}
"""How each kind may read its rows: up to so many tokens of their beginning once, and filled up where."""
SMALL = {
    "bloom": {"vocab_size": 260, "hidden_size": 32, "n_layer": 2, "n_head": 4},
    "mamba": {"vocab_size": 260, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 8},
    "rwkv": {"vocab_size": 260, "hidden_size": 32, "num_hidden_layers": 2, "context_length": 128},
}


def load(kind: str, folder: Path, method: str = "lora") -> Any:
    """A tiny model with a method attached, as a run has it before its first step."""
    from transformers import AutoConfig, AutoModelForCausalLM

    from studio.methods import METHODS

    if kind in SMALL:
        base = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **SMALL[kind]))
    else:
        base = AutoModelForCausalLM.from_pretrained(make_model(kind, folder))
    targets = {"targets": "in_proj"} if kind == "mamba" else {}
    return METHODS.read({"name": method, **targets}).attach(base.requires_grad_(False))


def as_rows(rows: list[dict[str, list[int]]]) -> list[Row]:
    """Rows as a trial takes them."""
    return [Row(**row) for row in rows]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_chosen_has_the_loss_and_gradients_of_each_row_alone(kind: str, tmp_path: Path) -> None:
    from studio.training.batch import Batcher
    from studio.training.trial import ONCE, Trial

    model, rows = load(kind, tmp_path / kind), make_rows(BEGINNING)
    batcher = Batcher(0)
    wanted, gradients = measure_alone(model.train(kind == "rwkv"), rows)
    tried = Trial(model, batcher, as_rows(rows)).choose()
    most, padding = KINDS[kind]
    assert (batcher.shared > 0, batcher.padding) == (most > 0, padding)
    assert batcher.shared <= len(BEGINNING)
    assert all(bool(path.why) != path.used for path in tried)
    assert [path.used for path in tried if path.way == ONCE] == [most > 0]
    found = sum_loss(model, batcher(rows))
    (found.total / found.learnt).backward()
    assert float(found.total.detach() / found.learnt) == pytest.approx(wanted, abs=1e-5)
    for name, value in take_gradients(model).items():
        assert (value - gradients[name]).norm() <= 1e-3 * gradients[name].norm() + 1e-7, name


def test_what_the_rows_do_not_show_is_not_used(tmp_path: Path) -> None:
    from studio.training.batch import Batcher
    from studio.training.trial import ONCE, Trial

    model, batcher = load("llama", tmp_path / "llama"), Batcher(0)
    tried = Trial(model, batcher, as_rows(make_rows())).choose()
    assert batcher.shared == 0
    assert any(path.way == ONCE and not path.used and "beginning" in path.why for path in tried)


def test_a_window_counts_only_where_a_row_is_longer(tmp_path: Path) -> None:
    from studio.training.batch import Batcher
    from studio.training.trial import Trial

    rows = as_rows(make_rows(BEGINNING[:9]))
    short = [Row(row.input_ids[:15], row.labels[:15]) for row in rows]
    shared = []
    for given in (short, [*short, rows[-1]]):
        model, batcher = load("gemma3_text", tmp_path / str(len(given))), Batcher(0)
        Trial(model, batcher, given).choose()
        shared.append(batcher.shared > 0)
    assert shared == [True, False]


def test_the_rows_of_a_trial_are_the_shortest_and_longest_that_begin_alike() -> None:
    from studio.objectives.objective import count_shared
    from studio.training.trial import pick_rows

    one, other = as_rows(make_rows(BEGINNING)), as_rows(make_rows([*range(200, 220)]))
    assert [len(row.input_ids) for row in pick_rows(one)] == [len(one[0].input_ids), len(one[-1].input_ids)]
    mixed = pick_rows([*one[1:], *other[:-1], Row([5, 6], [5, 6])])
    assert mixed == [one[1], one[-1]] and count_shared(mixed) == len(BEGINNING)


def test_a_trial_leaves_no_trace_but_what_it_chose(tmp_path: Path) -> None:
    import torch

    from studio.training.batch import Batcher
    from studio.training.trial import Trial

    model = load("gemma3_text", tmp_path / "model").train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    attention, dice = model.config._attn_implementation, torch.get_rng_state()
    Trial(model, Batcher(0), as_rows(make_rows(BEGINNING))).choose()
    assert model.training and model.config._attn_implementation == attention
    assert torch.equal(torch.get_rng_state(), dice)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(value.grad is None for value in model.parameters())
    assert not any("forward" in vars(module) for module in model.modules())


def test_a_model_that_forgets_the_beginning_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from studio.training.batch import Batcher
    from studio.training.trial import ONCE, Trial

    model, batcher = load("llama", tmp_path / "llama"), Batcher(0)
    monkeypatch.setattr(type(model.get_base_model()), "set_attn_implementation", lambda model, name: None)
    tried = Trial(model, batcher, as_rows(make_rows(BEGINNING))).choose()
    assert batcher.shared == 0  # its attention takes all rows for one text
    assert any(path.way == ONCE and "%" in path.why for path in tried)


def test_a_layer_that_fuses_wrongly_is_given_back(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from test_fused_lora import load as load_tiny

    from studio.training.batch import Batcher
    from studio.training.fast import fused_lora
    from studio.training.trial import FUSED, ONCE, Trial

    read = fused_lora._read_weight
    for factor in (1.0, 1.5):
        monkeypatch.setattr(fused_lora, "_read_weight", lambda weight, to, by=factor: by * read(weight, to))
        model, batcher = load_tiny(tiny_model, rank=4), Batcher(0)
        tried = Trial(model, batcher, as_rows(make_rows(BEGINNING)), torch.bfloat16).choose()
        used = {path.way: path.used for path in tried}
        assert used[ONCE] and used[FUSED] == (factor == 1)
        layers = [module.forward for module in model.modules() if hasattr(module, "lora_A")]
        assert any("_Fused" in repr(forward) for forward in layers) == (factor == 1)


def test_a_model_that_can_not_read_a_row_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from studio.errors import ModelError
    from studio.training.batch import Batcher
    from studio.training.trial import Trial

    model = load("llama", tmp_path / "llama")

    def break_down(*_: Any, **__: Any) -> None:
        raise RuntimeError("no kernel for this")

    monkeypatch.setattr(type(model.get_base_model()), "forward", break_down)
    with pytest.raises(ModelError, match="no kernel for this") as told:
        Trial(model, Batcher(0), as_rows(make_rows())).choose()
    assert told.value.field == "model"


@pytest.mark.long
def test_the_built_in_base_takes_every_fast_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And its run says so."""
    from tiny import read_all, train

    from studio.recipes.recipe import Recipe
    from studio.tasks.store import TaskStore
    from studio.training.trial import FUSED, LEFT, NARROWED, ONCE
    from studio.workspace import Workspace

    monkeypatch.setattr(Recipe, "choose_half", lambda *_: "bf16")
    workspace = Workspace(tmp_path)
    task = TaskStore(workspace).list_tasks()[0].task_id
    training = {"max_steps": 1, "batch_size": 2, "evaluate_every": 0, "sample_every": 0, "save_every": 0}
    run = train(workspace, {"model": "builtin", "task_id": task, "method": "lora", "training": training})
    prepared = next(event for event in read_all(run) if event["event"] == "prepared")
    assert [(one["way"], one["used"]) for one in prepared["ways"]] == [
        (path, True) for path in (LEFT, NARROWED, ONCE, FUSED)
    ]


def give_kernels(monkeypatch: pytest.MonkeyPatch, factor: float = 1.0) -> None:
    """Let there be Liger's kernels, computed by torch; `factor` makes them wrong."""
    import sys
    from types import ModuleType, SimpleNamespace

    import torch

    from studio.training import trial

    def norm(x: Any, weight: Any, epsilon: float, *_: Any) -> Any:
        return weight * torch.nn.functional.rms_norm(x.float(), (x.shape[-1],), None, epsilon).to(x.dtype)

    def gated(gate: Any, up: Any) -> Any:
        return factor * torch.nn.functional.silu(gate) * up

    fake: Any = ModuleType("liger_kernel.ops")
    fake.LigerRMSNormFunction, fake.LigerSiLUMulFunction = SimpleNamespace(apply=norm), SimpleNamespace(apply=gated)
    monkeypatch.setitem(sys.modules, "liger_kernel", ModuleType("liger_kernel"))
    monkeypatch.setitem(sys.modules, "liger_kernel.ops", fake)
    monkeypatch.setattr(trial, "has_kernels", lambda: True)


@pytest.mark.parametrize(
    ("kind", "factor", "used"),
    [("llama", 1.0, True), ("llama", 1.5, False), ("gpt2", 1.0, False), ("none", 1.0, False)],
)
def test_kernels_are_used_on_a_card_where_they_suit_the_model_and_change_nothing(
    kind: str, factor: float, used: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    from studio.training.batch import Batcher
    from studio.training.trial import KERNELS, Trial

    if kind != "none":
        give_kernels(monkeypatch, factor)
    model, batcher = load(kind if kind in KINDS else "llama", tmp_path), Batcher(0)
    wanted, _ = measure_alone(model, make_rows(BEGINNING))
    rows = as_rows(make_rows(BEGINNING))
    tried = {one.way: one for one in Trial(model, batcher, rows, torch.bfloat16, on_card=True).choose(shares=False)}
    assert tried[KERNELS].used == used and bool(tried[KERNELS].why) != used
    held = {
        name for name, part in model.named_modules() if type(vars(part).get("forward")).__name__ in ("_Norm", "_Gated")
    }
    count = 3 * model.config.num_hidden_layers + 1  # each layer has two norms and a gated part; and the last norm
    assert len(held) == (count if used else 0)
    assert KERNELS not in {one.way for one in Trial(model, Batcher(0), rows).choose(shares=False)}, "on a processor"
    batch = batcher(make_rows(BEGINNING))
    found = sum_loss(model.eval(), batch).total.detach()  # in training GPT-2 draws lots
    assert float(found) / len(batch["learnt"]) == pytest.approx(wanted, rel=1e-3)
