"""A check of a task, worked out once for each version: the report, the repairs on offer, the lengths of its rows.

Thirty people who open the same sample wait for one answer instead of working it out each. Lengths are those of the very
rows that training makes. Knows no store.
"""

import threading
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from studio.models.loading import load_tokenizer
from studio.objectives.objective import Objective, Row
from studio.tasks.comparison import compare
from studio.tasks.quality.lengths import Lengths, Limit, measure_lengths
from studio.tasks.quality.repairs import offer_repairs
from studio.tasks.quality.report import Report, check_task
from studio.tasks.repair import Repair
from studio.tasks.task import Instance, Task

_CHECKING = threading.Lock()
_NO_LIMIT = 10**9


class Checked(BaseModel):
    """The report of a task, the repairs on offer, and why its length in tokens is not known, where it isn't."""

    model_config = ConfigDict(frozen=True)

    report: Report
    offers: tuple[Repair, ...]
    trouble: str = ""


class FixPreview(BaseModel):
    """What a fix would change: in a sentence, and its first places before and after ("" where it is left out)."""

    model_config = ConfigDict(frozen=True)

    words: str
    changes: tuple[tuple[str, str, str], ...]


def check_once(task: Task, seed: int) -> Checked:
    """Return the report of a task without lengths, and the repairs on offer."""
    with _CHECKING:
        return _check(_Edition(task), seed)


def measure_rows(task: Task, objective: Objective, folder: Path, limit: Limit) -> Lengths:
    """Return the lengths of the task's rows in tokens of the model in `folder`. Raises StudioError."""
    with _CHECKING:
        return _measure(_Edition(task), objective, folder, limit.tokens)


def preview_change(task: Task, changed: Task, most: int = 5) -> FixPreview:
    """Return what is different in a task that was changed, and the first places."""
    found = compare(task, changed)
    changes = [(name.replace("_", " "), str(before), str(after)) for name, (before, after) in found.fields.items()]
    places = {instance.id: f"Instances[{number}]" for number, instance in enumerate(task.instances)}
    some = (*found.changed, *found.deleted)[:most]
    changes += [(places[one.id], _say(one.before, one.after), _say(one.after, one.before)) for one in some]
    return FixPreview(words=f"{found.words[:1].upper()}{found.words[1:]}.", changes=tuple(changes[:most]))


def _say(instance: Instance | None, other: Instance | None) -> str:
    """Input and outputs; of a conversation that was changed, the turns that differ."""
    if instance is None:
        return ""
    if not instance.before or other is None:
        return f"{instance.key[:200]} \u2192 {' | '.join(instance.output)[:200]}"
    there = set(other.list_texts())
    return " | ".join(text for text in instance.list_texts() if text not in there)[:400]


class _Edition:
    """A task that equals every other of its name and version, so that what was worked out of it is remembered.

    The task itself is taken out of it once, so that no memory of an answer keeps 200,000 instances alive.
    """

    def __init__(self, task: Task) -> None:
        self.tasks, self.key = [task], (task.task_id, task.version)

    def take(self) -> Task:
        return self.tasks.pop()

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Edition) and self.key == other.key


@lru_cache(maxsize=32)
def _check(edition: _Edition, seed: int) -> Checked:
    task = edition.take()
    return Checked(report=check_task(task, seed=seed), offers=offer_repairs(task))


@lru_cache(maxsize=64)
def _measure(edition: _Edition, objective: Objective, folder: Path, limit: int) -> Lengths:
    tokenizer, task = load_tokenizer(folder), edition.take()
    examples = (objective.encode(task, instance, tokenizer, _NO_LIMIT) for instance in task.instances)
    counts = (max(map(_count_tokens, example)) if example else (0, 0) for example in examples)
    return measure_lengths([(total - learnt, learnt) for total, learnt in counts], limit)


def _count_tokens(row: Row) -> tuple[int, int]:
    """All tokens of a row, and those that are learnt."""
    return len(row.labels), sum(label != -100 for label in row.labels)
