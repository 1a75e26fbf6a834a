"""Which layers an adapter goes beside: plain names and exact ones mean the same on every architecture."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
from architectures import ARCHITECTURES
from telling import raises, tells

from studio.errors import RecipeError
from studio.estimates.counting import count
from studio.methods import METHODS
from studio.methods.lora import Lora
from studio.methods.targets import PLAIN, find_targets, list_left_out, list_linear


def adapted(folder: Path, targets: str) -> set[str]:
    """Return the names of the layers that LoRA really went beside."""
    from transformers import AutoModelForCausalLM

    model = Lora(targets=targets).attach(AutoModelForCausalLM.from_pretrained(folder))
    return {
        name.split(".lora_A")[0].removeprefix("base_model.model.")
        for name, value in model.named_parameters()
        if value.requires_grad and ".lora_A" in name
    }


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_plain_names_part_the_linear_layers(name: str, model_folder: Callable[[str], Path]) -> None:
    from transformers import AutoModelForCausalLM

    folder = model_folder(name)
    linear = set(list_linear(AutoModelForCausalLM.from_pretrained(folder)))
    if "moe" in name:  # experts are tensors of many matrices, no linear layers, and peft can't tell their names apart
        linear = {layer for layer in linear if ".mlp." not in layer}
    attention = adapted(folder, "attention")
    assert adapted(folder, "all-linear") == linear
    assert attention and all("attn" in layer or "attention" in layer for layer in attention)
    if attention == linear:
        with raises(RecipeError, "mlp"):
            adapted(folder, "mlp")
    else:
        assert adapted(folder, "mlp") == linear - attention
    assert not any("lm_head" in layer or "embed" in layer for layer in linear)


def test_names_choose_layers_by_their_endings(model_folder: Callable[[str], Path]) -> None:
    folder = model_folder("llama")
    everywhere = {f"model.layers.{layer}.self_attn.q_proj" for layer in range(3)}
    assert adapted(folder, "q_proj") == everywhere == adapted(folder, " self_attn.q_proj , ")
    assert adapted(folder, "q_proj,mlp.up_proj") > everywhere
    assert adapted(folder, "model.layers.1.self_attn.q_proj") == {"model.layers.1.self_attn.q_proj"}
    assert adapted(folder, "layers.0.mlp.up_proj, v_proj") == {
        "model.layers.0.mlp.up_proj",
        *(f"model.layers.{layer}.self_attn.v_proj" for layer in range(3)),
    }


@pytest.mark.parametrize(
    "targets", ["q_proj", "model.layers.1.self_attn.q_proj", "layers.0.mlp.up_proj,v_proj", *PLAIN]
)
def test_what_is_chosen_is_what_is_counted(targets: str, model_folder: Callable[[str], Path]) -> None:
    from transformers import AutoModelForCausalLM

    folder = model_folder("llama")
    real = Lora(targets=targets).attach(AutoModelForCausalLM.from_pretrained(folder))
    assert count(folder, Lora(targets=targets)).trainable == sum(
        p.numel() for p in real.parameters() if p.requires_grad
    )


def test_layers_of_one_name_in_two_places_are_told_apart(model_folder: Callable[[str], Path]) -> None:
    folder = model_folder("gpt2")
    assert all("attn" in layer for layer in adapted(folder, "attn.c_proj"))
    assert {layer.split(".")[-2] for layer in adapted(folder, "c_proj")} == {"attn", "mlp"}


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("wq", "wq mlp.down_proj mlp.gate_proj"),
        ("q_proj, nonsense", "nonsense"),
        ("proj", "proj"),
        ("lm_head", "lm_head"),
        ("embed_tokens", "embed_tokens"),
        (" , ,", (" , ,", "mlp.down_proj")),
        (".*", ".*"),
    ],
)
def test_what_matches_nothing_is_told_with_what_there_is(
    wanted: str, words: str, model_folder: Callable[[str], Path]
) -> None:
    from transformers import AutoModelForCausalLM

    with pytest.raises(RecipeError) as told:
        find_targets(AutoModelForCausalLM.from_pretrained(model_folder("llama")), wanted)
    assert tells(told.value, words)
    assert told.value.field == "method.targets"


@pytest.mark.parametrize("kind", ["mamba", "mamba2", "falcon_mamba"])
def test_all_linear_leaves_out_what_peft_refuses_and_says_so(kind: str) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 4, "vocab_size": 100}
    own = {"num_heads": 8, "head_dim": 8, "n_groups": 1} if kind == "mamba2" else {}
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **sizes, **own))
    assert list_left_out(model) == ["mixer.out_proj"]
    assert "mixer.in_proj" in find_targets(model, "all-linear")
    for name in ("lora", "adalora", "vera"):
        attached = METHODS.read(name).attach(copy.deepcopy(model))
        assert any(value.requires_grad for value in attached.parameters())
    with pytest.raises(RecipeError) as told:
        METHODS.read({"name": "lora", "targets": "out_proj"}).attach(model)
    assert told.value.field == "method.targets" and "Choose LoRA" not in str(told.value)


def test_a_router_that_inherits_from_a_linear_layer_is_none() -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model("phimoe", vocab_size=100, **sizes))
    assert not any("router" in name or "gate" in name for name in list_linear(model))


def test_of_a_model_that_also_sees_only_the_text_part_is_tuned() -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    text = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    sight = {**text, "model_type": "siglip_vision_model", "image_size": 28, "patch_size": 14}
    config = AutoConfig.for_model("gemma3", text_config={**text, "vocab_size": 100}, vision_config=sight)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    for method in ("lora", "layernorm", "bitfit", "bottleneck", "full"):
        attached = METHODS.read(method).attach(copy.deepcopy(model))
        trained = [name for name, value in attached.named_parameters() if value.requires_grad]
        assert trained and not any("vision" in name for name in trained)
