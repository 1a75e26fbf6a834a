"""What evidence costs: scoring in batches against one at a time, the share of a default run, two and four columns.

Where lm-evaluation-harness is installed beside the studio's libraries, its hf backend answers the same prompts.
"""

import importlib
import importlib.util
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from bench.figure import Figure
from studio.answering.column import make_column
from studio.answering.columns import Columns
from studio.checkpoints.address import resolve
from studio.launchers.process import ProcessLauncher
from studio.models.device import find_device
from studio.models.reference import ModelRef
from studio.objectives.objective import encode_asked
from studio.runs.event import Scored, read_events
from studio.runs.run import find_run
from studio.runs.status import ACTIVE
from studio.service import Studio
from studio.workspace import Workspace

TOKENS = 32
MOST, BATCH = 16, 32
INSTANCES = 64
TASK, PAIRS = "studio002_question", "studio009_pirate_pairs"


def measure() -> list[Figure]:
    """Train the default run on the built-in base, and measure it."""
    with tempfile.TemporaryDirectory() as home:
        studio = Studio(Workspace(home), launcher=ProcessLauncher()).open()
        try:
            run_id, told = _train(studio, {"task_id": TASK})
            judged = {"name": "dpo", "watched": [{"name": "contains", "text": "Arr"}]}
            found = [*told, *_train(studio, {"task_id": PAIRS, "objective": judged})[1]]
            return [*found, *_measure_scoring(studio, run_id), *_measure_columns(studio, run_id)]
        finally:
            studio.close()


def _train(studio: Studio, recipe: dict[str, Any]) -> tuple[str, list[Figure]]:
    """Train a run, and return its id with its share for measuring itself; without, where a busy machine had no time."""
    run_id = studio.start_run(recipe)
    while (status := studio.run_status(run_id)).status in ACTIVE | {"queued"}:
        time.sleep(0.05)
    assert status.status == "finished", status.error
    told = read_events(find_run(studio.workspace, run_id).events_file).events
    scored = [event for event in told if isinstance(event, Scored) and event.n]
    asked = ", ".join(f"{event.n} of {event.of} {event.part}" for event in scored[:1] + scored[-1:])
    shares = [event.share for event in scored if event.share is not None][-1:]
    name = f"measuring itself, {asked}"
    return run_id, [Figure(name, 100 * share, "% of a run", target="at most 10 %") for share in shares]


def _arrange(studio: Studio, run_id: str, count: int) -> Columns:
    """So many columns on one base: the newest checkpoint of the run, the base, and earlier checkpoints."""
    newest, *earlier = [f"run:{run_id}@{step}" for step in reversed(studio.run_status(run_id).checkpoints)]
    names = [newest, "builtin", *earlier][:count]
    recipe = find_run(studio.workspace, run_id).load_recipe()
    columns = Columns(find_device())
    columns.arrange([make_column(resolve(studio.workspace, ModelRef(ref=name)), recipe) for name in names])
    return columns


def _measure_scoring(studio: Studio, run_id: str) -> list[Figure]:
    columns, task = _arrange(studio, run_id, 1), studio.load_task(TASK)
    objective, tokenizer = columns.columns[0].objective, columns.find_tokenizer(0)
    prompts = [encode_asked(objective, task, one, tokenizer) for one in task.instances[:INSTANCES]]
    columns.answer_many(0, prompts, MOST)  # the ways are tried once

    acts = [partial(columns.answer_many, 0, prompts, MOST, batch) for batch in (BATCH, 1)]
    together, alone = (INSTANCES / seconds for seconds in _take_turns(3, acts))
    told = [Figure("scoring", together, "instances a second", alone, "one at a time", "at least 4 x")]
    if importlib.util.find_spec("lm_eval"):
        told.append(_measure_harness(studio, run_id, prompts))
    return told


def _measure_harness(studio: Studio, run_id: str, prompts: list[list[int]]) -> Figure:
    """The base's greedy answers of as many tokens, none of which ends one, by the studio and by the harness."""
    columns = _arrange(studio, run_id, 2)
    columns.arrange(columns.columns[1:])
    tokenizer, model = columns.find_tokenizer(0), columns.find_shared(0).base
    harness = importlib.import_module("lm_eval.models.huggingface").HFLM(
        pretrained=model, tokenizer=tokenizer, batch_size=BATCH, device=str(model.device)
    )
    make, until = importlib.import_module("lm_eval.api.instance").Instance, ["\x00"]
    asked = [
        make("generate_until", {}, (tokenizer.decode(one), {"until": until, "max_gen_toks": MOST}), place)
        for place, one in enumerate(prompts)
    ]

    answer_there = partial(harness.generate_until, asked, disable_tqdm=True)
    answer_there()
    acts = [partial(columns.answer_many, 0, prompts, MOST, BATCH), answer_there]
    acts[0]()
    here, there = (INSTANCES / seconds for seconds in _take_turns(5, acts))
    return Figure(
        "scoring beside a harness", here, "instances a second", there, "lm-evaluation-harness", "at least 1 x"
    )


def _measure_columns(studio: Studio, run_id: str) -> list[Figure]:
    acts = []
    for count in (1, 2, 4):
        columns, task = _arrange(studio, run_id, count), studio.load_task(TASK)
        recipe = find_run(studio.workspace, run_id).load_recipe()
        prompt = encode_asked(recipe.objective, task, task.instances[0], columns.find_tokenizer(0))
        prompts = [prompt] * len(columns.columns)

        def write(columns: Columns = columns, prompts: list[list[int]] = prompts) -> None:
            for _ in columns.write(prompts, TOKENS, 0.0, 0, ends=frozenset()):
                pass

        write()
        acts.append(write)
    one, two, four = _take_turns(9, acts)
    return [
        Figure("two columns", two, "s", one, "the tuned one alone", "at most 1.2 x"),
        Figure("four columns", four, "s", one, "the tuned one alone", "at most 1.6 x"),
    ]


def _take_turns(rounds: int, acts: Sequence[Callable[[], object]]) -> list[float]:
    """The median seconds of each act; they take turns, so that what else runs on the machine slows all of them."""
    seconds: list[list[float]] = [[] for _ in acts]
    for _ in range(rounds):
        for act, taken in zip(acts, seconds, strict=True):
            began = time.perf_counter()
            act()
            taken.append(time.perf_counter() - began)
    return [statistics.median(taken) for taken in seconds]
