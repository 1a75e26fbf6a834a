"""What every method promises of a model: counted exactly, learns, changes only what it says, comes back.

Each method is tried on a Llama and on two more architectures, in turn; `make zoo` tries all on all.
"""

import json
import math
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from architectures import ARCHITECTURES
from telling import raises

from studio.errors import RecipeError
from studio.estimates.counting import count, count_saved
from studio.methods import METHODS, Method
from studio.methods.lora import Lora

STEPS = 5
VARIANTS: dict[str, dict[str, Any]] = {
    "lora-pissa": {"name": "lora", "init": "pissa"},
    "lora-plus": {"name": "lora", "plus_ratio": 16},
    "lora-dropout": {"name": "lora", "dropout": 0.1},
    "lokr-factor": {"name": "lokr", "factor": 4},
    "bottleneck-houlsby": {"name": "bottleneck", "placement": "houlsby", "non_linearity": "gelu", "size": 5},
    "prefix-projection": {"name": "prefix", "projection": 16},
    "ptuning-lstm": {"name": "ptuning", "network": "lstm", "width": 16},
    "llama_adapter-layers": {"name": "llama_adapter", "layers": 2, "tokens": 3},
    "vera-attention": {"name": "vera", "targets": "attention", "rank": 7},
}
"""Settings that change what is attached, tried on one architecture."""
NOT_THERE = {(method, "gpt2") for method in ("loha", "lokr", "oft")} | {
    ("llama_adapter", kind)
    for kind in ("gpt_neox", "qwen3", "gemma3_text", "qwen3_moe", "qwen3_moe_mixed")
    if kind in ARCHITECTURES
}
"""What can't be attached; refused in words before anything is loaded."""
EVERY = bool(os.environ.get("STUDIO_ZOO"))
APART = 4
"""Of the architectures beside the first, a method is tried on every fourth; neighbours in its family on others."""


class Case(NamedTuple):
    """A method as the form gives it, and the architecture that it is tried on."""

    given: str
    kind: str
    name: str


def list_cases() -> list[Case]:
    """Return every method on the first architecture, and in turn on the others; then the variants."""
    cases = [
        Case(json.dumps({"name": name}), kind, f"{name}-{kind}")
        for place, kind in enumerate(ARCHITECTURES)
        for turn, name in enumerate(METHODS.members)
        if (name, kind) not in NOT_THERE and (EVERY or not place or (turn + place) % APART == 0)
    ]
    cases += [Case(json.dumps(given), "llama", name) for name, given in VARIANTS.items()]
    elsewhere = (
        ("lora-pissa", "gpt2"),
        ("bottleneck-houlsby", "qwen3_moe_mixed"),
        ("prefix-projection", "qwen3"),
    )
    return cases + [Case(json.dumps(VARIANTS[name]), kind, f"{name}-{kind}") for name, kind in elsewhere]


CASES = list_cases()
SOON = {*CASES[: len(METHODS.members)], *CASES[len(METHODS.members) :: 4]}
"""Every method on the first architecture, and a fourth of all else; the others come with `make long`."""


def is_always(method: Method, kind: str) -> bool:
    """Every method on every architecture."""
    return True


def is_adapter(method: Method, kind: str) -> bool:
    """Methods that save something beside the model, rather than a model."""
    return not method.saves_whole_model


def says_that_it_skips_rows(method: Method, kind: str) -> bool:
    """Methods that can be left out of single rows; PiSSA changes the base's own weights, which all rows read."""
    return method.skips_rows and getattr(method, "init", "") != "pissa"


def has_room_for_padding(method: Method, kind: str) -> bool:
    """All but a prefix before a short window: the padding is between the two, and takes a part of the window."""
    return method.name != "prefix" or ARCHITECTURES[kind].get("sliding_window", 99) >= 32


def promised(holds: Callable[[Method, str], bool] = is_always) -> Callable[[Any], Any]:
    """Let a test see each case in which its promise is made."""

    def mark(test: Any) -> Any:
        test.holds = holds
        made = [
            pytest.param(case, id=case.name, marks=() if case in SOON else pytest.mark.long)
            for case in CASES
            if holds(read_method(case), case.kind)
        ]
        return pytest.mark.parametrize("tuned", made, indirect=True)(test)

    return mark


def read_method(case: Case) -> Method:
    """Return the method of a case."""
    return METHODS.read(json.loads(case.given))


class Tuned(NamedTuple):
    """A method that was attached to a model and trained for a few steps, and what was seen on the way."""

    method: Method
    folder: Path
    batch: dict[str, Any]
    base: Any
    own: dict[str, Any]
    before: dict[str, Any]
    model: Any
    begun: dict[str, Any]
    losses: list[float]


@pytest.fixture
def tuned(request: pytest.FixtureRequest, model_folder: Callable[[str], Path]) -> Tuned:
    """The case of a test, tuned once for all tests of it."""
    return tune_case(request.param, model_folder(request.param.kind))


@lru_cache(maxsize=1)
def tune_case(case: Case, folder: Path) -> Tuned:
    """Tune a case; its tests follow one another."""
    return tune(read_method(case), folder)


def tune(method: Method, folder: Path) -> Tuned:
    """Attach a method to the model of a folder and train it for a few steps."""
    import torch

    torch.manual_seed(1)
    ids = torch.randint(3, 260, (4, 12))
    batch = {"input_ids": ids, "labels": ids}
    model = load(folder)
    own = dict(model.named_parameters())
    before = {key: value.detach().clone() for key, value in own.items()}
    model = method.attach(model)
    method.begin(model, STEPS)
    trained = {key: value for key, value in model.named_parameters() if value.requires_grad}
    begun = {key: value.detach().clone() for key, value in trained.items()}
    rate = method.learning_rate_small
    optimiser = torch.optim.AdamW(method.group_parameters(model, rate, 0.0) or trained.values(), lr=rate)
    losses = []
    for step in range(1, STEPS + 1):
        loss = model(**batch).loss
        losses.append(float(loss.detach()))
        (loss + method.penalise(model)).backward()
        optimiser.step()
        method.after_step(model, step)
        optimiser.zero_grad()
    model.eval()
    return Tuned(method, folder, batch, load(folder), own, before, model, begun, losses)


def load(folder: Path) -> Any:
    """Return the frozen base as the studio has it before a method is attached."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder).requires_grad_(False).eval()


def answer(model: Any, batch: dict[str, Any]) -> Any:
    """Return the logits."""
    import torch

    with torch.no_grad():
        return model(input_ids=batch["input_ids"]).logits


def save(tuned: Tuned, folder: Path) -> None:
    """Save as the training child does."""
    tuned.model.save_pretrained(folder)
    tuned.method.finish_checkpoint(tuned.model, folder)


@pytest.mark.soon(13)
@promised()
def test_the_count_on_the_config_alone_is_that_of_the_real_model(tuned: Tuned) -> None:
    parameters = list(tuned.model.parameters())
    counted = count(tuned.folder, tuned.method)
    assert counted.trainable == sum(p.numel() for p in parameters if p.requires_grad) > 0
    assert counted.total == sum(p.numel() for p in parameters)
    assert counted.base == tuned.base.num_parameters()
    assert counted.trainable == sum(part.rows * part.columns * part.times for part in counted.parts)


@promised()
def test_a_few_steps_lower_the_loss(tuned: Tuned) -> None:
    assert tuned.losses[-1] < tuned.losses[0]


@promised()
def test_what_it_says_it_trains_changes(tuned: Tuned) -> None:
    import torch

    trained = {key: value for key, value in tuned.model.named_parameters() if value.requires_grad}
    assert trained.keys() == tuned.begun.keys()
    changed = {key for key, value in trained.items() if not torch.equal(value, tuned.begun[key])}
    assert len(changed) > 0.8 * len(trained)
    own = {id(value) for value in tuned.own.values()}
    assert {id(value) in own for value in trained.values()} == {tuned.method.saves_whole_model}


@promised(is_adapter)
def test_an_adapter_leaves_the_base_as_it_was(tuned: Tuned) -> None:
    import torch

    moved = {key for key, value in tuned.own.items() if not torch.equal(value, tuned.before[key])}
    pairs = {key.split(".lora_")[0].removeprefix("base_model.model.") for key in tuned.begun}
    starts_from_the_weights = getattr(tuned.method, "init", "") == "pissa"
    assert {key.removesuffix(".weight") for key in moved} == (pairs if starts_from_the_weights else set())


@promised()
def test_what_was_saved_answers_alike(tuned: Tuned, tmp_path: Path) -> None:
    import torch

    save(tuned, tmp_path)
    if tuned.method.saves_whole_model:
        again = load(tmp_path)
    else:
        again = tuned.method.load(load(tuned.folder), tmp_path, "tuned1").eval()
        assert not (tmp_path / "model.safetensors").exists()
    found, wanted = answer(again, tuned.batch), answer(tuned.model, tuned.batch)
    if is_saved_otherwise(tuned.method):
        assert torch.allclose(found, wanted, atol=1e-5)
    else:
        assert torch.equal(found, wanted)
    assert not torch.allclose(found, answer(tuned.base, tuned.batch), atol=1e-5)


def is_saved_otherwise(method: Method) -> bool:
    """Whether what is saved is the same sum in another order: of more or fewer columns, or made in a batch of one."""
    return getattr(method, "init", "") == "pissa" or method.name in ("adalora", "ptuning")


@promised(is_adapter)
def test_what_was_saved_is_a_file_of_peft(tuned: Tuned, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel

    save(tuned, tmp_path)
    plain = PeftModel.from_pretrained(load(tuned.folder), tmp_path).eval()
    length = tuned.batch["input_ids"].shape[1]
    assert torch.allclose(answer(plain, tuned.batch)[:, -length:], answer(tuned.model, tuned.batch), atol=1e-5)


@promised()
def test_the_file_holds_as_many_numbers_as_was_told(tuned: Tuned, tmp_path: Path) -> None:
    from safetensors import safe_open

    save(tuned, tmp_path)
    file = "model" if tuned.method.saves_whole_model else "adapter_model"
    with safe_open(tmp_path / f"{file}.safetensors", "pt") as saved:
        held = sum(math.prod(saved.get_slice(key).get_shape()) for key in saved.keys())
    told = count_saved(tuned.method, count(tuned.folder, tuned.method))
    assert held == pytest.approx(told, rel=0.35 if tuned.method.name == "adalora" else 0)


@promised(is_adapter)
def test_the_base_is_still_there_beside_an_adapter(tuned: Tuned, tmp_path: Path) -> None:
    import torch

    save(tuned, tmp_path)
    again = tuned.method.load(load(tuned.folder), tmp_path, "tuned1").eval()
    with again.disable_adapter():
        assert torch.equal(answer(again, tuned.batch), answer(tuned.base, tuned.batch))
    assert not torch.allclose(answer(again, tuned.batch), answer(tuned.base, tuned.batch), atol=1e-5)


@promised(says_that_it_skips_rows)
def test_it_skips_single_rows_of_a_batch_if_it_says_so(tuned: Tuned) -> None:
    import torch

    ids = tuned.batch["input_ids"]
    both = answer_mixed(tuned.model, torch.cat([ids, ids]), ["__base__"] * len(ids) + ["default"] * len(ids))
    alone, beside = answer(tuned.base, tuned.batch), answer(tuned.model, tuned.batch)
    assert torch.allclose(both[: len(ids)], alone, atol=1e-5)
    assert torch.allclose(both[len(ids) :], beside, atol=1e-5)
    assert not torch.allclose(alone, beside, atol=1e-5)


def answer_mixed(model: Any, ids: Any, names: list[str]) -> Any:
    """Return the logits of rows of which each has an adapter of its own."""
    import torch

    with torch.no_grad():
        return model(input_ids=ids, adapter_names=names).logits


@promised(has_room_for_padding)
def test_rows_that_are_padded_answer_as_they_do_alone(tuned: Tuned) -> None:
    import torch

    ids, longest = tuned.batch["input_ids"], tuned.batch["input_ids"].shape[1]
    mask = torch.tensor([[0] * pads + [1] * (longest - pads) for pads in (0, 2, 3, 5)])
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    with torch.no_grad():
        found = tuned.model(input_ids=ids * mask, attention_mask=mask, position_ids=positions).logits
    for row, pads in enumerate((0, 2, 3, 5)):
        alone = answer(tuned.model, {"input_ids": ids[row : row + 1, pads:]})[0]
        assert torch.allclose(found[row, pads:], alone, atol=1e-5)


@pytest.mark.parametrize(("name", "architecture"), sorted(NOT_THERE))
def test_what_can_not_be_attached_is_told_in_words(
    name: str, architecture: str, model_folder: Callable[[str], Path]
) -> None:
    method, folder = METHODS.read(name), model_folder(architecture)
    told = []
    for attempt in (lambda: count(folder, method), lambda: method.attach(load(folder))):
        with pytest.raises(RecipeError) as caught:
            attempt()
        assert caught.value.field == "method.name"
        told.append(str(caught.value))
    assert told[0] == told[1] and method.title in told[0] and "Choose" in told[0]


@pytest.mark.parametrize("name", METHODS.members)
def test_it_says_what_it_is_and_when_to_choose_it(name: str) -> None:
    method = METHODS.find(name)
    assert all(said.endswith(".") for said in (method.summary, method.when, method.touches))
    assert method.paper.startswith("https://arxiv.org/abs/")
    assert method.title in (METHODS.read(name).words, METHODS.read(name).words.split(",")[0])


@pytest.mark.parametrize("name", ["prefix", "prompt", "ptuning"])
def test_learnt_tokens_that_leave_no_room_are_refused(name: str, model_folder: Callable[[str], Path]) -> None:
    method, folder = METHODS.read({"name": name, "tokens": 128}), model_folder("gpt2")
    with raises(RecipeError, "tokens 128") as told:
        count(folder, method)
    assert told.value.field == "method.tokens"


def test_more_layers_than_there_are_are_refused(model_folder: Callable[[str], Path]) -> None:
    with raises(RecipeError, "layers 3 4") as told:
        count(model_folder("llama"), METHODS.read({"name": "llama_adapter", "layers": 4}))
    assert told.value.field == "method.layers"


def test_learnt_tokens_begin_as_the_text_says(tiny_model: Path) -> None:
    import torch

    base = load(tiny_model)
    words = base.get_input_embeddings().weight.clone()
    method = METHODS.read({"name": "prompt", "init": "text", "text": "abc", "tokens": 7})
    begun = method.attach(base).prompt_encoder["default"].embedding.weight
    place = [int((words == row).all(1).nonzero()[0]) for row in begun]
    assert place == [place[0], place[1], place[2]] * 2 + [place[0]] and len({*place[:3]}) == 3
    assert place[1] - place[0] == place[2] - place[1] == 1
    random = METHODS.read({"name": "prompt", "tokens": 7}).attach(load(tiny_model)).prompt_encoder["default"]
    assert all((words == row).all(1).any() for row in random.embedding.weight)
    assert not torch.equal(random.embedding.weight, begun)


def test_lora_plus_lets_the_second_matrix_learn_faster(model_folder: Callable[[str], Path]) -> None:
    method = Lora(plus_ratio=16)
    model = method.attach(load(model_folder("llama")))
    first, second = method.group_parameters(model, 0.01, 0.1) or ()
    assert (first["lr"], second["lr"], second["weight_decay"]) == (0.01, 0.16, 0.1)
    assert {len(value) for value in first["params"]} == {8} == {value.shape[1] for value in second["params"]}
    assert len(first["params"]) + len(second["params"]) == sum(p.requires_grad for p in model.parameters())
    assert Lora().group_parameters(model, 0.01, 0.1) is None


def test_adalora_keeps_the_rank_it_promises(model_folder: Callable[[str], Path]) -> None:
    import torch

    method, folder, steps = METHODS.read({"name": "adalora", "rank": 4}), model_folder("llama"), 20
    model = method.attach(load(folder))
    method.begin(model, steps)
    ids = torch.randint(3, 260, (4, 12), generator=torch.Generator().manual_seed(0))
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.01)
    kept = []
    for step in range(1, steps + 1):
        (model(input_ids=ids, labels=ids).loss + method.penalise(model)).backward()
        optimiser.step()
        method.after_step(model, step)
        optimiser.zero_grad()
        sizes = [value for name, value in model.named_parameters() if ".lora_E." in name]
        kept.append(sum(int((value != 0).sum()) for value in sizes))
    assert kept[0] == 6 * 21 and kept[-1] == 4 * 21
    assert kept == sorted(kept, reverse=True)


def test_lora_of_rank_4_on_a_thousand_by_thousand_matrix_trains_eight_thousand_numbers() -> None:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel

    class One(PreTrainedModel):
        config_class = PretrainedConfig

        def __init__(self) -> None:
            super().__init__(PretrainedConfig())
            self.block = torch.nn.Sequential(torch.nn.Linear(1000, 1000, bias=False))

        def get_output_embeddings(self) -> None:
            return None

        def prepare_inputs_for_generation(self) -> None:
            return None

    model = Lora(rank=4).attach(One().requires_grad_(False))
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 8_000
