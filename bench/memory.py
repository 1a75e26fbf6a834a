"""How near the memory that is told before a run comes to what the run takes at its peak: one fresh process a cell.

Around one usual recipe each setting that costs memory is changed, and some together. The model is made on the spot:
random weights in the shape of a Llama, a tenth of a billion parameters on a processor, one billion on a graphics card.
Then the usual recipe is tried on models of other shapes, to which nothing was fitted.
Measured by `bench.peak`: the whole process on a processor, what torch took on a card.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from transformers import AutoConfig, AutoModelForCausalLM

from bench.figure import Figure, run_python
from studio.models.device import find_device
from studio.models.loading import load_tokenizer
from studio.models.reference import BUILTIN_FOLDER
from studio.service import Studio
from studio.workspace import Workspace

SMALL = {
    "hidden_size": 768,
    "intermediate_size": 2048,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "num_key_value_heads": 4,
    "vocab_size": 32000,
}
LARGE = {
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "vocab_size": 128256,
}
OTHERS: dict[str, dict[str, Any]] = {
    "GPT-2": {
        "model_type": "gpt2",
        "n_embd": 768,
        "n_layer": 12,
        "n_head": 12,
        "n_positions": 1024,
        "vocab_size": 50257,
    },
    "experts": {
        "model_type": "qwen3_moe",
        **{
            "hidden_size": 512,
            "num_hidden_layers": 8,
            "num_attention_heads": 8,
            "num_key_value_heads": 2,
            "head_dim": 64,
        },
        **{"moe_intermediate_size": 384, "num_experts": 16, "num_experts_per_tok": 2, "vocab_size": 32000},
    },
    "many words": {
        "model_type": "gemma3_text",
        **{
            "hidden_size": 384,
            "num_hidden_layers": 8,
            "num_attention_heads": 4,
            "num_key_value_heads": 1,
            "head_dim": 96,
        },
        **{"intermediate_size": 1024, "vocab_size": 160000, "sliding_window": 64},
    },
}
"""Other shapes: learned positions and fused projections; experts; a vocabulary that outweighs the layers."""
USUAL = {"method": {"name": "lora"}, "precision": "fp32", "batch": 4, "length": 128, "training": {}}
CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"precision": "bf16"},
    {"precision": "int8"},
    {"precision": "nf4"},
    {"method": {"name": "lora", "rank": 64}, "batch": 8},
    {"length": 384},
    {"training": {"gradient_checkpointing": True}},
    {"training": {"mixed_precision": "off"}},
    {"method": {"name": "full"}},
    {"method": {"name": "full"}, "precision": "bf16", "training": {"gradient_checkpointing": True}},
    {"method": {"name": "bottleneck"}, "precision": "nf4"},
    {"method": {"name": "prefix"}, "precision": "bf16"},
)


def measure() -> list[Figure]:
    """Megabytes told and taken of each cell, and the largest error of all."""
    figures, errors = [], []
    with tempfile.TemporaryDirectory() as home:
        cuda = find_device().kind == "cuda"
        llama = make_model(Path(home) / "model", LARGE if cuda else SMALL)
        others = {name: make_model(Path(home) / name, shape) for name, shape in OTHERS.items()}
        studio = Studio(Workspace(Path(home) / "studio"))
        cells = [(llama, "", {**USUAL, **changes}) for changes in CHANGES]
        cells += [(model, f"{name}, ", {**USUAL, "precision": "bf16"}) for name, model in others.items()]
        cells += [(model, f"{name}, ", USUAL) for name, model in others.items()]
        for model, shape, cell in cells:
            recipe = write_recipe(studio, model, cell)
            told = studio.estimate(recipe).memory
            taken = run_python("-m", "bench.peak", str(studio.workspace.folder), json.dumps(recipe))
            own = (sum(told.values()) - (told["program"] if cuda else 0)) / 1e6
            figures.append(
                Figure(f"memory, {shape}{name_cell(cell)}", own, "MB", taken["bytes"] / 1e6, "taken", "within 10 %")
            )
            errors.append(abs(figures[-1].ratio - 1) if figures[-1].ratio else 1.0)
            print(f"  {figures[-1].name:64} told {own:7.0f} MB, taken {taken['bytes'] / 1e6:7.0f} MB", file=sys.stderr)
    worst = 100 * max(errors)
    return [*figures, Figure(f"memory, the largest error of {len(errors)} recipes", worst, "%", target="at most 10 %")]


def name_cell(cell: dict[str, Any]) -> str:
    """Return a cell in a few words."""
    method = " ".join(str(value) for value in cell["method"].values())
    options = " ".join(name if value is True else f"{value}" for name, value in cell["training"].items())
    return f"{method} {cell['precision']} {cell['batch']} x {cell['length']} {options}".strip().replace("_", " ")


def make_model(folder: Path, shape: dict[str, Any]) -> Path:
    """Save a model of a shape, a Llama where it doesn't say, with the built-in tokenizer."""
    shape = {"model_type": "llama", **shape}
    lengths = {} if "n_positions" in shape else {"max_position_embeddings": 4096}
    config = AutoConfig.for_model(**shape, tie_word_embeddings=True, **lengths)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    for file in BUILTIN_FOLDER.glob("tokenizer*"):
        shutil.copy(file, folder)
    return folder


def write_recipe(studio: Studio, model: Path, cell: dict[str, Any]) -> dict[str, Any]:
    """Keep a task whose examples are all so long, and return the recipe of a cell on it."""
    name = f"rows_{cell['length']}"
    if name not in {card.task_id for card in studio.list_tasks()}:
        file = studio.workspace.cache / f"{name}.json"
        file.write_text(json.dumps(write_task(cell["length"])))
        studio.import_task(file, file.name)
    quiet = {"max_steps": 3, "evaluate_every": 0, "sample_every": 0, "save_every": 0, "max_length": cell["length"]}
    return {
        "model": str(model),
        "task_id": name,
        "method": cell["method"],
        "precision": cell["precision"],
        "training": {**quiet, "batch_size": cell["batch"], **cell["training"]},
    }


def write_task(length: int, shared: int = 0) -> dict[str, Any]:
    """Return a task whose examples have `length` tokens, a quarter in the answer, and begin with `shared` words."""
    tokenizer = load_tokenizer(BUILTIN_FOLDER)
    words = [word for word in "the a dog cat house tree bird song day night".split() if _is_a_token(tokenizer, word)]
    definition = " ".join(["Go on.", *(words[place % len(words)] for place in range(shared))])
    frame = len(tokenizer(f"Definition: {definition}\nInput:\nOutput:")["input_ids"]) + 2
    answer = length // 4

    def write(number: int, count: int) -> str:
        return " ".join(words[(number + place * (1 + number % 3)) % len(words)] for place in range(count))

    return {
        "Definition": [definition],
        "Positive Examples": [{"input": "a dog", "output": "a cat", "explanation": "So."}],
        "Negative Examples": [],
        "Instances": [
            {
                "id": f"row-{number}",
                "input": f"{number} {write(number, length - answer - frame - 4)}",
                "output": [write(number, answer)],
            }
            for number in range(160)
        ],
    }


def _is_a_token(tokenizer: Any, word: str) -> bool:
    return len(tokenizer(f" {word}", add_special_tokens=False)["input_ids"]) == 1
