"""How soon an exact count is there: every method, at settings not asked for before, on models known by their config."""

import json
import tempfile
import time
from pathlib import Path

from bench.figure import Figure, median_of
from studio.estimates.counting import count
from studio.methods import METHODS, Method

SHAPES = {
    "0.1B": {
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "vocab_size": 49152,
        "tie_word_embeddings": True,
    },
    "8B": {
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
    },
    "70B": {
        "hidden_size": 8192,
        "intermediate_size": 28672,
        "num_hidden_layers": 80,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
    },
}
SLIDERS = ("rank", "tokens", "size", "block_size")
"""What a person slides; a method without any is counted once, so its very first count is what is measured."""


def measure() -> list[Figure]:
    """Milliseconds of processor time a count, once the libraries are loaded and the shape was seen."""
    figures = []
    with tempfile.TemporaryDirectory() as home:
        for name, shape in SHAPES.items():
            folder = Path(home) / name
            folder.mkdir()
            config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], **shape}
            (folder / "config.json").write_text(json.dumps(config))
            count(folder, METHODS.read("lora"))
            for cls in METHODS.members.values():
                seconds = _time_counts(folder, cls)
                figures.append(
                    Figure(f"exact count, {cls.title} on {name}", 1000 * seconds, "ms CPU", target="under 100 ms")
                )
    return figures


def _time_counts(folder: Path, cls: type[Method]) -> float:
    """The median seconds of three counts that were not asked for before, one where there is nothing to slide."""
    slider = next((field for field in SLIDERS if field in cls.model_fields), None)
    values = iter((5, 6, 7, 9))
    if slider:
        count(folder, METHODS.read({"name": cls.name, slider: next(values)}))

    def ask() -> float:
        method = METHODS.read({"name": cls.name, **({slider: next(values)} if slider else {})})
        began = time.process_time()
        count(folder, method)
        return time.process_time() - began

    return median_of(3 if slider else 1, ask)
