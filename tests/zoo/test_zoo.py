"""One contract over causal architectures of the pinned transformers: two, ten (`make long`), or all (STUDIO_ZOO)."""

import json
import os
from pathlib import Path

import pytest
import registry
import table

from studio.errors import ModelError

TEN = ("llama", "gpt2", "bloom", "gemma3_text", "opt", "qwen3_moe", "deepseek_v2", "jamba", "lfm2", "mamba")
"""One of each kind of layer there is: rotary, learned and offset places, ALiBi, windows, experts, shared experts after
a dense layer, states and convolutions beside attention, and states alone."""
EVERY = bool(os.environ.get("STUDIO_ZOO"))
METHODS = None if EVERY else ("full", "prefix")
NAMES = registry.list_names() if EVERY else TEN


@pytest.mark.soon(2)
@pytest.mark.parametrize("kind", NAMES)
def test_an_architecture_is_right_or_refused_in_words(kind: str, tmp_path: Path) -> None:
    import contract

    found = contract.try_architecture(kind, tmp_path, methods=METHODS)
    if EVERY:
        table.keep(kind, found)
    trouble = list(contract.list_trouble(found))
    assert not trouble, "\n".join(trouble)
    if not EVERY:
        assert found["loss"].state == found["greedy"].state == "ok"


@pytest.mark.parametrize(
    ("kind", "left_out", "kept"),
    [
        ("git", "image_encoder", "attention.output.LayerNorm"),
        ("git", "visual_projection", "embeddings.LayerNorm"),
        ("inkling2_text", "mlp_input.norm", "model.norm"),
        ("granitemoehybrid", "mamba.norm", "input_layernorm"),
    ],
)
def test_a_copy_stands_only_beside_norms_that_a_text_reaches(kind: str, left_out: str, kept: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from studio.methods.places import find_norms

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(registry.shrink(kind))
    wanted = find_norms(model)
    matched = [name for name, _ in model.named_modules() if any(f".{name}".endswith(f".{end}") for end in wanted)]
    assert any(kept in name for name in matched) and not any(left_out in name for name in matched)


def test_what_trains_on_texts_of_one_length_alone_is_refused_before_a_run() -> None:
    from studio.models.causality import check_causal

    config = registry.shrink("reformer").to_dict() | {"axial_pos_shape": [16, 32]}
    with pytest.raises(ModelError) as refused:
        check_causal(json.dumps(config))
    assert refused.value.field == "model" and "512" in str(refused.value)


@pytest.mark.parametrize("kind", registry.LEFT_OUT)
def test_what_is_left_out_can_not_be_tried(kind: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    with pytest.raises(Exception):  # noqa: B017  whatever it is that it lacks
        AutoModelForCausalLM.from_config(registry.shrink(kind))(input_ids=torch.tensor([[1, 2, 3]]))


def test_the_page_is_made_of_the_results() -> None:
    results = table.load()
    assert table.PAGE.read_text(encoding="utf-8") == table.write_page(results), "Run `python tests/zoo/table.py`."


def test_the_results_are_those_of_the_pinned_transformers() -> None:
    import transformers

    results = table.load()
    assert results["transformers"] == transformers.__version__, "Run `make zoo`."
    assert not set(results["architectures"]) - set(registry.list_names())


def test_no_architecture_was_found_silently_wrong_or_broken() -> None:
    import contract

    found = table.load()["architectures"]
    trouble = [
        f"{kind}, {said}"
        for kind, cells in found.items()
        for said in contract.list_trouble({name: contract.Cell(*cell) for name, cell in cells.items()})
    ]
    assert not trouble, "\n".join(trouble)


def test_the_page_says_what_was_never_run() -> None:
    cells = {"llama": {"causal": ["ok", ""], "loss": ["ok", ""]}, "gpt2": {"causal": ["ok", ""]}}
    refused = {"bert": {"causal": ["refused", "it looks ahead"]}}
    assert "of the 2 " in table.tell_missing({"architectures": {**cells, **refused}})
    assert "loss 1" in table.write_page({"architectures": {**cells, **refused}})
    assert table.tell_missing({"architectures": {"llama": cells["llama"], **refused}}) == ""
