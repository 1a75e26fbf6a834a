"""A chat as people write it down becomes messages, or an error that names the turn.

Knows the forms in which a whole chat is in a file: a list of turns, also as JSON text, also under a key of its own,
texts that take turns, pairs of question and answer, columns of roles and texts; a transcript by `transcript.py`.
Knows no other columns of a row (`row.py`), and leaves one turn to `written_turn.py`.
Source of the rules: openai-cookbook, Chat_finetuning_data_prep; LLaMA-Factory, data/README.md; TRL, dataset_formats.
"""

import ast
import json
from collections.abc import Sequence
from typing import Any

from studio.errors import TaskError
from studio.tasks.cell import Notes, wrong
from studio.tasks.instance import Message
from studio.tasks.reading.transcript import read_transcript
from studio.tasks.written_turn import WAY, Role, check_content, find_role, find_role_key, read_turn

CHAT_KEYS = ("messages", "conversations", "conversation", "turns", "contents", "dialogue", "dialog", "chat")
"""Keys under which a chat is found in an object."""
_MOST_LITERAL = 100_000


def read_messages(value: Any, place: str, notes: Notes, ends_with: str = "") -> tuple[Message, ...]:
    """Return the turns of a chat. Raises TaskError naming the turn.

    Texts without roles take turns; `ends_with` says whose the last one is, else the first one is the user's.
    """
    if isinstance(value, str):
        value = _read_cell(value, place, notes)
    value = _unwrap(value)
    if not isinstance(value, list):
        raise wrong(place, value, "a list of turns", WAY)
    if not value:
        raise TaskError(f"{place}: the chat has no turns. {WAY} Or delete this row.", field=place)
    if all(isinstance(item, str) for item in value):
        return _alternate(value, place, notes, ends_with)
    turns: list[Message] = []
    for number, item in enumerate(value):
        turns += read_turn(item, f"{place}[{number}]", notes)
    return tuple(turns)


def looks_like_turns(value: Any) -> bool:
    """Say whether a value is a chat whose turns have roles, so that it can't be meant as anything else."""
    if isinstance(value, str):
        text = value.lstrip()
        if text[:2] not in ("[{", "[["):
            return False
        value = _parse(value)
    value = _unwrap(value)
    return isinstance(value, list) and bool(value) and all(_is_turn(item) for item in value)


def list_roles(value: Any) -> list[str]:
    """Return the roles of the turns that a value holds, as far as they are named; [] of what is no chat."""
    value = _unwrap(_parse(value) if isinstance(value, str) else value)
    return [role for item in value if (role := _find_role(item))] if isinstance(value, list) else []


def _is_turn(item: Any) -> bool:
    if _find_role(item):
        return True
    if not isinstance(item, dict):
        return False
    return {"user", "assistant"} <= {find_role(key) for key in item} or ("input" in item and "output" in item)


def _find_role(item: Any) -> str | None:
    """The role that a turn names."""
    if isinstance(item, list | tuple):
        return find_role(item[0]) if len(item) == 2 else None
    if not isinstance(item, dict) or not (key := find_role_key(item)):
        return None
    given = item[key]
    return find_role(given.get("role")) if isinstance(given, dict) else find_role(given)


def finish_turns(messages: tuple[Message, ...], place: str, notes: Notes) -> tuple[Message, ...]:
    """Return the turns of a chat that can be learnt, without what follows the last answer. Raises TaskError.

    A system text that occurs twice, beside the chat and in it, is taken once.
    """
    told = [message.content for message in messages[:2] if message.role == "system"]
    if len(told) == 2 and told[0] == told[1]:
        messages = messages[1:]
    roles = [message.role for message in messages]
    if "assistant" not in roles:
        raise TaskError(
            f"{place}: the chat has no assistant turn, found {', '.join(roles)}; there is nothing to learn. "
            "Add the answer, or delete this row.",
            field=place,
        )
    if "user" not in roles:
        notes.tally("The chat has no user turn, so the model learns to speak unasked", place)
    last = max(number for number, role in enumerate(roles) if role == "assistant")
    if last + 1 < len(roles):
        said = "\n".join(f"{message.role}: {message.content}" for message in messages[last + 1 :])
        notes.repair("unanswered", "What follows a chat's last answer was left out: nothing is learnt from it",
                   f"{place}[{last + 1}]", said)  # fmt: skip
    _tell_of_order(roles[: last + 1], place, notes)
    if len({message.extra.get("name") for message in messages if message.role == "user"}) > 1:
        notes.tally(
            "Several people speak in the chat; without a chat template each text begins with its speaker's name, with "
            "one only if the model's template writes names",
            place,
        )
    return messages[: last + 1]


def _tell_of_order(roles: Sequence[str], place: str, notes: Notes) -> None:
    """Tell what some models' chat templates refuse."""
    for number, (before, here) in enumerate(zip(roles, roles[1:], strict=False), start=1):
        if before == here and here in ("user", "assistant"):
            notes.tally(f"Two {here} turns in a row; some models' chat templates refuse them", f"{place}[{number}]")
        elif here == "system" and before != "system":
            notes.tally(
                "A system turn comes after other turns; some models' chat templates refuse it", f"{place}[{number}]"
            )


def _read_cell(text: str, place: str, notes: Notes) -> Any:
    """The chat that a text holds, as JSON, as Python prints it, or as a transcript; the text itself if it is none."""
    value = _parse(text)
    words = "A cell held JSON as text; it was read as the chat it describes"
    if isinstance(value, str):
        value = read_transcript(text) or text
        words = "A text with a mark before each turn was read as the chat it describes"
    if not isinstance(value, str):
        notes.repair("cells", words, place, text, "a list of turns")
    return value


def _parse(text: str) -> Any:
    if text.lstrip()[:1] not in ("[", "{"):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text.strip()) if len(text) <= _MOST_LITERAL else text
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return text


def _unwrap(value: Any) -> Any:
    """The list of turns in an object that holds one; a turn alone is a list of one."""
    if not isinstance(value, dict):
        return value
    for key in CHAT_KEYS:
        if isinstance(value.get(key), list):
            return value[key]
    columns = [key for key, item in value.items() if isinstance(item, list)]
    if {"role", "from"} & set(columns) and len({len(value[key]) for key in columns}) == 1:
        # A list of objects, as `datasets` keeps it: one list for each key.
        return [dict(zip(columns, items, strict=True)) for items in zip(*(value[key] for key in columns), strict=True)]
    return [value] if _is_turn(value) else value


def _alternate(texts: list[str], place: str, notes: Notes, ends_with: str) -> tuple[Message, ...]:
    """Texts without roles: user and assistant take turns."""
    is_even = len(texts) % 2 == 0
    starts = "user" if not ends_with or is_even == (ends_with == "assistant") else "assistant"
    notes.tally(f"The turns have no roles; they were read in turn, the first as the {starts}'s", place)
    roles: tuple[Role, Role] = ("user", "assistant") if starts == "user" else ("assistant", "user")
    return tuple(
        Message(role=roles[number % 2], content=check_content(text, f"{place}[{number}]", {}, roles[number % 2]))
        for number, text in enumerate(texts)
    )
