"""What every method promises, on every architecture: counted exactly, learns, changes only what it says, comes back."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from architectures import ARCHITECTURES

from studio.estimates.counting import count, find_shape
from studio.methods import METHODS, Method
from studio.methods.lora import Lora
from studio.methods.targets import find_targets

STEPS = 5


class Tuned(NamedTuple):
    """A method that was attached to a model and trained for a few steps, and what was seen on the way."""

    method: Method
    folder: Path
    batch: dict[str, Any]
    base: Any
    before: dict[str, Any]
    model: Any
    trained: set[str]
    losses: list[float]


@pytest.fixture(scope="module", params=[(m, a) for a in ARCHITECTURES for m in METHODS.members], ids="-".join)
def tuned(request: pytest.FixtureRequest, model_folder: Callable[[str], Path]) -> Iterator[Tuned]:
    """Each method on each architecture."""
    import torch

    name, architecture = request.param
    method, folder = METHODS.read(name), model_folder(architecture)
    torch.manual_seed(1)
    ids = torch.randint(3, 260, (4, 12))
    batch = {"input_ids": ids, "labels": ids}
    model = load(folder)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model = method.attach(model)
    trained = {key for key, value in model.named_parameters() if value.requires_grad}
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=method.learning_rate_small)
    losses = []
    for _ in range(STEPS):
        loss = model(**batch).loss
        losses.append(float(loss.detach()))
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    model.eval()
    yield Tuned(method, folder, batch, load(folder), before, model, trained, losses)


def load(folder: Path) -> Any:
    """Return the frozen base as the studio has it before a method is attached."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder).requires_grad_(False).eval()


def answer(model: Any, batch: dict[str, Any]) -> Any:
    """Return the logits."""
    import torch

    with torch.no_grad():
        return model(input_ids=batch["input_ids"]).logits


def test_the_count_on_the_config_alone_is_that_of_the_real_model(tuned: Tuned) -> None:
    parameters = list(tuned.model.parameters())
    counted = count(tuned.folder, tuned.method)
    assert counted.trainable == sum(p.numel() for p in parameters if p.requires_grad) > 0
    assert counted.total == sum(p.numel() for p in parameters)
    assert counted.base == tuned.base.num_parameters()


def test_a_few_steps_lower_the_loss(tuned: Tuned) -> None:
    assert tuned.losses[-1] < tuned.losses[0]


def test_only_what_it_says_it_changes_changes(tuned: Tuned) -> None:
    import torch

    for key, value in tuned.model.named_parameters():
        assert (value.requires_grad) == (key in tuned.trained)
    after = {undress(key): value for key, value in tuned.model.state_dict().items()}
    changed = {key for key, value in tuned.before.items() if not torch.equal(after[key], value)}
    if tuned.method.saves_whole_model:
        assert changed >= {key for key in tuned.trained if "layernorm" not in key and "ln_" not in key}
    else:
        assert changed == set()
        assert all("lora_" in key or "adapter" in key for key in tuned.trained)


def undress(key: str) -> str:
    """Return a parameter's name as it was before peft."""
    return key.removeprefix("base_model.model.").replace(".base_layer", "")


def test_what_was_saved_answers_alike(tuned: Tuned, tmp_path: Path) -> None:
    import torch
    from peft import PeftModel

    tuned.model.save_pretrained(tmp_path)
    if tuned.method.saves_whole_model:
        again = load(tmp_path)
    else:
        again = PeftModel.from_pretrained(load(tuned.folder), tmp_path).eval()
        assert not (tmp_path / "model.safetensors").exists()
    assert torch.equal(answer(again, tuned.batch), answer(tuned.model, tuned.batch))
    assert not torch.equal(answer(again, tuned.batch), answer(tuned.base, tuned.batch))


def test_the_base_is_still_there_beside_an_adapter(tuned: Tuned) -> None:
    import torch

    if tuned.method.saves_whole_model:
        assert not hasattr(tuned.model, "disable_adapter")
        return
    with tuned.model.disable_adapter():
        assert torch.equal(answer(tuned.model, tuned.batch), answer(tuned.base, tuned.batch))


def test_it_skips_single_rows_of_a_batch_if_it_says_so(tuned: Tuned) -> None:
    import torch

    if not tuned.method.skips_rows:
        return
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


def test_the_picture_of_its_factors_counts_what_it_adds(tuned: Tuned) -> None:
    shape, targets = find_shape(tuned.folder), find_targets(load(tuned.folder), "all-linear")
    drawn = sum(
        kind.times * rows * columns
        for kind in shape.kinds
        if kind.name in targets
        for _, rows, columns in tuned.method.factor_counts(kind.rows, kind.columns)
    )
    counted = count(tuned.folder, tuned.method)
    assert drawn == (0 if tuned.method.saves_whole_model else counted.trainable)


@pytest.mark.parametrize("name", METHODS.members)
def test_it_says_what_it_is_and_when_to_choose_it(name: str) -> None:
    method = METHODS.find(name)
    assert method.summary.endswith(".") and method.when.endswith(".")
    assert method.paper.startswith("https://arxiv.org/abs/")
    assert method.title in (METHODS.read(name).words, METHODS.read(name).words.split(",")[0])


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
    assert sum(rows * columns for _, rows, columns in Lora(rank=4).factor_counts(1000, 1000)) == 8_000
