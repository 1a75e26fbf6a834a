"""The studio's training on a graphics card, against TRL's SFTTrainer and, where it is installed, Unsloth.

`python -m bench card` measures on an NVIDIA card that computes in bf16; elsewhere there is nothing to measure and it
says so. A Llama of a billion random weights learns the same rows on every side: once with equal settings, rows of one
length and no gradient checkpointing, so that nothing but the computing differs; once where rows share a beginning and
layers are computed twice, as an 8B on 24 GB needs it; and once with TRL's own defaults on rows of several lengths.
Tokens are those of the rows, without padding, each counted once whatever a side does with it.
Each side is a fresh process; its first epoch warms it up, the others are timed. (TRL keeps the LoRA of a quantised base
in 16 bits, the studio in 32. Unsloth's side follows its documentation and was never run: where this was written there
was no card.)

`python -m bench.card --tiny` runs the very same code on whatever is here, with a model so small that its figures say
nothing; a test does so.
"""

import importlib.util
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from bench.figure import Figure, run_python
from bench.memory import LARGE, make_model, write_task
from studio.models.device import DeviceFacts, find_device
from studio.models.loading import load_tokenizer
from studio.objectives.objective import list_rows
from studio.recipes.recipe import read_recipe
from studio.service import Studio
from studio.tasks.split import split_task
from studio.workspace import Workspace

RANK = 16
RATE = 2e-4
TINY_SHAPE = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 4096,
}
ONE_CARD = {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]}
"""Several cards would be used by one side and not by another."""
NAMES = {"bf16": "LoRA on bf16", "nf4": "QLoRA on nf4"}


class Size(NamedTuple):
    """How large the comparison is: the model's shape, rows a batch, tokens of even and of uneven rows, epochs, and
    words that rows begin with where they share a beginning.
    """

    shape: dict[str, Any]
    batch: int
    even: tuple[int, ...]
    uneven: tuple[int, ...]
    epochs: int
    shared: int


class Cell(NamedTuple):
    """One comparison: how it is called, the tokens rows have, what TRL is told, whether Unsloth takes part, and the
    words that all rows begin with. Where TRL is told to checkpoint, all sides do.
    """

    name: str
    lengths: tuple[int, ...]
    config: dict[str, Any]
    unsloth: bool = False
    shared: int = 0

    @property
    def checkpoints(self) -> bool:
        """Whether layers are computed twice on each side."""
        return bool(self.config.get("gradient_checkpointing"))


class Side(NamedTuple):
    """What one side came to: tokens a second, bytes at the peak, numbers that trained, mean loss of the last epoch."""

    speed: float
    peak: int
    trainable: int
    loss: float


FULL = Size(LARGE, 8, (512,), (64, 128, 256, 512), 4, 256)
TINY = Size(TINY_SHAPE, 32, (32,), (28, 32, 40, 48), 2, 6)


def measure() -> list[Figure]:
    """Tokens a second and megabytes of each cell at bf16 and nf4; nothing without a card."""
    device = find_device()
    if device.kind != "cuda" or not device.bf16:
        print("The case card needs an NVIDIA card that computes in bf16; none is here, so nothing was measured.")
        return []
    if not has_unsloth():
        print("Unsloth is not installed, so its figures are left out.")
    with tempfile.TemporaryDirectory() as home:
        cells = list_cells(FULL)
        return [figure for cell in cells for name in NAMES for figure in compare(Path(home), FULL, cell, name, device)]


def list_cells(size: Size) -> list[Cell]:
    """Return the comparisons of a size."""
    equal, twice = ({"gradient_checkpointing": on, "logging_steps": 1} for on in (False, True))
    return [
        Cell("equal settings", size.even, equal, has_unsloth()),
        Cell("rows share a beginning, layers are computed twice", size.even, twice, has_unsloth(), size.shared),
        Cell("TRL's defaults", size.uneven, {}),
    ]


def has_unsloth() -> bool:
    """Whether Unsloth is installed; it is not loaded, for it patches the other libraries."""
    return importlib.util.find_spec("unsloth") is not None


def compare(home: Path, size: Size, cell: Cell, precision: str, device: DeviceFacts) -> list[Figure]:
    """Train a cell on each side in a process of its own. Raises SystemExit where they did not do the same work."""
    studio = Studio(Workspace(home / "studio"))
    model = home / "model"
    if not model.exists():
        make_model(model, size.shape)
    task_id = keep_task(studio, cell.lengths, cell.shared)
    recipe = write_recipe(model, task_id, precision, size, cell.checkpoints)
    settings = {
        "folder": str(studio.workspace.folder),
        "task_id": task_id,
        "model": str(model),
        "precision": precision,
        "rank": RANK,
        "config": {
            "num_train_epochs": size.epochs,
            "per_device_train_batch_size": size.batch,
            "learning_rate": RATE,
            "bf16": device.bf16,
            "use_cpu": device.kind == "cpu",
            **cell.config,
        },
    }
    work = count_work(studio, recipe)
    title = f"{NAMES[precision]} on {device.name}, {cell.name}"
    ours = run_side(work, size, "bench.peak", settings["folder"], json.dumps(recipe))
    bare = run_side(work, size, "bench.bare_trl", json.dumps(settings))
    figures = write_figures(title, ours, bare, "bare TRL")
    if cell.unsloth:
        try:
            other = run_side(work, size, "bench.bare_trl", json.dumps({**settings, "unsloth": True}))
        except SystemExit as error:  # it follows its own versions of the other libraries
            print(f"Unsloth is left out, for it did not train this: {str(error).strip().splitlines()[-1]}")
        else:
            figures += write_figures(title, ours, other, "Unsloth")
    return figures


def keep_task(studio: Studio, lengths: tuple[int, ...], shared: int = 0) -> str:
    """Keep a task whose rows have these lengths in turn and begin with `shared` words; return its id."""
    name = "_".join(map(str, ("rows", *lengths, *((f"share_{shared}",) if shared else ()))))
    if name not in {card.task_id for card in studio.list_tasks()}:
        tasks = [write_task(length, shared) for length in lengths]
        rows = [tasks[number % len(tasks)]["Instances"][number] for number in range(len(tasks[0]["Instances"]))]
        file = studio.workspace.cache / f"{name}.json"
        file.write_text(json.dumps({**tasks[0], "Instances": rows}))
        studio.import_task(file, file.name)
    return name


def write_recipe(model: Path, task_id: str, precision: str, size: Size, checkpoints: bool = False) -> dict[str, Any]:
    """Return the recipe of the studio's side: what TRL has by default, and no pauses."""
    return {
        "model": str(model),
        "task_id": task_id,
        "precision": precision,
        "method": {"name": "lora", "rank": RANK},
        "training": {
            "epochs": size.epochs,
            "batch_size": size.batch,
            "learning_rate": RATE,
            "warmup_ratio": 0,
            "evaluate_every": 0,
            "sample_every": 0,
            "save_every": 0,
            "gradient_checkpointing": checkpoints,
        },
    }


def count_work(studio: Studio, recipe: dict[str, Any]) -> dict[str, int]:
    """Return what each side has to train on in an epoch: examples, tokens, and tokens that are learnt."""
    chosen = read_recipe(recipe)
    task, tokenizer = studio.load_task(chosen.task_id), load_tokenizer(Path(chosen.model))
    found = [chosen.objective.encode(task, one, tokenizer, 10**9) for one in split_task(task).train]
    examples = [example for example in found if example is not None]
    rows = list_rows(examples)
    return {
        "examples": len(examples),
        "tokens": sum(len(row.input_ids) for row in rows),
        "learnt": sum(label != -100 for row in rows for label in row.labels),
    }


def run_side(work: dict[str, int], size: Size, module: str, *arguments: str) -> Side:
    """Run one side and return what it came to. Raises SystemExit where it trained on anything else than `work`."""
    told = run_python("-m", module, *arguments, **ONE_CARD)
    other = {name: told[name] for name, value in work.items() if told.get(name, value) != value}
    steps, rest = divmod(work["examples"], size.batch)
    if other or rest or len(told["moments"]) != steps * size.epochs:
        raise SystemExit(
            f"{module} trained {len(told['moments'])} steps on {other or work}, and {work} in {size.epochs} epochs of "
            f"batches of {size.batch} were wanted: these can't be compared."
        )
    seconds = told["moments"][-1] - told["moments"][steps - 1]  # from the end of the first epoch on
    speed = work["tokens"] * (size.epochs - 1) / seconds
    loss = statistics.mean(told["losses"][-min(steps, len(told["losses"])) :])
    return Side(speed, told["bytes"], told["trainable"], loss)


def write_figures(title: str, ours: Side, other: Side, name: str) -> list[Figure]:
    """Return the figures of the studio beside those of another. Raises SystemExit where other numbers trained."""
    if ours.trainable != other.trainable:
        raise SystemExit(f"{name} trained {other.trainable:,} numbers, the studio {ours.trainable:,}: not the same.")
    return [
        Figure(f"training speed, {title}", ours.speed, "tokens/s", other.speed, name),
        Figure(f"memory while training, {title}", ours.peak / 1e6, "MB", other.peak / 1e6, name),
        Figure(f"loss after as much training, {title}", ours.loss, "nats", other.loss, name, "the same"),
    ]


def main() -> None:
    """Run every cell at the size that says nothing, on whatever is here, and print its figures."""
    if sys.argv[1:] != ["--tiny"]:
        raise SystemExit("`python -m bench card` measures; `python -m bench.card --tiny` only tries whether it runs.")
    with tempfile.TemporaryDirectory() as home:
        for cell in list_cells(TINY):
            for precision in NAMES:
                for figure in compare(Path(home), TINY, cell, precision, find_device()):
                    print(f"{figure.name}: {figure.value:.4g} {figure.unit}, {figure.beside:.4g} {figure.beside_name}")


if __name__ == "__main__":
    main()
