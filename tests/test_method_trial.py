"""A method that a model can't be read or learn with is refused before a run, found out on a small copy of the model."""

from pathlib import Path
from typing import Any

import pytest
from architectures import make_model

from studio.errors import RecipeError
from studio.estimates.checking import check_recipe
from studio.recipes.recipe import read_recipe

SMALL: dict[str, dict[str, Any]] = {
    "mamba": {"vocab_size": 260, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 8},
    "rwkv": {"vocab_size": 260, "hidden_size": 32, "num_hidden_layers": 2},
    "falcon": {"vocab_size": 260, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4},
}


def check(folder: Path, method: str) -> None:
    """Ask as an estimate does."""
    check_recipe(read_recipe({"model": str(folder), "task_id": "any", "method": method}), folder)


@pytest.mark.parametrize(
    ("kind", "refused", "taken"),
    [
        ("mamba", ["prefix", "prompt", "bitfit"], ["lora", "full"]),
        ("falcon", ["prefix"], ["lora", "ia3", "prompt"]),
        ("rwkv", ["bottleneck"], ["lora", "full"]),  # what breaks only when it answers
    ],
)
def test_what_would_break_is_refused_and_nothing_else(
    kind: str, refused: list[str], taken: list[str], tmp_path: Path
) -> None:
    from transformers import AutoConfig

    AutoConfig.for_model(kind, **SMALL[kind]).save_pretrained(tmp_path)
    for method in taken:
        check(tmp_path, method)
    for method in refused:
        with pytest.raises(RecipeError) as told:
            check(tmp_path, method)
        assert told.value.field == "method.name", method


@pytest.mark.parametrize("kind", ["llama", "qwen3_moe"])
def test_a_whole_model_goes_on_from_what_was_saved(kind: str, tmp_path: Path) -> None:
    """Of experts transformers saves other names than it reads."""
    import torch
    from transformers import AutoModelForCausalLM

    from studio.methods import METHODS

    folder, full = make_model(kind, tmp_path / "base"), METHODS.read("full")
    model = full.attach(AutoModelForCausalLM.from_pretrained(folder))
    for value in model.parameters():
        value.data = value.data + 0.1
    model.save_pretrained(tmp_path / "saved")
    again = full.attach(AutoModelForCausalLM.from_pretrained(folder))
    assert full.restore(again, tmp_path / "saved")
    for name, value in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name


def test_learnt_tokens_that_are_words_no_more_are_refused_where_a_model_looks_them_up() -> None:
    """They begin as words, so that only what has learnt breaks."""
    import torch

    from studio.estimates.checking import _learn

    class Looking(torch.nn.Module):
        device = torch.device("cpu")

        def __init__(self) -> None:
            super().__init__()
            self.words = torch.nn.Embedding(4, 2).requires_grad_(False)
            self.learnt = torch.nn.Parameter(self.words.weight[1].clone())

        def forward(self, input_ids: Any, use_cache: bool) -> Any:
            if not (self.learnt == self.words.weight).all(dim=1).any():
                raise RuntimeError("no word")

    with pytest.raises(RuntimeError, match="no word"):
        _learn(Looking())


def test_a_token_of_padding_that_loading_empties_learns_nothing(tmp_path: Path) -> None:
    """youtu's class sets it to zero in whatever it loads; its head, which is the table of words, would move it."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from studio.methods import METHODS

    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "intermediate_size": 32, "num_attention_heads": 2}
    ranks = {"kv_lora_rank": 8, "q_lora_rank": 8, "qk_rope_head_dim": 8, "v_head_dim": 8, "qk_nope_head_dim": 8}
    words = {"vocab_size": 20, "num_key_value_heads": 2, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    config = AutoConfig.for_model("youtu", **sizes, **ranks, **words)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "base")
    ids = torch.tensor([[3, 4, 5, 6]])
    model = METHODS.read("full").attach(AutoModelForCausalLM.from_pretrained(tmp_path / "base"))
    model(input_ids=ids, labels=ids).loss.backward()
    slope = model.get_input_embeddings().weight.grad
    assert not slope[0].any() and slope[1:].any(dim=1).all()


def test_keys_and_values_are_found_where_each_is_made_in_parts() -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from studio.methods.places import find_keys_and_values

    config = AutoConfig.for_model(
        "zaya", vocab_size=20, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2
    )
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    ends = {name.split(".")[-1] for name in find_keys_and_values(model)}
    assert ends == {"k_proj", "v_proj_current", "v_proj_delayed"}


def test_a_layer_whose_pair_peft_reads_as_anothers_gets_none() -> None:
    """inkling2's files call a short convolution's own matrix weight_proj, and so does the model a layer in it."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from studio.methods.targets import find_targets, list_left_out, list_linear

    sizes = {"vocab_size": 20, "hidden_size": 32, "num_hidden_layers": 2, "moe_intermediate_size": 16}
    config = AutoConfig.for_model("inkling2_text", **sizes, layer_types=["hybrid_sliding", "hybrid"])
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    assert any(name.endswith("k_sconv.weight_proj") for name in list_linear(model))
    assert not any("weight_proj" in name for name in find_targets(model, "all-linear"))
    assert {"k_sconv.weight_proj", "v_sconv.weight_proj"} <= {*list_left_out(model)}
