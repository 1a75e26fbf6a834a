"""Small real things for the tests: a task of sums, recipes for the tiny model, runs with events, a launcher that writes
events at once.

Nothing here pretends: the task goes through the importer, the events through the writer, the processes are processes.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from studio.launchers.inline import InlineLauncher
from studio.launchers.local import LocalLauncher, note_process
from studio.launchers.process import ProcessLauncher
from studio.models.libraries import import_libraries
from studio.objectives.objective import Objective, Row
from studio.recipes.recipe import Recipe, read_recipe
from studio.runs.event import EventWriter
from studio.runs.run import Run, new_run
from studio.tasks.reading.task_file import import_file
from studio.tasks.store import TaskStore
from studio.tasks.task import Instance, Task
from studio.workspace import Workspace

TASK_ID = "tiny_sums"
COUNT = 60
Value = TypeVar("Value")


def write_task(count: int = COUNT, **changes: Any) -> dict[str, Any]:
    """Return a Natural-Instructions task of sums with so many instances."""
    return {
        "Definition": ["Add the numbers."],
        "Positive Examples": [
            {"input": "1 + 1", "output": "2", "explanation": "One and one."},
            {"input": "2 + 2", "output": "4", "explanation": "Two and two."},
        ],
        "Negative Examples": [{"input": "1 + 2", "output": "12", "explanation": "Not side by side."}],
        "Instances": [
            {"id": f"sum-{number}", "input": f"{number} + {number % 7}", "output": [str(number + number % 7)]}
            for number in range(count)
        ],
        **changes,
    }


def import_task(workspace: Workspace, name: str = TASK_ID, **changes: Any) -> str:
    """Import the task of sums and return its id."""
    file = workspace.cache / f"{name}.json"
    file.write_text(json.dumps(write_task(**changes)), encoding="utf-8")
    return import_file(TaskStore(workspace), file, f"{name}.json").task.task_id


def write_recipe(model: Path | str, task_id: str = TASK_ID, **changes: Any) -> dict[str, Any]:
    """Return a recipe that takes a second; `changes` of its training are merged into it."""
    training = {
        "max_steps": 8,
        "batch_size": 4,
        "learning_rate": 0.01,
        "mixed_precision": "off",
        "evaluate_every": 4,
        "save_every": 4,
        "sample_every": 0,
        "measures_itself": False,
    }
    wanted = changes.pop("training", {})
    return {
        "model": str(model),
        "task_id": task_id,
        "method": {"name": "lora", "rank": 4},
        "training": {**training, **wanted},
        **changes,
    }


def make_run(workspace: Workspace, request: str = "", **changes: Any) -> Run:
    """Make the folder of a run that waits; its model need not exist."""
    return new_run(workspace, read_recipe({"task_id": TASK_ID, **changes}), request)


def read_all(run: Run) -> list[dict[str, Any]]:
    """Return the events of a run as plain JSON."""
    return [json.loads(line) for line in run.events_file.read_text(encoding="utf-8").splitlines()]


def kinds(run: Run) -> list[str]:
    """Return the kinds of a run's events, in their order."""
    return [event["event"] for event in read_all(run)]


def start_sleeper() -> subprocess.Popen[bytes]:
    """Start a real process that lives until its input is closed."""
    return subprocess.Popen([sys.executable, "-IS", "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)


def end_sleeper(sleeper: subprocess.Popen[bytes]) -> None:
    """Let a sleeper end, and wait for it."""
    assert sleeper.stdin is not None
    sleeper.stdin.close()
    sleeper.wait(timeout=120)


def wait_until(is_true: Any, seconds: float = 120) -> Any:
    """Ask until the answer is true and return it; fail after so many seconds."""
    end = time.monotonic() + seconds
    while not (answer := is_true()):
        assert time.monotonic() < end, "It never came."
        time.sleep(0.02)
    return answer


def find_free_port() -> int:
    """Return a port that nobody listens on just now; gradio's own search lets two workers find the same one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class WritingLauncher(LocalLauncher):
    """Starts runs as the child does, as far as the page can tell: notes a process and writes real events.

    The process is a sleeper, so a run lives until `finish` or `kill`.
    """

    def __init__(self) -> None:
        self.started: list[str] = []
        self.sleepers: dict[str, subprocess.Popen[bytes]] = {}

    def launch(self, workspace: Workspace, run: Run) -> None:
        """Write the first events of a training."""
        sleeper = self.sleepers[run.run_id] = start_sleeper()
        give_to_process(run, sleeper.pid)
        with EventWriter(run.events_file) as events:
            events.append("started", pid=sleeper.pid, resumed_from=None)
            events.append("metrics", step=1, of=10, loss=2.0, seconds_left=9.0)
        self.started.append(run.run_id)

    def finish(self, run: Run, event: str = "finished", step: int = 10) -> None:
        """Write the last event of a training and let its process end."""
        with EventWriter(run.events_file) as events:
            events.append(event, step=step)
        end_sleeper(self.sleepers.pop(run.run_id))

    def kill(self, run: Run) -> None:
        """Let the process end without a word."""
        end_sleeper(self.sleepers.pop(run.run_id))

    def close(self) -> None:
        """End what still lives."""
        for sleeper in self.sleepers.values():
            end_sleeper(sleeper)
        self.sleepers.clear()


def read_model_recipe(model: Path | str, **changes: Any) -> Recipe:
    """Return the recipe of `write_recipe` as a value."""
    return read_recipe(write_recipe(model, **changes))


def make_checkpoint(run: Run, step: int) -> Path:
    """Make the folder of a whole checkpoint, empty but for its recipe and a file of no weights."""
    folder = run.checkpoints_folder / f"step-{step}"
    folder.mkdir(parents=True)
    (folder / "recipe.json").write_text("{}")
    (folder / "adapter_model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    return folder


def is_root() -> bool:
    """Whether permission bits don't stop this user."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def train(workspace: Workspace, recipe: dict[str, Any]) -> Run:
    """Train a recipe in this process and return its run."""
    run = new_run(workspace, read_recipe(recipe))
    InlineLauncher().launch(workspace, run)
    return run


def resume(workspace: Workspace, run: Run) -> list[dict[str, Any]]:
    """Let a run go on in this process and return the events that came after."""
    known = len(read_all(run))
    InlineLauncher().launch(workspace, run)
    return read_all(run)[known:]


def losses(events: list[dict[str, Any]]) -> dict[int, float]:
    """Return step -> loss."""
    return {event["step"]: event["loss"] for event in events if event["event"] == "metrics"}


def encode_row(objective: Objective, task: Task, instance: Instance, tokenizer: Any, most: int = 10**9) -> Row | None:
    """Return the row of an instance whose example has only one, None where it is left out."""
    example = objective.encode(task, instance, tokenizer, most)
    assert example is None or len(example) == 1
    return example[0] if example else None


class Loss(NamedTuple):
    """Cross-entropy summed over the learnt tokens of a batch, in nats, and how many there are."""

    total: Any
    learnt: int


def sum_loss(model: Any, batch: dict[str, Any]) -> Loss:
    """Return the loss of a batch as training has it."""
    from studio.training.batch import add_up, read_logprobs

    tokens = read_logprobs(model, batch).tokens
    return Loss(add_up(-tokens), len(tokens))


def train_quickly(workspace: Workspace, model: Path, **changes: Any) -> Run:
    """Train a run of four steps, with two checkpoints, whose answers differ from the base's."""
    training = {"max_steps": 4, "save_every": 2, "evaluate_every": 0, "learning_rate": 0.05}
    return train(workspace, write_recipe(model, **{"training": training, **changes}))


def make_runs(workspace: Workspace, model: Path) -> dict[str, Run]:
    """Train one run of each kind, and a second adapter on other layers."""
    gently = {"max_steps": 4, "save_every": 2, "evaluate_every": 0, "learning_rate": 0.005}
    return {
        "lora": train_quickly(workspace, model),
        "other": train_quickly(workspace, model, method={"name": "lora", "rank": 2, "targets": "attention"}),
        "full": train_quickly(workspace, model, method="full", training=gently),
        "nf4": train_quickly(workspace, model, precision="nf4"),
    }


def make_tiny_model(folder: Path) -> Path:
    """Save the model of the fixture `tiny_model` in a folder and return it."""
    import_libraries()
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = _byte_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _byte_tokenizer() -> Any:
    """A tokenizer whose tokens are the 256 bytes and four special ones: any text has tokens and comes back whole."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    letters = [*special.values(), *sorted(pre_tokenizers.ByteLevel.alphabet())]
    bytewise = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(letters)}, merges=[]))
    bytewise.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # type: ignore[assignment]
    bytewise.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    return PreTrainedTokenizerFast(tokenizer_object=bytewise, model_max_length=512, **special)


def give_to_process(run: Run, pid: int) -> None:
    """Note that a process of this computer was given a run, as its launcher does."""
    run.save_launch(ProcessLauncher.name, note_process(pid))


def run_async(work: Coroutine[Any, Any, Value]) -> Value:
    """Run a coroutine to its end, in a thread of its own: where the browser's tests were, this one has a loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
