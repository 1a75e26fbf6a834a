"""Reading and checking data: a generated collection of 200,000 instances, and one file of 6,500.

Each side runs in a process of its own, so that the peak of memory is its own; beside it is what a script would
do: `json.load`, then `datasets.Dataset.from_list`, on the same files in the same run. Memory is counted above what the
process has after its imports.
"""

import json
import os
import random
import tempfile
from pathlib import Path

from bench.figure import Figure, median_of, run_python

FILES, EACH = 31, 6_500
_SHARED = Path(os.environ.get("STUDIO_SHARED") or Path(__file__).resolve().parents[2] / "shared")
REAL = _SHARED / "natural_instructions" / "task040_qasc_question_generation.json"

_MEASURE = """
import json, resource, sys, time
from pathlib import Path
import datasets, pyarrow
from studio.tasks.reading.task_file import import_file
from studio.tasks.quality.report import check_task
from studio.tasks.library.collection import Collection, import_collection
from studio.tasks.edit import SetOutput
from studio.tasks.reading.task_file import read_task_file
from studio.tasks.store import TaskStore
from studio.workspace import Workspace

source, home = Path(sys.argv[1]), Path(sys.argv[2])

def files():
    return sorted(source.glob("*.json")) if source.is_dir() else [source]

def bare():
    rows = []
    for path in files():
        with open(path, encoding="utf-8") as file:
            rows += json.load(file)["Instances"]
    return len(datasets.Dataset.from_list(rows))

def studio():
    return len(import_collection(source, source.name, home / "collection"))

def read():
    return len(read_task_file(source, source.name).task.instances)

def page():
    return len(Collection(home / "collection").page(100_000, 50))

peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
"""

_TIMED = (
    "before, began = peak(), time.perf_counter()\n"
    "count = {call}\n"
    "print(json.dumps([count, time.perf_counter() - began, peak() - before]))"
)
_CHECK = """
task = {load}
began = time.perf_counter()
report = check_task(task)
print(json.dumps([report.instances, time.perf_counter() - began, 0]))
"""
_EDIT = """
store = TaskStore(Workspace(home / "workspace"))
task = import_file(store, source, source.name).task
began = time.perf_counter()
for number in range(10):
    store.edit_task(task.task_id, [SetOutput(id=task.instances[number].id, output=(str(number),))])
print(json.dumps([10, (time.perf_counter() - began) / 10, 0]))
"""


def measure() -> list[Figure]:
    """Instances a second, peak memory, the report, the first page and one edit."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        many = _write_collection(home / "tasks")
        one = REAL if REAL.is_file() else many / "task000_generated.json"
        collection = _compare("a collection of 201,500", many, home, "studio()")
        page = median_of(3, lambda: _run("page()", many, home)[1])
        loaded = 'Collection(home / "collection")'
        whole = f"{loaded}.load_task('task000_generated')"
        every = (
            f"{whole}.model_copy(update={{'instances': tuple(i.model_copy(update={{'id': f'{{n}}'}}) "
            f"for n, i in enumerate(i for h in {loaded}.tasks for i in {loaded}.load_task(h.task_id).instances))}})"
        )
        return [
            *collection,
            Figure("a page of 50 from its middle, opened again", 1000 * page, "ms"),
            Figure("report of 201,500 instances", _script(_CHECK.format(load=every), many, home)[1], "s"),
            *_compare(f"one file of {EACH:,}", one, home, "read()"),
            Figure(
                "report of 6,500 instances",
                _script(_CHECK.format(load="read_task_file(source, source.name).task"), one, home)[1],
                "s",
            ),
            Figure("one edit of 6,500, a version on the disk", 1000 * _script(_EDIT, one, home)[1], "ms"),
        ]


def _compare(name: str, source: Path, home: Path, call: str) -> list[Figure]:
    rounds = [(_run(call, source, home), _run("bare()", source, home)) for _ in range(3)]
    ours = sorted(pair[0] for pair in rounds)[1]
    theirs = sorted(pair[1] for pair in rounds)[1]
    assert ours[0] == theirs[0]
    bare = "json.load + from_list"
    return [
        Figure(f"{name}, read", ours[0] / ours[1], "instances/s", theirs[0] / theirs[1], bare),
        Figure(f"{name}, peak memory", ours[2], "MB", theirs[2], bare),
    ]


def _run(call: str, source: Path, home: Path) -> tuple[int, float, float]:
    return _script(_TIMED.format(call=call), source, home)


def _script(text: str, source: Path, home: Path) -> tuple[int, float, float]:
    count, seconds, megabytes = run_python("-c", _MEASURE + text, str(source), str(home))
    return count, seconds, megabytes


def _write_collection(folder: Path) -> Path:
    """Write 31 files of 6,500 instances."""
    folder.mkdir()
    for number in range(FILES):
        write_task(folder / f"task{number:03d}_generated.json", EACH, number)
    return folder


def write_task(path: Path, count: int, number: int = 0, longest: int = 28, indent: int | None = 4) -> Path:
    """Write a task of so many instances of 8 to `longest` words (with 28, as long as Super-NI's: 107 letters)."""
    rng = random.Random(number)
    letters = "etaoinshrdlucmfwypvbgk"
    words = ["".join(rng.choices(letters, k=rng.randint(2, 9))) for _ in range(4000)]
    instances = [
        {
            "id": f"task{number:03d}-{rng.getrandbits(128):032x}",
            "input": " ".join(rng.choices(words, k=rng.randint(8, longest))),
            "output": [" ".join(rng.choices(words, k=rng.randint(1, 9)))],
        }
        for _ in range(count)
    ]
    task = {
        "Contributors": ["generated"],
        "Source": ["synthetic"],
        "Categories": ["Misc."],
        "Definition": ["Say it in other words."],
        "Positive Examples": [{"input": "a", "output": "b", "explanation": "c"}],
        "Negative Examples": [],
        "Instances": instances,
    }
    path.write_text(json.dumps(task, indent=indent, ensure_ascii=False), encoding="utf-8")
    return path
