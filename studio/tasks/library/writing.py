"""A task becomes a file for other programs: v2, Alpaca, OpenAI chat, ShareGPT, preferences, KTO, CSV, plain text.

Only v2 holds everything, and comes back equal. The others are what the programs that read them expect, and each takes
only the kinds of task it has words for. Knows no disk.
"""

import csv
import io
import json
from collections.abc import Callable
from typing import Any, NamedTuple, get_args

from studio.errors import InputError
from studio.tasks.cell import Notes
from studio.tasks.instance import Form, Message
from studio.tasks.kinds import KINDS
from studio.tasks.kinds.preference import Preference
from studio.tasks.prompt import write_turns
from studio.tasks.reading.delimited import MARKED
from studio.tasks.reading.row import OWN_INPUT
from studio.tasks.task import Instance, Task, write_v2
from studio.tasks.tool import name_call, read_calls
from studio.tasks.written_turn import read_turn, says_learnt, says_no

Row = dict[str, Any]


class Format(NamedTuple):
    """A form of file: what it is called, its ending, what of an instance it has words for, and how it is written.

    It takes the kinds of data that are wholly said by one of `forms`.
    """

    title: str
    suffix: str
    forms: tuple[Form, ...]
    write: Callable[[Task], str]

    def takes(self, task: Task) -> bool:
        """Say whether a task can be written so."""
        return KINDS.find(task.kind).forms[0] in self.forms


def list_formats(task: Task) -> dict[str, str]:
    """Return name -> title of the forms a task can be written in."""
    return {name: form.title for name, form in FORMATS.items() if form.takes(task)}


def write_task(task: Task, format: str = "v2") -> tuple[str, str]:
    """Return (name of the file, its text). Raises InputError for a form that can't hold this kind of task."""
    form = FORMATS.get(format)
    if form is None:
        raise InputError(
            f"There is no form of file {format[:40]!r}. Choose one of: {', '.join(list_formats(task))}.", field="format"
        )
    if not form.takes(task):
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


def _write_openai(task: Task) -> str:
    return _lines([{"messages": _list_turns(task, instance), **_rest(instance)} for instance in task.instances])


def _list_turns(task: Task, instance: Instance) -> list[Row]:
    """The turns of a conversation as they were read, or those of an input and its answer."""
    if not instance.messages:
        dialogue = instance.write_dialogue(task)
        turns = [dict(turn) for turn in dialogue.turns]
        if dialogue.input is not None:  # white space stays, which a prompt leaves out
            turns[0]["content"] = "\n\n".join(text for text in (task.definition.strip(), dialogue.input) if text)
        return turns
    return [
        row | _say_weight(turn, row)
        for turn, row in zip(instance.messages, write_turns(instance.messages), strict=True)
    ]


def _say_weight(turn: Message, row: Row) -> Row:
    """The flags that say whether an answer is learnt, where those that it carries would be read otherwise."""
    if all(one.counts for one in read_turn(row, "", Notes())) == turn.counts:
        return {}
    denying = {key: int(says_no(value)) for key, value in row.items() if says_learnt(key, value) is False}
    return denying if turn.counts else {"weight": 0}


def _rest(instance: Instance) -> Row:
    """What is beside the turns."""
    tools = {"tools": list(instance.tools)} if instance.tools else {}
    return {**tools, **(instance.extra if instance.messages else {})}


_SHAREGPT = {"user": "human", "assistant": "gpt", "system": "system", "tool": "observation"}
_CALL = "function_call"


def _write_sharegpt(task: Task) -> str:
    rows: list[Row] = []
    for instance in task.instances:
        turns = [_sharegpt_row(turn) for turn in instance.messages]
        if not turns:
            turns = [{"from": _SHAREGPT[one["role"]], "value": one["content"]} for one in _list_turns(task, instance)]
        rest = _rest(instance)
        if "tools" in rest:
            rest["tools"] = json.dumps(rest["tools"], ensure_ascii=False)
        rows.append({"id": instance.id, "conversations": turns, **rest})
    return _list(rows)


def _sharegpt_row(turn: Message) -> Row:
    """What a turn says, or the tools it calls as a text; beside words, calls are kept as OpenAI writes them."""
    calls = _write_calls(turn.extra.get("tool_calls"))
    who = turn.extra.get("from", _CALL if calls and not turn.content else _SHAREGPT[turn.role])
    apart = ("from", "content") if turn.content and calls else ("from", "content", "tool_calls")
    rest = {key: value for key, value in turn.extra.items() if key not in apart}
    row = {"from": str(who), "value": turn.content or calls, **rest}
    return row | _say_weight(turn, row)


def _write_calls(calls: Any) -> str:
    """Calls of tools as one JSON text, with the ids that their answers name; "" where there are none."""
    if not calls:
        return ""
    found = [
        ({"id": call["id"]} if "id" in call else {}) | name_call(call) for call in read_calls(calls) or ()
    ] or calls
    return json.dumps(found[0] if isinstance(found, list) and len(found) == 1 else found, ensure_ascii=False)


def _write_preferences(task: Task) -> str:
    """One row a pair; where one of them differs from its first turn on, the conversations of all are written whole."""
    pairs = {one.id: one.write_pair(task) for one in task.instances if isinstance(one, Preference) and one.messages}
    whole = not all(prompt for prompt, _, _ in pairs.values())
    rows: list[Row] = []
    for instance in task.instances:
        if instance.id in pairs:
            prompt, chosen, rejected = pairs[instance.id]
            turns = {"chosen": prompt + chosen, "rejected": prompt + rejected}
            apart = {"prompt": prompt, "chosen": chosen, "rejected": rejected}
            rows.append({**(turns if whole else apart), **_rest(instance)})
        else:
            answers = {"chosen": instance.output[0], "rejected": instance.rejected}
            rows.append({**_say_prompt(task, instance), **answers})
    return _lines(rows)


def _write_kto(task: Task) -> str:
    rows: list[Row] = []
    for instance in task.instances:
        liked = {"label": bool(instance.liked)}
        if instance.messages:
            turns = _list_turns(task, instance)
            rows.append({"prompt": turns[:-1], "completion": turns[-1:], **liked, **_rest(instance)})
        else:
            rows.append({**_say_prompt(task, instance), "completion": instance.output[0], **liked})
    return _lines(rows)


def _say_prompt(task: Task, instance: Instance) -> Row:
    """What is asked as one text, the definition before it; nothing where nothing is asked."""
    asked = f"{task.definition}\n\n{instance.input}" if task.definition.strip() else instance.input
    return {"prompt": asked} if asked else {}


def _write_csv(task: Task) -> str:
    """A table of input and first output; a cell that a spreadsheet would run gets an apostrophe before it."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(["input", "output"])
    for instance in task.instances:
        writer.writerow([_inert(instance.input), _inert(instance.output[0])])
    return buffer.getvalue()


def _inert(text: str) -> str:
    return f"'{text}" if MARKED.match(f"'{text}") else text


def _write_text(task: Task) -> str:
    return "\n\n".join(instance.output[0] for instance in task.instances) + "\n"


FORMATS = {
    "v2": Format("Natural Instructions v2", ".json", get_args(Form), write_v2),
    "alpaca": Format("Alpaca", ".json", ("answer",), _write_alpaca),
    "openai": Format("OpenAI chat", ".jsonl", ("answer", "dialogue"), _write_openai),
    "sharegpt": Format("ShareGPT", ".json", ("answer", "dialogue"), _write_sharegpt),
    "preferences": Format("Preferences (TRL)", ".jsonl", ("pair",), _write_preferences),
    "kto": Format("KTO (TRL)", ".jsonl", ("verdict",), _write_kto),
    "csv": Format("CSV", ".csv", ("answer",), _write_csv),
    "text": Format("Plain text", ".txt", ("text",), _write_text),
}
"""Every form by its name."""
