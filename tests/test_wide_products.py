"""Weights of 16 bits on a processor without products of 16 bits: the same numbers, by products of 32."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import linear
from transformers.pytorch_utils import Conv1D

from studio.models import wide
from studio.models.device import find_device
from studio.models.loading import load_base
from studio.precisions import PRECISIONS
from studio.training.fast.head import open_head

PLAIN = find_device().model_copy(update={"kind": "cpu", "bf16": False})
FAST = PLAIN.model_copy(update={"bf16": True})


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(wide, "multiplies_16_bits", lambda: False)
    yield


def read(layer: Any, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    x = x.clone().requires_grad_()
    answer = layer(x)
    answer.sum().backward()
    return answer, x.grad


@pytest.mark.usefixtures("without")
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("make", [lambda: torch.nn.Linear(24, 40), lambda: Conv1D(40, 24)])
def test_a_layer_answers_and_goes_back_as_in_32_bits(make: Any, kind: torch.dtype) -> None:
    model = torch.nn.Sequential(make()).to(kind).requires_grad_(False)
    model.dtype = kind
    exact, x = make().float().requires_grad_(False), torch.randn(3, 7, 24).to(kind)
    exact.load_state_dict({name: value.float() for name, value in model[0].state_dict().items()})
    assert wide.widen_products(model, PLAIN) == 1
    answer, gradient = read(model[0], x)
    wanted, of_x = read(exact, x.float())
    assert answer.dtype == kind and torch.equal(answer, wanted.to(kind)) and torch.equal(gradient, of_x.to(kind))


@pytest.mark.usefixtures("without")
def test_what_trains_or_has_32_bits_stays_with_torch() -> None:
    layer = wide.WideLinear(8, 8).bfloat16()
    x = torch.randn(2, 8).bfloat16()
    found = read(layer, x)[0]
    assert layer.weight.grad is not None and torch.equal(found, linear(x, layer.weight, layer.bias))
    layer.float().requires_grad_(False)
    assert torch.equal(layer(x.float()), linear(x.float(), layer.weight, layer.bias))
    assert wide.find_width(x) == torch.float32 and wide.find_width(x.float()) == torch.float32


@pytest.mark.usefixtures("without")
def test_only_16_bits_on_such_a_processor_are_widened(tiny_model: Path) -> None:
    for name, device, number in (("bf16", FAST, 0), ("fp32", PLAIN, 0), ("bf16", PLAIN, 15)):
        model = load_base(tiny_model, PRECISIONS.read(name), device)
        assert sum(type(module) is wide.WideLinear for module in model.modules()) == number


@pytest.mark.usefixtures("without")
def test_the_head_is_applied_piece_by_piece_in_32_bits(tiny_model: Path) -> None:
    model = load_base(tiny_model, PRECISIONS.read("bf16"), PLAIN)
    ids = torch.arange(5, 25)[None]
    with torch.no_grad():
        hidden = model.model(ids).last_hidden_state[0]
        wanted = model.lm_head.weight.float() @ hidden[-1].float()
        with open_head(model) as opened:
            found = opened.find_likelihood(model(ids).logits[0], ids[0])
    assert opened.width == torch.float32 and torch.allclose(found[-1], wanted.log_softmax(0)[ids[0, -1]])
