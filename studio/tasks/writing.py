"""A task becomes a file for other programs: v2, Alpaca, OpenAI chat, ShareGPT, preferences, KTO, CSV, plain text.

Only v2 holds everything, and comes back equal. The others are what the programs that read them expect, and each takes
only the kinds of task it has words for. Knows no disk.
"""

import csv
import io
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from studio.errors import InputError
from studio.tasks.prompt import write_messages, write_pair, write_turns
from studio.tasks.row import OWN_INPUT
from studio.tasks.task import Instance, Task, write_v2

Row = dict[str, Any]


class Format(NamedTuple):
    """A form of file: what it is called, its ending, and the kinds of task it can hold."""

    title: str
    suffix: str
    kinds: tuple[str, ...]
    write: Callable[[Task], str]


def list_formats(task: Task) -> dict[str, str]:
    """Return name -> title of the forms a task can be written in."""
    return {name: form.title for name, form in FORMATS.items() if task.kind in form.kinds}


def write_task(task: Task, format: str = "v2") -> tuple[str, str]:
    """Return (name of the file, its text). Raises InputError for a form that can't hold this kind of task."""
    form = FORMATS.get(format)
    if form is None:
        raise InputError(
            f"There is no form of file {format[:40]!r}. Choose one of: {', '.join(list_formats(task))}.", field="format"
        )
    if task.kind not in form.kinds:
        raise InputError(
            f"{form.title} has no place for a task of the kind {task.kind}. Choose one of: "
            f"{', '.join(list_formats(task))}.",
            field="format",
        )
    return f"{task.task_id}{form.suffix}", form.write(task)


def _lines(rows: list[Row]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows)


def _list(rows: list[Row]) -> str:
    return json.dumps(rows, ensure_ascii=False, allow_nan=False, indent=2) + "\n"


def _write_alpaca(task: Task) -> str:
    return _list([_alpaca_row(task, instance) for instance in task.instances])


def _alpaca_row(task: Task, instance: Instance) -> Row:
    own = instance.extra.get(OWN_INPUT, "")
    rest = {key: value for key, value in instance.extra.items() if key != OWN_INPUT}
    if task.definition.strip():
        return {"instruction": task.definition, "input": instance.input, "output": instance.output[0], **rest}
    if own and instance.input.endswith(f"\n\n{own}"):
        said = instance.input.removesuffix(f"\n\n{own}")
        return {"instruction": said, "input": own, "output": instance.output[0], **rest}
    return {"instruction": instance.input, "input": "", "output": instance.output[0], **rest}


def _conversation(task: Task, instance: Instance) -> list[Row]:
    if instance.messages:
        return write_turns(instance.messages)
    return [*write_messages(task, instance.input), {"role": "assistant", "content": instance.output[0]}]


def _write_openai(task: Task) -> str:
    rows: list[Row] = []
    for instance in task.instances:
        rest = instance.extra if instance.messages else {}
        tools = {"tools": list(instance.tools)} if instance.tools else {}
        rows.append({"messages": _conversation(task, instance), **tools, **rest})
    return _lines(rows)


_SHAREGPT = {"user": "human", "assistant": "gpt", "system": "system", "tool": "observation"}


def _write_sharegpt(task: Task) -> str:
    rows: list[Row] = []
    for instance in task.instances:
        turns: list[Row] = []
        for turn in instance.messages:
            turns.append({"from": str(turn.extra.get("from", _SHAREGPT[turn.role])), "value": turn.content})
        if not turns:
            turns = [
                {"from": _SHAREGPT[turn["role"]], "value": turn["content"]} for turn in _conversation(task, instance)
            ]
        rows.append({"id": instance.id, "conversations": turns, **(instance.extra if instance.messages else {})})
    return _list(rows)


def _write_preferences(task: Task) -> str:
    rows: list[Row] = []
    for instance in task.instances:
        prompt, chosen, rejected = write_pair(task, instance)
        if instance.messages:
            rows.append({"prompt": prompt, "chosen": chosen, "rejected": rejected})
        else:
            asked = f"{task.definition}\n\n{instance.input}" if task.definition.strip() else instance.input
            row = {"prompt": asked, "chosen": instance.output[0], "rejected": instance.rejected}
            rows.append(row if asked else {key: value for key, value in row.items() if key != "prompt"})
    return _lines(rows)


def _write_kto(task: Task) -> str:
    rows: list[Row] = []
    for instance in task.instances:
        turns = _conversation(task, instance)
        rows.append({"prompt": turns[:-1], "completion": turns[-1:], "label": bool(instance.liked)})
    return _lines(rows)


def _write_csv(task: Task) -> str:
    """A table of input and first output; a cell that a spreadsheet would run gets an apostrophe before it."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(["input", "output"])
    for instance in task.instances:
        writer.writerow([_inert(instance.input), _inert(instance.output[0])])
    return buffer.getvalue()


def _inert(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _write_text(task: Task) -> str:
    return "\n\n".join(instance.output[0] for instance in task.instances) + "\n"


FORMATS = {
    "v2": Format("Natural Instructions v2", ".json", ("instruction", "chat", "preference", "rating", "text"), write_v2),
    "alpaca": Format("Alpaca", ".json", ("instruction",), _write_alpaca),
    "openai": Format("OpenAI chat", ".jsonl", ("instruction", "chat"), _write_openai),
    "sharegpt": Format("ShareGPT", ".json", ("instruction", "chat"), _write_sharegpt),
    "preferences": Format("Preferences (TRL)", ".jsonl", ("preference",), _write_preferences),
    "kto": Format("KTO (TRL)", ".jsonl", ("rating",), _write_kto),
    "csv": Format("CSV", ".csv", ("instruction",), _write_csv),
    "text": Format("Plain text", ".txt", ("text",), _write_text),
}
"""Every form by its name."""
