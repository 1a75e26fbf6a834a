"""The studio's own task files, read as strictly as they were written.

A file that somebody uploads is read by `reading.py`, which accepts a lot and says what it accepted. What the studio
wrote itself needs no guess: a value that isn't as `task.write_v2` writes it means that the file was damaged, and to
read it as something else would change a task under the runs that were made with it. Files of older editions are read
too: keys that are missing there have their usual values.
"""

import json
from typing import Any

from pydantic import ValidationError

from studio.errors import StudioError, WorkspaceError
from studio.tasks.instance import Instance
from studio.tasks.kinds import KINDS
from studio.tasks.mapping import Mapping
from studio.tasks.task import LIST_KEYS, STUDIO_KEY, TEXT_KEYS, Example, Origin, Task

_EXAMPLE_KEYS = ("input", "output", "explanation", "suggestion")


def read_v2(data: bytes, name: str, task_id: str) -> Task:
    """Return the task that `write_v2` wrote. Raises WorkspaceError in words if the file `name` was damaged."""
    try:
        return make_task(json.loads(data), task_id)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, StudioError) as error:
        words = error.errors()[0]["msg"] if isinstance(error, ValidationError) else f"{type(error).__name__}: {error}"
        raise WorkspaceError(
            f"The file {name} of this task is damaged ({words[:200]}). Restore an earlier version, or import the task "
            "again."
        ) from None


def make_task(value: dict[str, Any], task_id: str) -> Task:
    """Return the task of a v2 object that `write_v2` wrote. Raises whatever a damaged one makes its reader raise."""
    rest = dict(value)
    fields: dict[str, Any] = {field: _read_list(rest.pop(key, []), key) for key, field in LIST_KEYS.items()}
    fields |= {field: rest.pop(key, "") for key, field in TEXT_KEYS.items()}
    definition, *more = _read_list(rest.pop("Definition"), "Definition")
    ours = rest.pop(STUDIO_KEY, {})
    kind = KINDS.find(ours.get("kind", "instruction"))
    origin = None
    if "format" in ours:
        mapping = Mapping.model_validate(ours["mapping"]) if "mapping" in ours else None
        origin = Origin(format=ours["format"], mapping=mapping)
    return Task(
        task_id=task_id,
        definition=definition,
        more_definitions=tuple(more),
        positive_examples=tuple(map(_read_example, _read_list(rest.pop("Positive Examples", []), "Positive Examples"))),
        negative_examples=tuple(map(_read_example, _read_list(rest.pop("Negative Examples", []), "Negative Examples"))),
        instances=tuple(
            _read_instance(item, number, kind)
            for number, item in enumerate(_read_list(rest.pop("Instances"), "Instances"))
        ),
        kind=kind.name,
        origin=origin,
        split=ours.get("split", "hash"),
        extra=rest,
        **fields,
    )


def _read_list(value: Any, place: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise TypeError(f"{place} is no list")
    return tuple(value)


def _read_example(item: dict[str, Any]) -> Example:
    known = {key: item[key] for key in _EXAMPLE_KEYS if key in item}
    return Example(**known, extra={key: value for key, value in item.items() if key not in known})


def _read_instance(item: dict[str, Any], number: int, kind: type[Instance]) -> Instance:
    known = ("id", "input", "output", *kind.keys)
    data = {key: item[key] for key in known if key in item}
    return kind.read(
        {**data, "extra": {key: value for key, value in item.items() if key not in known}}, f"Instances[{number}]"
    )
