"""What every precision promises: the bytes it says, answers that are numbers, and weights that stay what they are.

The last is a regression test: on processors with AVX512-BF16, bitsandbytes 0.50 repacks 4-bit weights at the first
evaluation forward, after which gradients of the lower layers and dequantised weights are garbage, and no error tells.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.estimates.counting import count, find_shape
from studio.methods import METHODS
from studio.methods.lora import Lora
from studio.models.device import find_device
from studio.models.loading import load_base
from studio.precisions import PRECISIONS


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
    declared = precision.other_bytes if device.bf16 or not precision.quantised else 4
    assert {value.element_size() for value in others} == {declared}
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
    assert error < {"fp32": 1e-6, "bf16": 0.03}.get(name, 0.35)


def test_what_is_counted_on_the_config_is_what_is_loaded(name: str, folder: Path) -> None:
    from studio.runs.session import count_all

    precision = PRECISIONS.read(name)
    method = next(method for key in METHODS.members if (method := METHODS.read(key)).refuses(precision) is None)
    model = method.attach(load_base(folder, precision, find_device(), gradients=True))
    counted = count(folder, method)
    assert (sum(p.numel() for p in model.parameters() if p.requires_grad), count_all(model)) == counted[:2]


@pytest.mark.parametrize("method", METHODS.members)
def test_a_refusal_names_the_ways_out(name: str, method: str) -> None:
    words = METHODS.read(method).refuses(PRECISIONS.read(name))
    if words is not None:
        assert "Choose" in words and words.endswith(".")


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
