"""The forms in which task files are found, reduced to one: v1, early v2, other dialects, near-miss keys.

Knows the names of keys, and neither what may be under them (`cell.py`) nor what becomes of them (`reading.py`).
"""

import difflib
import re
from typing import Any, NamedTuple

from studio.errors import TaskError
from studio.tasks.cell import Notes, describe, wrong
from studio.tasks.task import KEY_ORDER

_V2_ONLY = {
    "Contributors",
    "Source",
    "Categories",
    "Domains",
    "Reasoning",
    "URL",
    "Input_language",
    "Output_language",
    "Positive Examples",
    "Instance License",
}
_WAY = "A Natural-Instructions task file is one object with Definition (what to do) and Instances (inputs and outputs)."
_NEIGHBOURS = (
    ({"instruction", "output"}, "Alpaca data (instruction, input, output)"),
    ({"conversations"}, "ShareGPT conversations"),
    ({"messages"}, "chat data (messages with roles)"),
    ({"chosen", "rejected"}, "preference data (chosen and rejected)"),
    ({"inputs", "targets"}, "flattened rows (inputs, targets)"),
    ({"prompt", "completion"}, "prompt and completion pairs"),
    ({"question", "answer"}, "question and answer pairs"),
)
_ALIASES = {"outputs": "output", "identifier": "id"}


class Canonical(NamedTuple):
    """A task object under the schema's own keys, the other keys apart, and whether it is of the first form."""

    known: dict[str, Any]
    extra: dict[str, Any]
    is_v1: bool


def write_one_form(value: Any, notes: Notes) -> Canonical:
    """Return the object of a task file under the schema's keys. Raises TaskError if it is no task."""
    data = _find_object(value, notes)
    known, extra = rename_keys(data, (*KEY_ORDER, "Examples"), notes)
    is_v1 = "Examples" in known or not _V2_ONLY & known.keys()
    _check_keys(known, extra)
    if "Examples" in known:
        _lift_examples(known, notes)
    if is_v1:
        words = "The file is in the schema's first form (v1); it was read as today's (v2)."
        notes.say(words)
        notes.ledger.add("v1", words, "the file", "Examples", "Positive Examples, Negative Examples")
        for key in ("Things to Avoid", "Emphasis & Caution", "Title", "Prompt"):
            if _is_placeholder(known.get(key)):
                del known[key]
    if extra:
        notes.say(f"Kept but not used: {', '.join(repr(key[:40]) for key in list(extra)[:8])}.")
    return Canonical(known, extra, is_v1)


def is_task_object(value: Any) -> bool:
    """Say whether a JSON value is meant as one Natural-Instructions task: it has some of the keys only those have."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, dict):
        return False
    near = {_flatten(key) for key in value}
    return bool(near & {"definition"} and near & {"instances", "examples", "positiveexamples", "categories"}) or bool(
        "Instances" in value
    )


def holds_several_tasks(rows: list[Any]) -> bool:
    """Say whether a list holds whole tasks rather than rows."""
    return sum(isinstance(row, dict) and "Instances" in row for row in rows[:20]) > 1


def rename_keys(
    data: dict[str, Any], names: tuple[str, ...], notes: Notes, place: str = ""
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part an object into the keys in `names`, near misses renamed, and all others."""
    known = {key: value for key, value in data.items() if key in names}
    if len(known) == len(data):
        return known, {}
    extra = {}
    near = {_flatten(name): name for name in names} | {alias: name for alias, name in _ALIASES.items() if name in names}
    for key, value in data.items():
        name = near.get(_flatten(key), "")
        if key in names:
            continue
        if name and name not in known:
            known[name] = value
            if place:
                notes.tally(f"The key {key!r} was read as {name!r}", place)
            else:
                notes.say(f"The key {key!r} was read as {name!r}.")
            notes.ledger.add(
                "keys", "A key was spelled differently; it was read as the schema's", place or key, key, name
            )
        else:
            extra[key] = value
    return known, extra


def _flatten(key: str) -> str:
    return re.sub(r"[^a-z]", "", key.lower())


def _find_object(value: Any, notes: Notes) -> dict[str, Any]:
    if (
        isinstance(value, list)
        and len(value) == 1
        and isinstance(value[0], dict)
        and {"Definition", "Instances"} <= value[0].keys()
    ):
        notes.say("The task was in a list of one; the list was removed.")
        value = value[0]
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and value and isinstance(value[0], dict):
        raise TaskError(
            f"the file holds {describe(value)}, whose first has the keys {_list_keys(value[0])}; "
            f"{_name_neighbour(value[0])}. This version reads Natural-Instructions task files. {_WAY}",
            field="file",
        )
    raise TaskError(f"the file holds {describe(value)} where a task is expected. {_WAY}", field="file")


def _name_neighbour(first: dict[str, Any]) -> str:
    for keys, kind in _NEIGHBOURS:
        if keys <= first.keys():
            return f"this looks like {kind}"
    if {"Definition", "Instances"} & first.keys():
        return "this looks like several tasks in one file: save each as a file of its own"
    return "this looks like a table of rows, Alpaca, ShareGPT or chat data"


def _list_keys(data: dict[str, Any]) -> str:
    return ", ".join(repr(key[:40]) for key in list(data)[:8]) or "none"


def _check_keys(known: dict[str, Any], extra: dict[str, Any]) -> None:
    missing = [key for key in ("Definition", "Instances") if key not in known]
    if not missing:
        return
    there = [key for key in KEY_ORDER if key in known]
    hints = [
        f" Perhaps {near[0]!r} is meant to be {key!r}: rename it."
        for key in missing
        if (near := difflib.get_close_matches(key, extra, n=1, cutoff=0.7))
    ]
    if not there:
        for keys, kind in _NEIGHBOURS:
            if keys <= extra.keys():
                hints.append(f" This looks like {kind}; this version reads Natural-Instructions task files.")
    found = (
        f"Of the schema's keys it has {', '.join(there)}."
        if there
        else f"It has none of the schema's keys but {_list_keys(extra)}."
    )
    raise TaskError(
        f"the key {' and the key '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing. {found}"
        f"{''.join(hints)} {_WAY}",
        field=missing[0],
    )


def _lift_examples(known: dict[str, Any], notes: Notes) -> None:
    """Move v1's nested examples to where v2 has them."""
    nested = known.pop("Examples")
    if nested is None or _is_placeholder(nested):
        return
    if not isinstance(nested, dict):
        raise wrong(
            "Examples",
            nested,
            'an object with "Positive Examples" and "Negative Examples"',
            "Put the examples under those two keys.",
        )
    inner, rest = rename_keys(nested, ("Positive Examples", "Negative Examples"), notes)
    if rest:
        notes.say(f"Left out of Examples: {_list_keys(rest)}.")
    for key, value in inner.items():
        known.setdefault(key, value)


def _is_placeholder(value: Any) -> bool:
    """v1 writes "-" for nothing."""
    return isinstance(value, str) and value.strip() in ("", "-")


def drop_placeholders(value: Any) -> Any:
    """Return a list of examples without v1's "-" for "there are none"."""
    if _is_placeholder(value):
        return []
    return [item for item in value if not _is_placeholder(item)] if isinstance(value, list) else value
