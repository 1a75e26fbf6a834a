"""How soon an exact count is there: LoRA at a rank not asked for before, on models known only by their config."""

import json
import tempfile
import time
from pathlib import Path

from bench.figure import Figure, median_of
from studio.estimates.counting import count
from studio.methods import METHODS

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


def measure() -> list[Figure]:
    """Milliseconds a count once the libraries are loaded and the shape was seen."""
    figures = []
    with tempfile.TemporaryDirectory() as home:
        for name, shape in SHAPES.items():
            folder = Path(home) / name
            folder.mkdir()
            config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], **shape}
            (folder / "config.json").write_text(json.dumps(config))
            count(folder, METHODS.read({"name": "lora", "rank": 3}))
            ranks = iter((5, 6, 7))

            def ask(folder: Path = folder, ranks: object = ranks) -> float:
                method = METHODS.read({"name": "lora", "rank": next(ranks)})  # type: ignore[call-overload]
                began = time.perf_counter()
                count(folder, method)
                return time.perf_counter() - began

            figures.append(
                Figure(f"exact count, LoRA on {name}", 1000 * median_of(3, ask), "ms", target="under 100 ms")
            )
    return figures
