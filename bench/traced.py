"""How near the memory that is told for a graphics card comes to what a step takes there, traced on fake tensors.

`python -m bench traced` compares over a grid of shapes, methods, precisions, lengths and checkpointing, without a card:
what is told without the card's context and what lies between pieces, against what the allocator would hold at its peak.
Layers are few, for memory grows evenly with them. A test traces a few of the cells.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from bench.fake_card import Case, Traced, trace
from bench.figure import Figure
from studio.estimates.activations import Spared
from studio.estimates.estimate import TaskSize, weigh_memory
from studio.models.device import DeviceFacts
from studio.recipes.recipe import read_recipe

GB = 10**9
CARDS = {
    "bf16": DeviceFacts(kind="cuda", name="a card", memory_bytes=80 * GB, free_bytes=80 * GB, cores=8, bf16=True),
    "fp16": DeviceFacts(kind="cuda", name="a T4", memory_bytes=80 * GB, free_bytes=80 * GB, cores=8, bf16=False),
}
"""A card since Ampere, and one before."""
HEADS = {"num_attention_heads": 32, "num_key_value_heads": 8}
SHAPES: dict[str, dict[str, Any]] = {
    "0.1B": {
        "hidden_size": 768,
        "intermediate_size": 2048,
        "num_attention_heads": 12,
        "num_key_value_heads": 4,
        "vocab_size": 32000,
    },
    "1B": {"hidden_size": 2048, "intermediate_size": 8192, "vocab_size": 128256, "tie_word_embeddings": True, **HEADS},
    "8B": {"hidden_size": 4096, "intermediate_size": 14336, "vocab_size": 128256, **HEADS},
    "experts": {
        "model_type": "qwen3_moe",
        "architectures": ["Qwen3MoeForCausalLM"],
        **{"hidden_size": 2048, "intermediate_size": 6144, "moe_intermediate_size": 768, "vocab_size": 151936},
        **{"num_experts": 32, "num_experts_per_tok": 4, "head_dim": 64, "num_attention_heads": 32},
        "num_key_value_heads": 4,
    },
    "256k words": {"hidden_size": 2304, "intermediate_size": 9216, "vocab_size": 256000, **HEADS, "head_dim": 64},
}
LORA = {"name": "lora", "rank": 16}


class Cell(NamedTuple):
    """A case by the name of its shape and its number of layers."""

    shape: str
    layers: int
    changes: dict[str, Any]

    @property
    def case(self) -> Case:
        """What is traced."""
        shape = {**SHAPES[self.shape], "num_hidden_layers": self.layers}
        return Case(**{"shape": shape, "method": LORA, **self.changes})

    @property
    def name(self) -> str:
        """The cell in a few words."""
        case = self.case
        whole = "" if case.whole is None else f", {self.layers - case.whole} of {self.layers} layers twice"
        whole += ", words on the host" * case.words + ", kept on the host" * case.on_host
        whole += f", {case.shared:,} shared" * (case.shared > 0)
        stored = case.precision if case.half == "bf16" else f"{case.precision} (T4)"
        return f"{self.shape}, {case.method['name']} {stored} {case.batch} x {case.length}{whole}"


FEW = (
    Cell("8B", 4, {"precision": "nf4", "whole": 0}),
    Cell("8B", 4, {"precision": "nf4", "whole": 2, "length": 1024, "learnt": 256}),
    Cell("1B", 4, {"length": 1024, "learnt": 256}),
)
"""Of these a test traces the last two."""
WORDS = tuple(Cell("8B", layers, {"precision": "nf4", "whole": 0, "words": True}) for layers in (4, 8))
ON_HOST = tuple(
    Cell("8B", layers, {"precision": "nf4", "whole": 0, "on_host": True, "words": True}) for layers in (4, 8)
)
WHOLE = FEW[0], Cell("8B", 8, {"precision": "nf4", "whole": 0})
CELLS = (
    *FEW,
    WHOLE[1],
    Cell("8B", 8, {"precision": "nf4"}),
    Cell("8B", 4, {"precision": "nf4", "half": "fp16", "whole": 0}),
    Cell("8B", 4, {"precision": "bf16", "whole": 0, "length": 4096, "batch": 1}),
    Cell("8B", 4, {"precision": "int8", "whole": 0, "length": 512, "batch": 8, "learnt": 128}),
    Cell("8B", 4, {"precision": "nf4", "whole": 0, "shared": 1024}),
    Cell("1B", 8, {"method": {"name": "full"}, "precision": "fp32", "whole": 0, "length": 512, "learnt": 128}),
    Cell("1B", 4, {"method": {"name": "bottleneck"}, "length": 512, "learnt": 128}),
    *WORDS,
    *ON_HOST,
    Cell("1B", 4, {"method": {"name": "prefix"}, "length": 512, "learnt": 128}),
    Cell("experts", 4, {"length": 512, "learnt": 128}),
    Cell("experts", 4, {"precision": "nf4", "whole": 0, "length": 2048}),
    Cell("256k words", 4, {"precision": "nf4", "whole": 0, "length": 512, "learnt": 256}),
    Cell("0.1B", 8, {"length": 256, "batch": 16, "learnt": 64}),
    Cell("0.1B", 8, {"precision": "fp32", "length": 256, "batch": 16, "learnt": 64}),
)


def measure() -> list[Figure]:
    """Megabytes told and traced of each cell, the largest error, and the peak of an 8B of 32 layers."""
    figures, errors, taken = [], [], []
    for cell in CELLS:
        told, traced = tell(cell), trace(cell.case)
        taken.append(traced)
        errors.append(abs(told / traced.step - 1))
        name = f"memory on a card, {cell.name}"
        figures.append(Figure(name, told / 1e6, "MB", traced.step / 1e6, "traced", "within 10 %"))
        print(f"  {name:80} told {told / 1e6:7.0f} MB, traced {traced.step / 1e6:7.0f} MB", file=sys.stderr)
        if traced.evaluation > traced.step:
            raise SystemExit(f"An evaluation takes more than a step: {cell.name}.")
    whole, words, on_host = (extend(*(taken[CELLS.index(cell)] for cell in pair)) for pair in (WHOLE, WORDS, ON_HOST))
    return [
        *figures,
        Figure("memory of an 8B's step by QLoRA, 2 x 2,048", whole / 1e9, "GB", target="6.5 to 7 GB"),
        Figure("the same, its table of words on the host", words / 1e9, "GB", target="6.5 to 7 GB"),
        Figure("the same, and what goes into the layers", on_host / 1e9, "GB", target="6.5 to 7 GB"),
        Figure(f"memory on a card, the largest error of {len(errors)}", 100 * max(errors), "%", target="at most 10 %"),
    ]


def extend(four: Traced, eight: Traced, layers: int = 32) -> float:
    """Return the bytes of a step with so many layers, from those of four and of eight."""
    return four.step + (layers - 4) * (eight.step - four.step) / 4


def tell(cell: Cell) -> int:
    """Return what is told for a cell, without what a card's allocator doesn't hold."""
    case = cell.case
    llama = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "max_position_embeddings": 8192}
    config = {**llama, **case.shape}
    recipe = read_recipe(
        {
            "task_id": "rows",
            "method": case.method,
            "precision": case.precision,
            "training": {
                "batch_size": case.batch,
                "max_length": case.length,
                "gradient_checkpointing": case.whole is not None,
            },
        }
    )
    size = TaskSize(1000, case.length, case.length, case.learnt, case.shared)
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / "config.json").write_text(json.dumps(config))
        memory = weigh_memory(
            recipe, Path(home), size, CARDS[case.half], Spared(case.whole or 0, case.on_host, case.words)
        )
    return sum(memory.values()) - memory["context"] - memory["spare"]
