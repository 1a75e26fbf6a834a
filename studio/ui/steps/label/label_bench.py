"""The bench at which a task is labelled: one custom component, drawn by the scripts beside it, and what it asks.

Knows gradio's custom component and the studio's label desk. Answers are plain values; all text in them is foreign, and
the scripts show it as text only. What writes answers with the task it wrote to (of a sample, the visitor's copy) and
only when it is on the disk. Writing and versions are in `write_acts.py`.
"""

import functools
import time
from typing import Any, cast

from studio.errors import InputError, StudioError
from studio.service import Studio
from studio.service.label_desk import Part, Sheet
from studio.tasks.edit import EditConflict
from studio.tasks.labels.agreement import describe_agreement
from studio.tasks.labels.labelling import Item, Label
from studio.tasks.labels.team import read_name
from studio.tasks.task import Example, Task
from studio.ui.steps.label.write_acts import WRITE_ACTS
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import Act, bind_acts, part

MOST_ITEMS = 60
MOST_CONFLICTS = 50
MOST_RUNS = 20
_FRAME = '<section class="bench" aria-label="Label and write" data-state="empty"></section>'


class LabelBench(Scripted):
    """The labelling page; tells tests data-state, data-task, data-id, data-done."""

    script = "steps/label/label_bench.js"

    def __init__(self, studio: Studio, **settings: Any) -> None:
        super().__init__(_FRAME, make_acts(studio), **settings)


def make_acts(studio: Studio) -> list[Act]:
    """Return the server functions of the bench, bound to `studio`."""
    acts = (open_bench, read_items, give_label, undo_label, look_together, settle_label, share_labels, use_labels)
    return bind_acts(studio, *acts, list_helpers, suggest_label, *WRITE_ACTS)


def open_bench(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return the task and a person's share of it."""
    task_id, person = part(asked, "task", str), read_name(asked.get("person"))
    sheet = visit.labels.look(task_id, person, _read_part(asked))
    return {
        **describe_task(visit, sheet.task),
        **_describe_progress(sheet),
        "part": sheet.part,
        "counts": sheet.counts,
        "ids": sheet.ids,
        "labels": list(sheet.labels),
        "mine": {id: _write_label(label) for id, label in sheet.mine.items()},
    }


def describe_task(visit: Studio, task: Task) -> dict[str, Any]:
    """Return everything of a task but its instances."""
    versions = visit.labels.list_versions(task.task_id)
    return {
        "task": task.task_id,
        "version": task.version,
        "number": versions[0].number,
        "title": task.heading,
        "sample": visit.tasks.is_sample(task.task_id),
        "kind": task.kind,
        "definition": task.definition,
        "things_to_avoid": task.things_to_avoid,
        "emphasis": task.emphasis,
        "own_title": task.title,
        "positive_examples": [write_example(one) for one in task.positive_examples],
        "negative_examples": [write_example(one) for one in task.negative_examples],
    }


def write_example(example: Example) -> dict[str, Any]:
    """Return an example as the page has it."""
    return example.model_dump()


def read_items(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return some instances by their ids."""
    ids = [id for id in part(asked, "ids", list) if isinstance(id, str)][:MOST_ITEMS]
    return {"items": [write_item(item) for item in visit.labels.find_items(part(asked, "task", str), ids)]}


def write_item(item: Item) -> dict[str, Any]:
    """Return an item as the page has it; of a chat, the turns before its answer too."""
    turns = item.instance.before if item.instance else ()
    return {
        "id": item.id,
        "number": item.number,
        "input": item.input,
        "outputs": list(item.outputs),
        "waiting": item.waiting,
        "turns": [[turn.role, turn.content] for turn in turns],
    }


def give_label(visit: Studio, asked: Any) -> dict[str, Any]:
    """Keep a label on the disk; a text, or null to skip."""
    person, output = read_name(asked.get("person") if isinstance(asked, dict) else None), asked.get("output")
    if output is not None and not isinstance(output, str):
        raise InputError("A label is a text. Choose one, or write it.", field="output")
    label = Label(
        by=person, id=_read_id(asked), output=output, at=time.time(), seconds=_read_number(asked.get("seconds"))
    )
    try:
        own = visit.labels.add_label(part(asked, "task", str), label, _read_number(asked.get("before")))
    except EditConflict as conflict:
        return {"conflict": str(conflict), "there": _write_label(conflict.current)}
    return {"label": _write_label(label), **_describe_rest(visit, asked, own, person)}


def undo_label(visit: Studio, asked: Any) -> dict[str, Any]:
    """Take back a label; the one before it counts again."""
    person, at = read_name(asked.get("person") if isinstance(asked, dict) else None), _read_number(asked.get("at"))
    if at is None:
        raise InputError("The page's question lacks 'at'. Reload the page and try again.", field="at")
    try:
        before = visit.labels.undo_label(part(asked, "task", str), person, _read_id(asked), at)
    except EditConflict as conflict:
        return {"conflict": str(conflict), "there": _write_label(conflict.current)}
    rest = _describe_rest(visit, asked, part(asked, "task", str), person)
    return {"label": _write_label(before) if before else None, **rest}


def _describe_rest(visit: Studio, asked: Any, task_id: str, person: str) -> dict[str, Any]:
    """How far the person is now, and what they labelled in another window since the page last heard."""
    sheet = visit.labels.look(task_id, person, _read_part(asked))
    since = _read_number(asked.get("since")) or 0.0
    fresh = {id: _write_label(label) for id, label in sheet.mine.items() if label.at > since}
    return {"task": task_id, "fresh": fresh, **_describe_progress(sheet)}


def look_together(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return how far everybody is, how they agree, where they differ, and what using the labels would change."""
    task_id = part(asked, "task", str)
    found = visit.labels.look_together(task_id, _read_part(asked))
    open_ones = [one for one in found.agreement.conflicts if one.id not in found.settled]
    shown = open_ones[:MOST_CONFLICTS]
    items = {item.id: item for item in visit.labels.find_items(task_id, [one.id for one in shown])}
    return {
        "people": [{"name": name, **progress._asdict()} for name, progress in found.progress.items()],
        "overlap": found.team.overlap,
        "twice": found.agreement.twice,
        "alpha": found.agreement.alpha,
        "words": found.words,
        "kappas": [
            {"people": list(pair), "kappa": kappa, "words": describe_agreement(kappa)}
            for pair, kappa in found.agreement.kappas.items()
        ],
        "conflicts": [
            {"id": one.id, "input": items[one.id].input, "labels": one.labels} for one in shown if one.id in items
        ],
        "open": len(open_ones),
        "settled": len(found.agreement.conflicts) - len(open_ones),
        "changes": found.changes,
    }


def settle_label(visit: Studio, asked: Any) -> dict[str, Any]:
    """Settle on an answer where people differ."""
    by = read_name(asked.get("person") if isinstance(asked, dict) else None)
    return {"task": visit.labels.settle(part(asked, "task", str), _read_id(asked), part(asked, "output", str), by)}


def share_labels(visit: Studio, asked: Any) -> dict[str, Any]:
    """Change which share of the instances goes to two people."""
    by = read_name(asked.get("person") if isinstance(asked, dict) else None)
    overlap = _read_number(asked.get("overlap"))
    if overlap is None:
        raise InputError("overlap must be a number between 0 and 1. Try 0.2.", field="overlap")
    return {"task": visit.labels.set_overlap(part(asked, "task", str), overlap, by)}


def use_labels(visit: Studio, asked: Any) -> dict[str, Any]:
    """Make a version of the task by the labels."""
    by = read_name(asked.get("person") if isinstance(asked, dict) else None)
    task = visit.labels.use_labels(part(asked, "task", str), by)
    newest = visit.labels.list_versions(task.task_id)[0]
    return {"task": task.task_id, "version": task.version, "number": newest.number, "words": newest.words}


def list_helpers(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return the runs that can suggest labels: those that learnt the task, or one with the same instruction."""
    task = asked.get("task") if isinstance(asked, dict) else None
    runs = [run for run in visit.list_runs() if run.can_answer and run.recipe]
    asks = functools.cache(lambda task_id: _find_definition(visit, task_id))
    runs = [one for one in runs if (of := str(one.recipe.get("task_id"))) == task or asks(of) == asks(str(task))]
    return {"runs": [{"run": run.run_id, "name": run.name, "sentence": run.sentence} for run in runs[:MOST_RUNS]]}


def _find_definition(visit: Studio, task_id: str) -> object:
    """What a task asks for; of a task that is gone, nothing that another asks for."""
    try:
        return visit.load_task(task_id).definition
    except StudioError:
        return object()


def suggest_label(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return what base and tuned of a run answer to an input."""
    answers = visit.ask(part(asked, "run", str), part(asked, "input", str), temperature=0.0)
    return {"base": answers.base.strip(), "tuned": answers.tuned.strip()}


def _describe_progress(sheet: Sheet) -> dict[str, Any]:
    return {"done": sheet.progress.done, "of": sheet.progress.of, "words": sheet.progress.words}


def _write_label(label: Label) -> list[Any]:
    return [label.output, label.at]


def _read_id(asked: Any) -> str:
    id = part(asked, "id", str)
    if not id:
        raise InputError("The page's question names no instance. Reload the page and try again.", field="id")
    return id


def _read_part(asked: Any) -> Part | None:
    wanted = asked.get("part")
    return cast(Part, wanted) if wanted in ("waiting", "all") else None


def _read_number(value: object) -> float | None:
    """A number that can be a time or a share; anything else is none."""
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12
    return float(cast(float, value)) if fits else None
