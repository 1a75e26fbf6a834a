"""A chat as people write it down becomes turns, or an error that names the turn.

Knows OpenAI's turns (`role`, `content`, also in parts, also with tool calls) and ShareGPT's (`from`, `value`). What a
turn holds beyond role and text is kept. Knows no files and no other columns.
Source of the rules: openai-cookbook, Chat_finetuning_data_prep; LLaMA-Factory, data/README.md.
"""

import json
from typing import Any

from studio.errors import TaskError
from studio.tasks.cell import Notes, check_extra, check_text, describe, wrong
from studio.tasks.task import Message

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "function_call": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
}
"""The names that people give to the four roles."""

_PLAIN = ("system", "user", "human", "assistant", "gpt", "tool")
_WAY = 'Write it like [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}].'


def read_messages(value: Any, place: str, notes: Notes) -> tuple[Message, ...]:
    """Return the turns of a chat. Raises TaskError naming the turn."""
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        value = _read_cell(value, place, notes)
    if isinstance(value, dict) and "messages" in value:
        value = value["messages"]
    if isinstance(value, dict) and ("role" in value or "from" in value):
        value = [value]
    if not isinstance(value, list):
        raise wrong(place, value, "a list of turns", _WAY)
    if not value:
        raise TaskError(f"{place}: the chat has no turns. {_WAY} Or delete this row.", field=place)
    return tuple(_read_message(item, f"{place}[{number}]", notes) for number, item in enumerate(value))


def check_turns(messages: tuple[Message, ...], place: str, notes: Notes) -> None:
    """Raise TaskError if the turns make no chat that can be learnt: no answer, a wrong order, an end in the air."""
    roles = [message.role for message in messages]
    if "assistant" not in roles:
        raise TaskError(
            f"{place}: the chat has no assistant turn, found {', '.join(roles)}; there is nothing to learn. "
            "Add the answer, or delete this row.",
            field=place,
        )
    if "user" not in roles:
        notes.tally("The chat has no user turn, so the model learns to speak unasked", place)
    for number in range(1, len(messages)):
        before, here = roles[number - 1], roles[number]
        if before == here == "user" or (before == here == "assistant" and not _calls_tools(messages[number - 1])):
            raise TaskError(
                f"{place}[{number}]: two {here} turns in a row, where user and assistant are expected to take turns. "
                "Join the two, or add the turn that is missing between them.",
                field=f"{place}[{number}]",
            )
        if here == "system":
            raise TaskError(
                f"{place}[{number}]: a system turn stands after other turns; it is expected first. Move it to the "
                "beginning, or give it another role.",
                field=f"{place}[{number}]",
            )
    if roles[-1] != "assistant":
        raise TaskError(
            f"{place}[{len(roles) - 1}]: the chat ends with a {roles[-1]} turn; it is expected to end with the "
            "assistant's answer. Delete that turn, or add the answer.",
            field=f"{place}[{len(roles) - 1}]",
        )


def _read_cell(text: str, place: str, notes: Notes) -> Any:
    """The JSON that a cell of a table holds as text; the text itself if it is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    notes.mend(
        "cells", "A cell held JSON as text; it was read as the chat it describes", place, text, "a list of turns"
    )
    return value


def _read_message(item: Any, place: str, notes: Notes) -> Message:
    if not isinstance(item, dict):
        raise wrong(place, item, "a turn: an object with role and content", _WAY)
    rest = dict(item)
    role_key = "role" if "role" in rest else "from"
    if role_key not in rest:
        raise TaskError(f"{place}: the turn has no role; found {', '.join(map(str, item))[:80]}. {_WAY}", field=place)
    given = rest.pop(role_key)
    role = ROLES.get(given.strip().lower()) if isinstance(given, str) else None
    if role is None:
        raise TaskError(
            f"{place}.{role_key}: found {describe(given)}, expected one of {', '.join(ROLES)}. Rename the role.",
            field=f"{place}.{role_key}",
        )
    key = next((key for key in ("content", "value", "text") if key in rest), "")
    content = _read_content(rest.pop(key, None), f"{place}.{key or 'content'}", rest, role, notes)
    if given.strip().lower() not in _PLAIN:
        rest["from"] = given
    return Message(role=role, content=content, extra=check_extra(rest, place))


def _read_content(value: Any, place: str, rest: dict[str, Any], role: str, notes: Notes) -> str:
    """The text of a turn; what isn't text goes to `rest`, so that nothing is lost."""
    tools = _calls_tools_in(rest)
    if value is None:
        if tools:
            rest["content"] = None
            return ""
        raise TaskError(
            f"{place}: the {role} turn says nothing (null) and calls no tool. Write what it says, or delete the chat.",
            field=place,
        )
    if isinstance(value, list):
        rest["content"] = value
        parts = [_read_part(part, f"{place}[{number}]", notes) for number, part in enumerate(value)]
        value = "\n".join(part for part in parts if part)
        notes.mend("parts", "The content stood in parts; their texts were joined, and the parts kept", place)
    text = check_text(value, place)
    if not text.strip() and not tools and role != "tool":
        raise TaskError(
            f"{place}: the {role} turn is empty; a text is expected. Write what it says, or delete the chat.",
            field=place,
        )
    return text


def _read_part(part: Any, place: str, notes: Notes) -> str:
    if isinstance(part, str):
        return check_text(part, place)
    if isinstance(part, dict) and isinstance(part.get("text"), str):
        return check_text(part["text"], place)
    if isinstance(part, dict) and "type" in part:
        notes.tally(f"A part of the kind {str(part['type'])[:30]!r} is kept but can't be learnt from: no text", place)
        return ""
    raise wrong(place, part, "a part with a text", 'Write it like {"type": "text", "text": "..."}.')


def _calls_tools_in(extra: dict[str, Any]) -> bool:
    return bool(extra.get("tool_calls") or extra.get("function_call"))


def _calls_tools(message: Message) -> bool:
    return _calls_tools_in(message.extra) or message.extra.get("from") == "function_call"
