"""Bases that were saved in codes already, and precisions that reach some layers of a model, or none."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from architectures import make_model

from studio.errors import RecipeError
from studio.estimates.checking import check_precision
from studio.estimates.counting import count, find_shape
from studio.methods import METHODS
from studio.models.device import find_device
from studio.models.facts import describe_model
from studio.models.loading import load_base
from studio.models.reference import ModelRef
from studio.precisions import PRECISIONS

CODES = {"Params4bit", "Int8Params"}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Llama in plain numbers."""
    sizes = {"hidden_size": 64, "intermediate_size": 128}
    return make_model("llama", tmp_path_factory.mktemp("plain"), **sizes)


def save_in_codes(plain: Path, tiny_model: Path, folder: Path, **options: Any) -> Path:
    """Save a model with a configuration of bitsandbytes, as many models of the hub are."""
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    AutoModelForCausalLM.from_pretrained(plain, quantization_config=BitsAndBytesConfig(**options)).save_pretrained(
        folder
    )
    for file in tiny_model.glob("tokenizer*"):
        shutil.copy(file, folder)
    return folder


@pytest.mark.parametrize(
    ("options", "precision", "bits"),
    [
        ({"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}, "nf4", "4 bits"),
        ({"load_in_4bit": True, "bnb_4bit_quant_type": "fp4", "bnb_4bit_use_double_quant": True}, "nf4", "4 bits"),
        ({"load_in_8bit": True}, "int8", "8 bits"),
    ],
    ids=["nf4", "fp4", "int8"],
)
def test_a_base_in_codes_is_told_and_used_as_it_is(
    options: dict[str, Any], precision: str, bits: str, plain: Path, tiny_model: Path, tmp_path: Path
) -> None:
    folder = save_in_codes(plain, tiny_model, tmp_path / "codes", **options)
    facts = describe_model(ModelRef(ref=str(folder)))
    assert facts.parameters == find_shape(plain).base and bits in str(facts.stored)
    assert count(folder, METHODS.read("lora")) == count(plain, METHODS.read("lora"))
    for name in PRECISIONS.members:
        if name != precision:
            with pytest.raises(RecipeError) as told:
                check_precision(PRECISIONS.read(name), folder)
            assert told.value.field == "precision" and precision in str(told.value)
            with pytest.raises(RecipeError):
                load_base(folder, PRECISIONS.read(name), find_device())
    check_precision(PRECISIONS.read(precision), folder)
    model = load_base(folder, PRECISIONS.read(precision), find_device(), gradients=True)
    assert {type(value).__name__ for value in model.parameters()} & CODES
    attached = METHODS.read("lora").attach(model)
    import torch

    loss = attached(input_ids=torch.tensor([[1, 5, 9]]), labels=torch.tensor([[1, 5, 9]])).loss
    loss.backward()
    assert loss.isfinite() and all(value.grad is not None for value in attached.parameters() if value.requires_grad)


@pytest.mark.parametrize("precision", ["nf4", "int8"])
def test_a_precision_that_reaches_no_layer_is_refused(precision: str, tmp_path: Path) -> None:
    sizes = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 260}
    folder = make_config("falcon", sizes, tmp_path)
    for refuse in (check_precision, load_it):
        with pytest.raises(RecipeError) as told:
            refuse(PRECISIONS.read(precision), folder)
        assert told.value.field == "precision"
    check_precision(PRECISIONS.read("bf16"), folder)


@pytest.mark.parametrize("name", ["qwen3_moe", "gpt2", "llama_tied", "gemma3_text"])
@pytest.mark.parametrize("precision", ["nf4", "int8"])
def test_what_a_precision_reaches_is_what_becomes_codes(precision: str, name: str, tmp_path: Path) -> None:
    folder = make_model(name, tmp_path)
    model = load_base(folder, PRECISIONS.read(precision), find_device())
    codes = [value for value in model.parameters() if type(value).__name__ in CODES]
    reached = sum(value.numel() * (2 if type(value).__name__ == "Params4bit" else 1) for value in codes)
    assert find_shape(folder).linear == reached > 0


def load_it(precision: Any, folder: Path) -> None:
    """Load a model, as a run does."""
    load_base(folder, precision, find_device())


def make_config(kind: str, sizes: dict[str, Any], folder: Path) -> Path:
    """Save a small random model of a kind that isn't among the architectures."""
    from transformers import AutoConfig, AutoModelForCausalLM

    AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **sizes)).save_pretrained(folder)
    return folder
