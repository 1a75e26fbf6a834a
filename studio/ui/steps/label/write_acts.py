"""What the bench asks when something is written: instances added, texts edited, rows changed, versions restored.

Knows the studio's label desk; knows no component. An edit of what somebody changed meanwhile comes back as `clashes`,
with what is there now, so that the page can show both texts.
"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic import BaseModel

from studio.errors import InputError
from studio.service import Studio
from studio.service.label_desk import Added
from studio.tasks.comparison import Difference, InstanceChange
from studio.tasks.edit import Edit, EditConflict, read_edit
from studio.tasks.labels.label_table import SHOWN, Filter, filter_rows, make_bulk_edits
from studio.tasks.reading.pasting import Columns, preview_pasted
from studio.tasks.task import Task
from studio.ui.frame.upload import check_upload
from studio.ui.widgets.server_act import part

ROWS = 50
MOST_CHANGES = 50
MOST_EDITS = 200
LONGEST_NAME = 80


def paste_inputs(visit: Studio, asked: Any) -> dict[str, Any]:
    """Let pasted inputs wait for their answers; of a table, answer with its columns until one is chosen."""
    task_id, text = part(asked, "task", str), part(asked, "text", str)
    if asked.get("whole") is True:
        return _answer_added(visit, visit.labels.let_wait(task_id, text))
    return _upload(visit, asked, partial(preview_pasted, text), partial(visit.labels.paste, task_id, text))


def upload_inputs(visit: Studio, asked: Any) -> dict[str, Any]:
    """Let the inputs of an uploaded file wait, as `paste_inputs` does."""
    task_id, (path, name) = part(asked, "task", str), check_upload(asked.get("file"))
    add = partial(visit.labels.upload_inputs, task_id, path, name)
    return _upload(visit, asked, partial(visit.labels.preview_inputs, path, name), add)


def _upload(
    visit: Studio, asked: Any, preview: Callable[[], Columns | None], add: Callable[..., Added]
) -> dict[str, Any]:
    column, answers = (name if isinstance(name := asked.get(key), str) else None for key in ("column", "answers"))
    found = preview() if column is None else None
    if found:
        return found._asdict()
    return _answer_added(visit, add(column or None, answers or None, _read_by(asked)))


def _answer_added(visit: Studio, added: Added) -> dict[str, Any]:
    version = visit.load_task(added.task_id).version
    return {"task": added.task_id, "waiting": added.waiting, "whole": added.whole, "version": version}


def add_instance(visit: Studio, asked: Any) -> dict[str, Any]:
    """Add an instance that was written by hand."""
    outputs = [text for text in part(asked, "outputs", list) if isinstance(text, str)]
    task_id = part(asked, "task", str)
    return _answer(visit, visit.labels.add_instance(task_id, part(asked, "input", str), outputs, _read_by(asked)))


def edit_task(visit: Studio, asked: Any) -> dict[str, Any]:
    """Make a version by some edits; or say which were made of what is no longer there."""
    task_id, given = part(asked, "task", str), part(asked, "edits", list)
    if not 0 < len(given) <= MOST_EDITS:
        raise InputError(f"A version is made of 1 to {MOST_EDITS} edits, not {len(given)}.", field="edits")
    return _edit(visit, task_id, [read_edit(one) for one in given], _read_by(asked))


def _edit(visit: Studio, task_id: str, edits: list[Edit], by: str) -> dict[str, Any]:
    try:
        return _answer(visit, visit.labels.edit(task_id, edits, by))
    except EditConflict as conflict:
        own = visit.labels.find_own(task_id)
        clashes = visit.labels.find_clashes(own, edits)
        if not clashes:
            raise conflict from None
        return {
            "clashes": [{"number": one.number, "words": one.words, "current": to_plain(one.current)} for one in clashes]
        }


def list_rows(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return one page of the table of a task and its labels."""
    task_id = part(asked, "task", str)
    show = asked.get("show")
    wanted = Filter(
        _read_by(asked),
        show if show in SHOWN else "all",
        str(asked.get("answer") or ""),
        str(asked.get("search") or ""),
    )
    found = filter_rows(visit.labels.list_items(task_id), visit.labels.read_labels(task_id), wanted)
    pages = max(1, -(-len(found) // ROWS))
    given = asked.get("page")
    page = min(max(0, given if isinstance(given, int) and not isinstance(given, bool) else 0), pages - 1)
    rows = [
        {
            "id": row.item.id,
            "number": row.item.number,
            "input": row.item.input,
            "outputs": list(row.item.outputs),
            "waiting": row.item.waiting,
            "labels": row.labels,
            "differ": row.differ,
        }
        for row in found[page * ROWS : (page + 1) * ROWS]
    ]
    return {"rows": rows, "page": page, "pages": pages, "total": len(found)}


def change_rows(visit: Studio, asked: Any) -> dict[str, Any]:
    """Give the chosen rows one answer, or delete them."""
    task_id = part(asked, "task", str)
    ids = [id for id in part(asked, "ids", list) if isinstance(id, str)]
    output = None if asked.get("delete") is True else part(asked, "output", str).strip()
    items = visit.labels.find_items(task_id, ids)
    edits = make_bulk_edits(items, output)
    if waiting := [item.id for item in items if item.waiting]:
        task_id = visit.labels.drop_waiting(task_id, waiting)
        if not edits:
            return _answer(visit, visit.load_task(task_id))
    if not edits:
        raise InputError("The chosen rows have this answer already. Choose another.", field="output")
    return _edit(visit, task_id, edits, _read_by(asked))


def list_versions(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return a task's versions, the newest first."""
    cards = visit.labels.list_versions(part(asked, "task", str))
    return {"versions": [{**card.model_dump(), "at": card.at.timestamp()} for card in cards]}


def compare_versions(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return what is different between two versions."""
    task_id, before, after = (part(asked, name, str) for name in ("task", "before", "after"))
    return describe_difference(visit.labels.compare(task_id, before, after))


def restore_version(visit: Studio, asked: Any) -> dict[str, Any]:
    """Make an earlier version current again, as a new one."""
    task_id, version = part(asked, "task", str), part(asked, "version", str)
    return _answer(visit, visit.labels.restore(task_id, version, _read_by(asked)))


def describe_difference(found: Difference) -> dict[str, Any]:
    """Return a difference as the page shows it: in words, then before and after."""
    kinds = {"added": found.added, "deleted": found.deleted, "changed": found.changed}
    return {
        "words": found.words,
        "fields": [
            {"name": name, "before": _say(before), "after": _say(after)}
            for name, (before, after) in found.fields.items()
        ],
        "instances": [
            {"kind": kind, "id": one.id, "parts": _compare_parts(one)}
            for kind, changes in kinds.items()
            for one in changes[:MOST_CHANGES]
        ],
        "left_out": sum(max(0, len(changes) - MOST_CHANGES) for changes in kinds.values()),
    }


def _compare_parts(change: InstanceChange) -> list[dict[str, str]]:
    """The parts of an instance that differ, before and after; all that it says where it is on one side only."""
    whole = change.before or change.after
    sides = [one.model_dump() if one else {} for one in (change.before, change.after)]
    names = [name for name in (whole.model_dump() if whole else {}) if name != "id"]
    return [
        {"name": name, "before": _say(sides[0].get(name)), "after": _say(sides[1].get(name))}
        for name in names
        if sides[0].get(name) != sides[1].get(name) and _say(sides[0].get(name)) != _say(sides[1].get(name))
    ]


def _say(value: Any) -> str:
    """A part of a task as a text for people."""
    plain = to_plain(value)
    if plain in (None, "", [], {}):
        return ""
    if isinstance(plain, str):
        return plain
    if isinstance(plain, list):
        return "\n".join(_say(one) for one in plain)
    if isinstance(plain, dict):
        return "\n".join(f"{name}: {_say(one)}" for name, one in plain.items() if _say(one))
    return json.dumps(plain, ensure_ascii=False)


def to_plain(value: Any) -> Any:
    """Return a value of a task as plain JSON."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, tuple | list):
        return [to_plain(one) for one in value]
    return value


def _answer(visit: Studio, task: Task) -> dict[str, Any]:
    newest = visit.labels.list_versions(task.task_id)[0]
    return {"task": task.task_id, "version": task.version, "number": newest.number, "words": newest.words}


def _read_by(asked: Any) -> str:
    person = asked.get("person")
    return " ".join(person.split())[:LONGEST_NAME] if isinstance(person, str) else ""


WRITE_ACTS = (
    paste_inputs,
    upload_inputs,
    add_instance,
    edit_task,
    list_rows,
    change_rows,
    list_versions,
    compare_versions,
    restore_version,
)
