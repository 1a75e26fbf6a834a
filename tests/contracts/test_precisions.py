"""What every precision promises: the bytes it says, answers that are numbers, and weights that stay what they are.

The last is a regression test: on processors with AVX512-BF16, bitsandbytes 0.50 repacks 4-bit weights at the first
evaluation forward, after which gradients of the lower layers and dequantised weights are garbage, and no error tells.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from architectures import make_model
from telling import tells

from studio.errors import RecipeError
from studio.estimates.counting import count, find_shape
from studio.methods import METHODS, Method
from studio.methods.lora import Lora
from studio.methods.pairs import list_pairs
from studio.models.device import find_device
from studio.models.loading import load_base
from studio.precisions import PRECISIONS
from studio.recipes.recipe import read_recipe


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose matrices are large enough for the bytes of their tables not to count."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("precisions") / "llama"
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=384,
        intermediate_size=768,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that trains in no time."""
    return make_model("llama", tmp_path_factory.mktemp("small") / "llama", hidden_size=64, intermediate_size=128)


@pytest.fixture(params=PRECISIONS.members)
def name(request: pytest.FixtureRequest) -> str:
    """Each precision."""
    return str(request.param)


def read(model: Any, seed: int = 0) -> Any:
    """Return the logits of some tokens."""
    import torch

    ids = torch.randint(0, 64, (3, 10), generator=torch.Generator().manual_seed(seed))
    return model(input_ids=ids).logits.float()


def list_tensors(module: Any) -> Iterator[Any]:
    """Yield every tensor that a linear layer keeps, its tables of scales too."""
    yield module.weight
    state = getattr(module.weight, "quant_state", None)
    while state is not None:
        yield state.absmax
        state = state.state2


def test_its_weights_take_the_bytes_it_says(name: str, folder: Path) -> None:
    import torch

    precision, device = PRECISIONS.read(name), find_device()
    model = load_base(folder, precision, device)
    shape = find_shape(folder)
    linear = {key: module for key, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    del linear["lm_head"]
    taken = sum(t.numel() * t.element_size() for module in linear.values() for t in list_tensors(module))
    assert taken == pytest.approx(shape.linear * precision.bytes_per_weight, rel=0.01)
    kept = {module.weight.data_ptr() for module in linear.values()}
    others = [value for value in model.parameters() if value.data_ptr() not in kept]
    assert sum(value.numel() for value in others) == shape.base - shape.linear
    assert {value.element_size() for value in others} == {precision.count_number(device.half)}
    assert precision.quantised == (taken < 2 * shape.linear)


def test_it_answers_in_numbers_close_to_the_exact_ones(name: str, folder: Path) -> None:
    import torch

    model = load_base(folder, PRECISIONS.read(name), find_device())
    exact = load_base(folder, PRECISIONS.read("fp32"), find_device())
    assert not model.training and not any(value.requires_grad for value in model.parameters())
    with torch.no_grad():
        found, wanted = read(model), read(exact)
    assert torch.isfinite(found).all()
    error = (found - wanted).norm() / wanted.norm()
    assert error < {"fp32": 1e-6, "bf16": 0.03, "int8": 0.06}.get(name, 0.35)


PAIRS = {(pair.method, pair.precision): pair.refusal for pair in list_pairs()}
REFUSED = {("full", "int8"), ("full", "nf4"), ("dora", "int8"), ("loha", "nf4"), ("lokr", "nf4")}


def test_every_pair_is_told_and_each_refusal_names_the_ways_out() -> None:
    assert set(PAIRS) == {(method, precision) for method in METHODS.members for precision in PRECISIONS.members}
    refused = {pair: words for pair, words in PAIRS.items() if words is not None}
    assert set(refused) == REFUSED
    for (method, precision), words in refused.items():
        assert "Choose" in words and words.endswith(".")
        with pytest.raises(RecipeError) as told:
            read_recipe({"task_id": "sums", "method": method, "precision": precision})
        assert str(told.value) == words and told.value.field == "precision"


EVERY = bool(os.environ.get("STUDIO_ALL_PAIRS"))
OFFERED = [pair for pair in PAIRS if pair not in REFUSED and (EVERY or pair[1] != "fp32")]
WAYS = ("mixed", "plain")
TRAINED = [
    (method, name, way)
    for name in PRECISIONS.members
    for turn, method in enumerate(method for method, precision in OFFERED if precision == name)
    for way in (WAYS if EVERY else (WAYS[turn % 2],))
]
"""The pairs of a precision inside autocast or without, in turn; `make pairs` does both.

In the suite, fp32 is left to the contract of methods.
"""


def train_a_little(method: Method, precision: str, folder: Path, autocast: bool) -> tuple[list[float], tuple[int, int]]:
    """Ask the base, as the sampler does, then train a few steps on one batch, and answer.

    Returns the losses, and how many numbers train and how many there are.
    """
    import torch

    from studio.training.session import count_all

    torch.manual_seed(1)
    ids = torch.randint(0, 64, (3, 10))
    base = load_base(folder, PRECISIONS.read(precision), find_device(), gradients=True)
    with torch.no_grad():
        base(input_ids=ids)
    model = method.attach(base)
    counts = count_all(model, only_trainable=True), count_all(model)
    method.begin(model, 6)
    trained = [value for value in model.parameters() if value.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=method.learning_rate_small)
    losses = []
    model.train()
    for step in range(1, 7):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
            loss = model(input_ids=ids, labels=ids).loss
        (loss + method.penalise(model)).backward()
        losses.append(float(loss.detach()))
        optimiser.step()
        method.after_step(model, step)
        optimiser.zero_grad()
    model.eval()
    with torch.no_grad():
        assert torch.isfinite(model(input_ids=ids).logits).all()
        assert model.generate(input_ids=ids, max_new_tokens=2, min_new_tokens=2, pad_token_id=0).shape == (3, 12)
    return losses, counts


@pytest.mark.soon(6)
@pytest.mark.parametrize(("method", "name", "way"), TRAINED)
def test_a_pair_that_is_offered_trains_and_answers(method: str, name: str, way: str, small: Path) -> None:
    losses, counts = train_a_little(METHODS.read(method), name, small, autocast=way == "mixed")
    assert losses[-1] < losses[0]
    assert counts == count(small, METHODS.read(method))[:2]


@pytest.mark.parametrize(("method", "name"), sorted(REFUSED))
def test_a_pair_that_is_refused_would_break(method: str, name: str, small: Path) -> None:
    with pytest.raises((RuntimeError, AttributeError)):
        train_a_little(METHODS.read(method), name, small, autocast=False)


@pytest.mark.parametrize("name", ["nf4", "int8"])
def test_pissa_is_refused_where_weights_are_codes(name: str) -> None:
    words = METHODS.read({"name": "lora", "init": "pissa"}).refuses(PRECISIONS.read(name))
    assert words is not None and tells(words, "PiSSA")


@pytest.mark.parametrize("name", ["nf4", "int8"])
@pytest.mark.parametrize("method", ["lora", "oft", "rslora"])
def test_merging_after_an_evaluation_is_right(method: str, name: str, folder: Path) -> None:
    """What is merged is what base and adapter are together, but for being rounded once more."""
    import torch

    base = load_base(folder, PRECISIONS.read(name), find_device(), gradients=True)
    with torch.no_grad():
        read(base)
    model = METHODS.read(method).attach(base)
    generator = torch.Generator().manual_seed(0)
    for value in model.parameters():
        if value.requires_grad:
            value.data = 0.05 * torch.randn(value.shape, generator=generator)
    model.eval()
    with torch.no_grad():
        wanted = read(model)
        with model.disable_adapter():
            untouched = read(model)
        merged = read(model.merge_and_unload())
    error, change = ((one - wanted).norm() / wanted.norm() for one in (merged, untouched))
    assert error < {"nf4": 0.35, "int8": 0.06}[name] and error < 0.7 * change


def dequantise(model: Any) -> dict[str, Any]:
    """Return what the 4-bit weights stand for, by their names."""
    from bitsandbytes.functional import dequantize_4bit
    from bitsandbytes.nn import Linear4bit

    return {
        f"{name}.weight": dequantize_4bit(module.weight.data, module.weight.quant_state).float()
        for name, module in model.named_modules()
        if isinstance(module, Linear4bit)
    }


def test_an_evaluation_leaves_4_bit_weights_what_they_are(folder: Path) -> None:
    import torch

    model = load_base(folder, PRECISIONS.read("nf4"), find_device())
    before = dequantise(model)
    exact = load_base(folder, PRECISIONS.read("fp32"), find_device()).state_dict()
    with torch.no_grad():
        first, again = read(model), read(model)
    after = dequantise(model)
    assert torch.equal(first, again) and len(after) == 21
    for key, weight in after.items():
        assert torch.equal(weight, before[key]), key
        assert (weight - exact[key]).norm() < 0.15 * exact[key].norm(), key


def test_an_evaluation_leaves_the_gradients_of_qlora_right(folder: Path) -> None:
    import torch

    device = find_device().model_copy(update={"bf16": False})  # 16 bits would blur what is compared
    quantised = load_base(folder, PRECISIONS.read("nf4"), device, gradients=True)
    plain = load_base(folder, PRECISIONS.read("fp32"), device)
    plain.load_state_dict(dequantise(quantised), strict=False)
    for seed in range(2):  # the base is asked before it is tuned, as the training's sampler does
        with torch.no_grad():
            read(quantised, seed)
    gradients = []
    for base in (quantised, plain):
        model = Lora(rank=4).attach(base)
        generator = torch.Generator().manual_seed(0)
        for key, value in model.named_parameters():
            if "lora_" in key:
                value.data = 0.1 * torch.randn(value.shape, generator=generator)
        model.eval()
        with torch.no_grad():
            read(model)
        model.train()
        read(model).log_softmax(-1)[..., 0].mean().backward()
        gradients.append({key: value.grad.float() for key, value in model.named_parameters() if value.requires_grad})
    found, wanted = gradients
    assert len(found) == 42 and all(value.norm() > 0 for value in wanted.values())
    for key in found:
        assert torch.cosine_similarity(found[key].flatten(), wanted[key].flatten(), dim=0) > 0.999, key


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_codes_are_multiplied_exactly_inside_autocast(half: str) -> None:
    """bitsandbytes' own product for processors without AVX-512 overflows in fp16: sums of codes reach 2 million."""
    import bitsandbytes  # noqa: F401
    import torch

    from studio.precisions.exact_products import keep_products_exact

    needed = keep_products_exact()
    a, b = (torch.full(shape, 100, dtype=torch.int8) for shape in ((3, 128), (5, 128)))
    with torch.autocast("cpu", dtype=getattr(torch, half)):
        found = torch.ops.bitsandbytes.int8_linear_matmul(a, b)
        plain = torch.matmul(a.float(), b.float().t())
    assert found.tolist() == [[1_280_000] * 5] * 3
    if needed:
        from bitsandbytes.backends.default import ops

        with torch.autocast("cpu", dtype=getattr(torch, half)):
            theirs = ops._int8_linear_matmul_impl(a, b)
        assert theirs.tolist() != found.tolist() and plain.dtype != torch.float32, "repaired there: delete ours"
