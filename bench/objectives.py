"""What objectives come to on the built-in base: before and after, each share with its 95 % interval.

The whole RLHF chain (a start that answers both ways, a reward model, PPO), DPO from the same start, and continued
pre-training on a field that the base has never read. Who wins is said by the rule that the better answers keep.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from bench.figure import Figure
from studio.answering.column import make_column
from studio.answering.columns import Columns
from studio.answering.decoding import Writer
from studio.checkpoints.address import resolve
from studio.evidence.interval import find_wilson
from studio.evidence.nats import read_nats
from studio.launchers.inline import InlineLauncher
from studio.models.device import find_device
from studio.models.reference import ModelRef
from studio.objectives import OBJECTIVES
from studio.objectives.objective import encode_asked
from studio.runs.event import Evaluated
from studio.runs.run import find_run
from studio.service import Studio
from studio.tasks.task import Task
from studio.workspace import Workspace

STYLE, LAWS = "studio009_pirate_pairs", "studio008_laws"
ASK = "Say the sentence again."
TAUGHT, ASKED = 200, 100
ANSWER_TOKENS = 24
STEPS = {"sft": 100, "reward": 40, "ppo": 12, "dpo": 40, "pretrain": 60}
PPO = {"batch_size": 16, "learning_rate": 1e-3}
QUIET = {"measures_itself": False, "sample_every": 0, "save_every": 0, "schedule": "linear"}


class Won(NamedTuple):
    """How many of the answers to prompts that no run saw keep the rule: the likeliest answers, and drawn ones."""

    greedy: int
    drawn: int


def measure() -> list[Figure]:
    """Train everything, and ask before and after."""
    with tempfile.TemporaryDirectory() as home:
        studio = Studio(Workspace(home), launcher=InlineLauncher())
        return [*_measure_preferences(studio), *_measure_text(studio)]


def _measure_preferences(studio: Studio) -> list[Figure]:
    pairs = list_pairs(studio)
    taught, asked = pairs[:TAUGHT], pairs[TAUGHT : TAUGHT + ASKED]
    both = [
        {"input": one["input"], "output": [one["output"][0] if number % 2 else one["rejected"]]}
        for number, one in enumerate(taught)
    ]
    _import(studio, "both_ways", "instruction", both)
    _import(studio, "asked", "preference", asked)
    held = studio.load_task("asked")
    seconds: dict[str, float] = {}
    start = _train(studio, "sft", "both_ways", "builtin", seconds)
    judge = _train(studio, "reward", STYLE, start, seconds)
    rewards = [{"name": "learnt", "model": judge}]
    watched = [{"name": "contains", "text": "Arrr!", "at_start": True}]
    options = {"rewards": rewards, "watched": watched, "answer_tokens": ANSWER_TOKENS, "beta": 0.1}
    tuned = _train(studio, "ppo", STYLE, start, seconds, options, PPO)
    dpo = _train(studio, "dpo", STYLE, start, seconds)
    before, after, other = (count_wins(studio, model, held) for model in (start, tuned, dpo))
    told = _read_last(studio, judge)
    chain = sum(seconds[name] for name in ("sft", "reward", "ppo"))
    order = [order_pairs(studio, model, held) for model in (start, dpo)]
    return [
        Figure(
            "reward model: held-out pairs in the right order",
            100 * told["accuracy"],
            "%",
            100 * told["longer_wins"],
            "by length alone",
        ),
        _say_wins("RLHF: drawn answers that win", after.drawn, before.drawn, "at least 90 %"),
        _say_wins("RLHF: likeliest answers that win", after.greedy, before.greedy),
        Figure("RLHF: the whole chain", chain, "s", target="at most 180 s"),
        _say_wins("DPO: held-out pairs in the right order", order[1], order[0]),
        _say_wins("DPO: drawn answers that win", other.drawn, before.drawn, "at least 90 %"),
        _say_wins("DPO: likeliest answers that win", other.greedy, before.greedy),
    ]


def list_pairs(studio: Studio) -> list[dict[str, Any]]:
    """Return pairs like those of the sample, of sentences that it doesn't have."""
    known = {one.input for one in studio.load_task(STYLE).instances}
    rest = [one for one in studio.load_task("studio007_pirate").instances if one.input not in known]
    return [{"input": one.input, "output": [one.output[0]], "rejected": one.input} for one in rest]


def count_wins(studio: Studio, model: str, task: Task) -> Won:
    """Return how many answers of a model to a task's prompts keep the rule."""
    columns, objective = _load(studio, model), OBJECTIVES.read("sft")
    tokenizer = columns.find_tokenizer(0)
    prompts = [encode_asked(objective, task, one, tokenizer) for one in task.instances]
    greedy = columns.answer_many(0, prompts, ANSWER_TOKENS)
    torch.manual_seed(0)
    with columns.enter(0) as net:
        drawn = Writer(net, tokenizer.pad_token_id, columns.list_ends(0)).draw(prompts, ANSWER_TOKENS)
    return Won(sum(map(wins, greedy)), sum(wins(columns.read_text(0, tokens)) for tokens in drawn))


def wins(answer: str) -> bool:
    """Whether an answer is of the better kind."""
    return answer.strip().startswith("Arrr!")


def order_pairs(studio: Studio, model: str, task: Task) -> int:
    """Return in how many pairs a model finds the better answer's tokens likelier, on average, than the worse one's."""
    columns, objective = _load(studio, model), OBJECTIVES.read("sft")
    room, right = columns.find_context(0), 0
    with columns.enter(0) as net:
        for one in task.instances:
            answers = [one, one.model_copy(update={"output": (one.rejected,)})]
            read = [read_nats(net, columns.find_tokenizer(0), objective, task, each, room) for each in answers]
            right += read[0].nats / read[0].tokens < read[1].nats / read[1].tokens
    return right


def _measure_text(studio: Studio) -> list[Figure]:
    tuned = _train(studio, "pretrain", LAWS, "builtin", {})
    found = studio.evidence.score(["builtin", tuned], LAWS, "test")
    bits = [value.value for value in found.values if value.metric == "bits_per_byte"]
    general = studio.evidence.forgetting(tuned)
    return [
        Figure("continued pre-training: held-out text", bits[1], "bits a byte", bits[0], "before"),
        Figure("continued pre-training: other text", general.after, "nats a token", general.before, "before"),
    ]


def _import(studio: Studio, name: str, kind: str, rows: Sequence[dict[str, Any]]) -> None:
    """Keep rows as a task of a kind."""
    data = {
        "Definition": [ASK],
        "Positive Examples": [],
        "Negative Examples": [],
        "Instances": [{"id": f"{name}-{number}", **row} for number, row in enumerate(rows)],
        "Studio": {"kind": kind, "format": "by hand"},
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.json"
        path.write_text(json.dumps(data), encoding="utf-8")
        studio.import_task(path, path.name)


def _train(
    studio: Studio,
    name: str,
    task: str,
    model: str,
    seconds: dict[str, float],
    options: dict[str, Any] | None = None,
    training: dict[str, Any] | None = None,
) -> str:
    """Train an objective and return the address of what came out; note how long it took."""
    steps = STEPS[name]
    recipe = {
        "model": model,
        "task_id": task,
        "objective": {"name": name, **(options or {})},
        "training": {**QUIET, "max_steps": steps, "evaluate_every": steps, "batch_size": 16, **(training or {})},
    }
    began = time.perf_counter()
    run = studio.start_run(recipe)
    studio.scheduler.start_next()
    seconds[name] = time.perf_counter() - began
    if studio.run_status(run).status != "finished":
        raise SystemExit(f"{name}: {studio.run_status(run).error}")
    return f"run:{run}@{steps}"


def _read_last(studio: Studio, model: str) -> dict[str, float]:
    """What was measured last on the validation part."""
    run = find_run(studio.workspace, str(ModelRef(ref=model).made and ModelRef(ref=model).made.name))
    events, _ = studio.read_events(run.run_id)
    return [event.measures for event in events if isinstance(event, Evaluated)][-1]


def _load(studio: Studio, model: str) -> Columns:
    stack = resolve(studio.workspace, ModelRef(ref=model))
    columns = Columns(find_device())
    columns.arrange([make_column(stack, stack.changes[-1].recipe)])
    return columns


def _say_wins(name: str, after: int, before: int, target: str = "") -> Figure:
    low, high = (100 * (bound or 0) for bound in find_wilson(after / ASKED, ASKED))
    return Figure(
        f"{name} ({low:.0f} to {high:.0f} %)", 100 * after / ASKED, "%", 100 * before / ASKED, "before", target
    )
