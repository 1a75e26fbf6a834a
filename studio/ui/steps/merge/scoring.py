"""What a merge and its parents are worth on each parent's task, and which scale of the weights is best.

Puts what isn't measured yet into the queue and tells what is; asked again until nothing is missing. The scale is
chosen on validation, the scores are of the test part.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from studio.errors import InputError, StudioError
from studio.evidence.evidence import Evidence, Value, sum_up
from studio.evidence.metrics import METRICS
from studio.models.reference import ModelRef
from studio.service import Studio
from studio.ui.widgets.server_act import part
from studio.works.measure import MOST, Measure

SCALES = (0.4, 0.7, 1.0, 2.0)
"""By which all weights are multiplied for the curve: as many as are measured at once."""

BASE = "the base"
"""What it is called beside what was made of it."""


class Learned(NamedTuple):
    """A task that a parent learned, and of which parents."""

    task_id: str
    version: str | None
    title: str
    parents: tuple[str, ...]


def list_learned(visit: Studio, parents: Sequence[str]) -> list[Learned]:
    """Return the tasks that models learned last, each once."""
    found: dict[str, Learned] = {}
    for parent in parents:
        try:
            recipe = visit.resolve_model(ModelRef(ref=parent)).changes[-1].recipe
            task = visit.load_task(recipe.task_id, recipe.task_version)
        except StudioError:  # deleted since: nothing can be measured of it
            continue
        known = found.get(task.task_id)
        mine = (*known.parents, parent) if known else (parent,)
        found[task.task_id] = Learned(task.task_id, recipe.task_version, task.heading, mine)
    return list(found.values())


def choose_columns(base: str, merge: str, parents: Sequence[str], own: Sequence[str]) -> list[str]:
    """Return which models are measured on a task: the base, parents that learned it before others, the merge."""
    others = [*own, *(parent for parent in parents if parent not in own)]
    return [base, *dict.fromkeys(others[: MOST - 2]), merge]


def look_at_scores(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return the scores of a merge, its parents and the base on each parent's task; `start` has them measured."""
    card = next((card for card in visit.merges.list_merges() if card.address == part(asked, "merge", str)), None)
    if card is None:
        raise InputError("This merge is not there any more. Merge again.", field="merge")
    parents = [parent.model for parent in card.parents]
    base = visit.resolve_model(ModelRef(ref=card.address)).base.ref
    wanted = {
        learned.title: visit.evidence.read(
            choose_columns(base, card.address, parents, learned.parents), learned.task_id, "test", learned.version
        )
        for learned in list_learned(visit, parents)
    }
    found = _measure_all(visit, wanted, bool(asked.get("start")))
    for one in (value for task in found["tasks"] for value in task["values"]):
        one["title"] = BASE if one["checkpoint"] == base else one["title"]
    return found


def look_at_curve(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return scores on validation of an order with all its weights at several scales; `start` has them made.

    What was merged for it alone is deleted once all is measured.
    """
    order, start = part(asked, "order", dict), bool(asked.get("start"))
    name = part(asked, "name", str)
    orders = {f"{name}-x{round(scale * 100)}": scale_order(order, scale) for scale in SCALES}
    there = {card.name for card in visit.merges.list_merges()}
    if missing := [each for each in orders if each not in there]:
        return _merge_missing(visit, {each: orders[each] for each in missing}, start)
    parents = [str(parent.get("model")) for parent in order.get("parents", ()) if isinstance(parent, dict)]
    columns = [f"merge:{each}" for each in orders]
    wanted = {
        learned.title: visit.evidence.read(columns, learned.task_id, "validation", learned.version)
        for learned in list_learned(visit, parents)
    }
    found = _measure_all(visit, wanted, start)
    if found["done"]:
        for each in orders:
            visit.merges.delete(each)
    return {**found, "scales": list(SCALES)}


def scale_order(order: dict[str, Any], scale: float) -> dict[str, Any]:
    """Return an order whose weights are so many times as large."""
    parents = [
        {**parent, "weight": round(min(10.0, max(-10.0, float(parent.get("weight", 1.0)) * scale)), 6)}
        for parent in order.get("parents", ())
        if isinstance(parent, dict) and isinstance(parent.get("weight", 1.0), int | float)
    ]
    return {**order, "parents": parents}


def _merge_missing(visit: Studio, orders: dict[str, dict[str, Any]], start: bool) -> dict[str, Any]:
    waiting = {run.title for run in visit.list_runs() if run.kind == "merge" and run.can_stop}
    for name, order in orders.items():
        if start and f"Merge {name}" not in waiting:
            visit.merges.start({**order, "name": name})
    return {"done": False, "busy": True, "tasks": [], "text": f"{len(orders)} merges to make …", "scales": list(SCALES)}


def _measure_all(visit: Studio, wanted: dict[str, Measure], start: bool) -> dict[str, Any]:
    """What is measured of each task, and how far the rest is."""
    tasks, left = [], []
    for title, work in wanted.items():
        if found := visit.evidence.find(work):
            tasks.append({"title": title, "n": len(found[0].instances), "values": list(_tell(sum_up(*found)))})
            continue
        running = visit.evidence.find_work(work) or (visit.evidence.start(work) if start else "")
        left.append((work, running))
    text = ""
    if left:
        count = sum(work.instances * len(work.checkpoints) for work, _ in left)
        done = sum(visit.run_status(running).step for _, running in left if running)
        text = f"{done:,} of {count:,} answers are measured …" if left[0][1] else f"{count:,} answers to measure."
    return {"done": not left, "busy": any(running for _, running in left), "tasks": tasks, "text": text}


def _tell(found: Evidence) -> Iterator[dict[str, Any]]:
    """The main metric of each model, as values that the page draws."""
    main = found.values[0].metric
    yield from (_tell_value(value) for value in found.values if value.metric == main)


def _tell_value(value: Value) -> dict[str, Any]:
    told = value.model_dump(mode="json")
    return {**told, "metric": METRICS.members[value.metric].title}
