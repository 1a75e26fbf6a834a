"""The tokenizer, the built-in base model as it lies in assets/base, and a tiny pretraining that can be continued."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

BASE_FOLDER = Path(__file__).resolve().parents[1] / "assets" / "base"
MESSAGES = [{"role": "user", "content": "Hi!"}, {"role": "assistant", "content": "Hello!"}]


@pytest.fixture(scope="module")
def marks() -> Any:
    """The tokenizer, loaded as anybody would."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(BASE_FOLDER)


def test_tokenizer_gives_any_text_back(marks: Any) -> None:
    @settings(max_examples=100, deadline=None)
    @given(st.text())
    def check(text: str) -> None:
        ids = marks(text, add_special_tokens=False).input_ids
        assert marks.decode(ids) == text
        assert marks(text).input_ids == [marks.bos_token_id, *ids]

    check()


def test_every_digit_is_a_token(marks: Any) -> None:
    assert marks.tokenize("2026") == ["2", "0", "2", "6"]


def test_chat_template_marks_what_the_assistant_says(marks: Any) -> None:
    assert marks.apply_chat_template(MESSAGES, tokenize=False) == "<|bos|><|user|>Hi!<|end|><|assistant|>Hello!<|end|>"
    asked = marks.apply_chat_template(MESSAGES[:1], tokenize=False, add_generation_prompt=True)
    assert asked == "<|bos|><|user|>Hi!<|end|><|assistant|>"
    encoded = marks.apply_chat_template(MESSAGES, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
    said = [token for token, mask in zip(encoded["input_ids"], encoded["assistant_masks"], strict=True) if mask]
    assert marks.decode(said) == "Hello!<|end|>"


def test_base_has_the_declared_shape_and_writes(marks: Any) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from studio.world.network import Shape, build_network

    network = AutoModelForCausalLM.from_pretrained(BASE_FOLDER)
    assert network.dtype == torch.bfloat16
    declared = build_network(Shape(), marks.bos_token_id, marks.eos_token_id, marks.pad_token_id)
    assert {name: weight.shape for name, weight in network.named_parameters()} == {
        name: weight.shape for name, weight in declared.named_parameters()
    }
    assert sum(weight.numel() for weight in network.parameters()) == 5_475_584
    assert marks.eos_token_id in network.generation_config.eos_token_id
    inputs = marks("The plural of dog is", return_tensors="pt")
    output = network.generate(**inputs, max_new_tokens=3, do_sample=False)
    assert marks.decode(output[0, inputs.input_ids.shape[1] :]).startswith(" dogs")


def test_fast_loss_equals_the_plain_one() -> None:
    import torch

    from studio.world.network import Shape, build_network, make_loss

    network = build_network(
        Shape(vocabulary=64, hidden=32, layers=2, heads=2, key_value_heads=1, head_size=16), 1, 2, 0
    )
    windows = torch.randint(0, 64, (3, 33), generator=torch.Generator().manual_seed(0))
    logits = network(input_ids=windows[:, :-1]).logits
    plain = torch.nn.functional.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())
    plain.backward()
    expected = {name: weight.grad.clone() for name, weight in network.named_parameters() if weight.grad is not None}
    network.zero_grad()
    fast = make_loss(network, compiled=False)(windows)
    fast.backward()
    assert fast.item() == pytest.approx(plain.item(), abs=0.01)
    for name, weight in network.named_parameters():
        cosine = torch.cosine_similarity(weight.grad.flatten(), expected[name].flatten(), dim=0)
        assert cosine > 0.99, name


def test_rate_warms_up_stays_and_falls() -> None:
    from studio.world.pretraining import Recipe

    recipe = Recipe(steps=1000)
    scales = [recipe.rate_scale(step) for step in range(1000)]
    assert scales[0] == 0.01 and scales[99:720] == [1.0] * 621
    assert scales[720:] == sorted(scales[720:], reverse=True) and 0 < scales[-1] < 0.01
    assert recipe.window_size(899) == (32, 256) and recipe.window_size(900) == (16, 512)


@pytest.mark.long
def test_continued_run_equals_an_unbroken_one(tmp_path: Path) -> None:
    import numpy as np
    import torch

    from studio.world.network import Shape
    from studio.world.pretraining import Recipe, pretrain
    from studio.world.tokenizer import save_tokenizer, train_tokenizer

    shape = Shape(vocabulary=300, hidden=16, layers=1, heads=2, key_value_heads=1, head_size=8, intermediate=32)
    recipe = Recipe(
        steps=3, windows=4, window_tokens=16, warmup_steps=1, save_every=1, report_every=1, measure_every=3,
        decay_share=0.3, long_share=0.0, compiled=False, niceness=0, shape=shape,
    )  # fmt: skip
    tokens = np.random.default_rng(0).integers(7, 300, 2000).astype(np.uint16)
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        save_tokenizer(train_tokenizer(["a little text"], 300), folder / "tokenizer")
        tokens.tofile(folder / "train.bin")
        tokens[:500].tofile(folder / "validation.bin")
    pretrain(one, recipe)
    shutil.copytree(one / "checkpoints" / "000001-of-000003", other / "checkpoints" / "000001-of-000003")
    pretrain(other, recipe)
    weights = [
        torch.load(folder / "checkpoints" / "000003-of-000003" / "worker-0.pt")["network"] for folder in (one, other)
    ]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    rows = [json.loads(line) for line in (other / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 3] and rows[-1]["validation_loss"] > 0


def test_a_run_continues_only_what_it_would_have_passed_through(tmp_path: Path) -> None:
    from studio.world.checkpoint import find_checkpoint

    for name in ("000500-of-009000", "006000-of-009000", "007000-of-009000", "008000-of-009000.part"):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
    found = {steps: find_checkpoint(tmp_path, round(steps * 0.72), steps) for steps in (600, 5000, 9000, 10_000)}
    assert {steps: folder and folder.name for steps, folder in found.items()} == {
        600: None,
        5000: "000500-of-009000",
        9000: "007000-of-009000",
        10_000: "006000-of-009000",
    }
