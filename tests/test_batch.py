"""A batch without waste has the very loss and the very gradients of its rows read one by one."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from architectures import make_model
from tiny import sum_loss

from studio.objectives.objective import Row, count_shared

BEGINNING = list(range(40, 60))
MANY = 1_000


@pytest.fixture(scope="module", params=["llama", "gpt2", "gemma3_text"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A tiny model with an adapter that changes its answers."""
    import torch
    from transformers import AutoModelForCausalLM

    from studio.methods.lora import Lora

    folder = make_model(request.param, tmp_path_factory.mktemp("batch") / request.param)
    model = Lora(rank=4).attach(AutoModelForCausalLM.from_pretrained(folder).requires_grad_(False))
    generator = torch.Generator().manual_seed(0)
    for name, value in model.named_parameters():
        if "lora_B" in name:
            value.data = 0.1 * torch.randn(value.shape, generator=generator)
    yield model.eval()


def make_rows(beginning: list[int] | None = None) -> list[dict[str, list[int]]]:
    """Rows of different lengths whose answers have different lengths, all with the same beginning if one is given."""
    rows = []
    for number in range(5):
        prompt = [*(beginning or [number + 10]), *range(70 + number, 75 + 3 * number)]
        answer = [*range(100 + number, 101 + 2 * number), 2]
        rows.append({"input_ids": prompt + answer, "labels": [-100] * len(prompt) + answer})
    return rows


def measure_alone(model: Any, rows: list[dict[str, list[int]]]) -> tuple[float, dict[str, Any]]:
    """Return transformers' own loss over all learnt tokens, each row read alone and unpadded, and its gradients."""
    import torch

    model.zero_grad()
    learnt = sum(label != -100 for row in rows for label in row["labels"])
    total = 0.0
    for row in rows:
        out = model(input_ids=torch.tensor([row["input_ids"]]), labels=torch.tensor([row["labels"]]))
        part = out.loss * sum(label != -100 for label in row["labels"]) / learnt
        part.backward()
        total += float(part.detach())
    return total, take_gradients(model)


def take_gradients(model: Any) -> dict[str, Any]:
    """Return the gradients and clear them."""
    found = {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}
    model.zero_grad()
    return found


@pytest.fixture(params=["eager", "sdpa"])
def one_pass(request: pytest.FixtureRequest, model: Any) -> Iterator[Callable[[Any], str]]:
    """Lets a model of either attention read in one pass; the model has its own attention again afterwards."""
    from studio.training.fast.one_pass import use_one_pass

    model.set_attn_implementation(request.param)
    yield use_one_pass
    model.set_attn_implementation("sdpa")


@pytest.mark.parametrize("shares", [False, True])
@pytest.mark.parametrize("beginning", [None, BEGINNING], ids=["different", "alike"])
def test_loss_and_gradients_are_those_of_the_rows_alone(
    model: Any, shares: bool, beginning: list[int] | None, one_pass: Callable[[Any], str]
) -> None:
    from studio.training.batch import Batcher

    if shares and beginning and model.config.model_type == "gemma3_text":
        pytest.skip("Its window is shorter than these rows, so it never comes to this: see the next test.")
    rows = make_rows(beginning)
    wanted, gradients = measure_alone(model, rows)
    one_pass(model)
    batch = Batcher(0, MANY if shares else 0)(rows)
    assert ("prefix_ids" in batch) == (shares and beginning is not None)
    found = sum_loss(model, batch)
    loss = found.total / found.learnt
    assert float(loss.detach()) == pytest.approx(wanted, abs=1e-5)
    loss.backward()
    found = take_gradients(model)
    assert found.keys() == gradients.keys()
    for name in found:
        assert (found[name] - gradients[name]).norm() <= 1e-4 * gradients[name].norm() + 1e-7, name


def test_the_last_block_writes_only_where_something_is_learnt(model: Any, one_pass: Callable[[Any], str]) -> None:
    from studio.training.batch import Batcher, read_learnt

    one_pass(model)
    batch = Batcher(0, MANY)(make_rows(BEGINNING))
    places: dict[str, int] = {}
    blocks = model.get_base_model().get_decoder()
    blocks = getattr(blocks, "layers", None) or blocks.h
    for name, block in (("first", blocks[0]), ("last", blocks[-1])):
        part = next(iter(block.mlp.children()))
        part.register_forward_pre_hook(lambda _, x, name=name: places.__setitem__(name, x[0].shape[1]))
    read_learnt(model, batch)
    assert places["last"] == len(batch["learnt"]) < places["first"]


@pytest.mark.parametrize("name", ["prompt", "ptuning", "prefix", "llama_adapter"])
def test_tokens_that_are_learnt_move_nothing_else(name: str, tmp_path: Path) -> None:
    """They come before what is read, and the loss is still that of each row alone, as transformers computes it."""
    from transformers import AutoModelForCausalLM

    from studio.methods import METHODS
    from studio.training.batch import Batcher

    base = AutoModelForCausalLM.from_pretrained(make_model("llama", tmp_path / "model")).requires_grad_(False)
    model, rows = METHODS.read(name).attach(base).eval(), make_rows()
    for value in model.parameters():
        value.data = value.data + 0.1 if value.requires_grad else value.data
    wanted, gradients = measure_alone(model, rows)
    found = sum_loss(model, Batcher(0)(rows))
    loss = found.total / found.learnt
    assert float(loss.detach()) == pytest.approx(wanted, abs=1e-5)
    loss.backward()
    for key, value in take_gradients(model).items():
        assert (value - gradients[key]).norm() <= 1e-4 * gradients[key].norm() + 1e-7, key


def test_nothing_waits_for_what_a_card_computes(model: Any) -> None:
    """Tensors of the meta device have no values, so whoever asks for one, as a step would wait for it, fails."""
    import copy

    from studio.training.batch import Batcher

    model.set_attn_implementation("eager")  # of a fused one transformers asks once, before anything is computed
    far = copy.deepcopy(model).to("meta")
    model.set_attn_implementation("sdpa")
    batch = {key: value.to("meta") if hasattr(value, "to") else value for key, value in Batcher(0)(make_rows()).items()}
    loss = sum_loss(far, batch)
    (loss.total / loss.learnt).backward()
    assert take_gradients(far)


def test_padding_changes_nothing(model: Any) -> None:
    from studio.training.batch import Batcher

    rows = make_rows()
    longer = {"input_ids": list(range(10, 90)), "labels": [-100] * 80}
    alone, padded = (sum_loss(model, Batcher(0)(batch)) for batch in ([rows[0]], [rows[0], longer]))
    assert padded.learnt == alone.learnt == 2
    assert float(padded.total.detach()) == pytest.approx(float(alone.total.detach()), abs=1e-5)


@pytest.mark.parametrize("padding", ["left", "right", "alone"])
def test_no_first_token_is_learnt_from_padding(model: Any, padding: Any) -> None:
    from studio.training.batch import Batcher

    rows = [{"input_ids": ids, "labels": ids} for ids in (list(range(40, 46)), list(range(60, 72)))]
    found = sum_loss(model, Batcher(0, padding=padding)(rows))
    assert found.learnt == 5 + 11
    alone = sum(measure_alone(model, [row])[0] * (len(row["labels"]) - 1) for row in rows)
    assert float(found.total.detach()) == pytest.approx(alone, abs=1e-4)


@pytest.mark.parametrize("padding", ["right", "alone"])
def test_rows_may_be_filled_up_where_nobody_looks_or_not_at_all(model: Any, padding: Any) -> None:
    from studio.training.batch import Batcher

    rows = make_rows()
    wanted, gradients = measure_alone(model, rows)
    seen: list[Any] = []
    hook = model.register_forward_pre_hook(lambda _, args, given: seen.append(given), with_kwargs=True)
    found = sum_loss(model, Batcher(0, padding=padding)(rows))
    hook.remove()
    assert [tuple(given["input_ids"].shape) for given in seen] == (
        [(5, 20)] if padding == "right" else [(1, len(row["input_ids"])) for row in rows]
    )
    assert not any("attention_mask" in given for given in seen)
    (found.total / found.learnt).backward()
    assert float(found.total.detach() / found.learnt) == pytest.approx(wanted, abs=1e-5)
    for name, value in take_gradients(model).items():
        assert (value - gradients[name]).norm() <= 1e-4 * gradients[name].norm() + 1e-7, name


def test_the_head_reads_only_what_is_learnt() -> None:
    from studio.training.batch import Batcher

    rows = make_rows()
    batch = Batcher(0)(rows)
    longest_answer = max(sum(label != -100 for label in row["labels"]) for row in rows)
    assert batch["logits_to_keep"] == longest_answer + 1
    for place, row in enumerate(rows):
        real = batch["attention_mask"][place].bool()
        assert batch["input_ids"][place][real].tolist() == row["input_ids"]
        assert batch["labels"][place][real].tolist() == row["labels"]
        assert batch["position_ids"][place][real].tolist() == list(range(len(row["input_ids"])))


def test_what_is_shared_ends_before_the_first_learnt_token() -> None:
    from studio.training.batch import Batcher

    same = [{"input_ids": [*BEGINNING, 7, 8], "labels": [-100] * 20 + [7, 8]}] * 3
    assert count_shared([Row(**row) for row in same]) == 19
    batch = Batcher(0, MANY)(same)
    assert batch["prefix_ids"].tolist() == [BEGINNING[:19]]
    assert batch["input_ids"].tolist() == [[BEGINNING[19], 7, 8]] * 3
    assert count_shared([Row([1, 2], [1, 2])] * 2) == 0
    assert count_shared([Row([], [])]) == 0
    assert Batcher(0, 12)(same)["prefix_ids"].tolist() == [BEGINNING[:12]], "no more than was tried"
