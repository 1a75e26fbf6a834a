"""Turns of a conversation: which is the answer, what a turn says, and how its texts are changed.

Knows no form in which people write conversations down (`conversation.py`) and no tokens.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from studio.tasks.cell import Notes
from studio.tasks.instance import Change, Message
from studio.tasks.prompt import REASONING, write_turn
from studio.tasks.written_turn import find_flag


def find_answer(messages: Sequence[Message]) -> int:
    """Return the place of the last answer that counts; of the last one where none does. Raises ValueError."""
    answers = [place for place, turn in enumerate(messages) if turn.role == "assistant"]
    if not answers:
        raise ValueError("the conversation has no assistant turn, so there is nothing to learn")
    return max((place for place in answers if messages[place].counts), default=answers[-1])


def find_question(messages: Sequence[Message]) -> str:
    """Return what the last answer was given to; "" where the model speaks unasked."""
    asked = (turn for turn in reversed(messages[: find_answer(messages)]) if turn.role in ("user", "tool"))
    return next((turn.content for turn in asked), "")


def say(message: Message) -> str:
    """Return a turn as text: what it says, and the tools it calls."""
    return write_turn({**message.extra, "content": message.content}, thoughts=False)


def write_key(messages: Sequence[Message]) -> str:
    """Return what is said before an answer as one text; a question alone is its own text."""
    if len(messages) == 1 and messages[0].role == "user":
        return say(messages[0]).strip()
    return "\n".join(f"{turn.role}: {say(turn).strip()}" for turn in messages)


def map_turns(
    messages: tuple[Message, ...], change: Change, place: str, wanted: Callable[[Message], bool] = lambda turn: True
) -> tuple[Message, ...]:
    """Return the turns with each text of the wanted ones put through `change`."""
    return tuple(
        _map_turn(turn, change, f"{place}[{number}]") if wanted(turn) else turn for number, turn in enumerate(messages)
    )


def change_turn(turn: Message, content: str) -> Message:
    """Return a turn that says something else; parts that were kept beside its text would contradict it, and go."""
    if content == turn.content:
        return turn
    extra = {key: value for key, value in turn.extra.items() if key != "content"}
    return turn.model_copy(update={"content": content, "extra": extra})


def _map_turn(turn: Message, change: Change, place: str) -> Message:
    """What a turn says, thinks and hands to tools; names and ids stay."""
    changed = change_turn(turn, change(turn.content, place) if turn.content else "")
    more = {
        key: change(text, f"{place}.{key}")
        for key in REASONING
        if isinstance(text := turn.extra.get(key), str) and text
    }
    if calls := turn.extra.get("tool_calls"):
        more["tool_calls"] = _map_calls(calls, change, f"{place}.tool_calls")
    if all(turn.extra[key] == value for key, value in more.items()):
        return changed
    return changed.model_copy(update={"extra": {**changed.extra, **more}})


def _map_calls(calls: Any, change: Change, place: str) -> Any:
    if isinstance(calls, list):
        return [_map_calls(call, change, f"{place}[{number}]") for number, call in enumerate(calls)]
    if not isinstance(calls, dict):
        return calls
    known = {"function": _map_calls, "arguments": _map_arguments}
    return {key: known[key](value, change, f"{place}.{key}") if key in known else value for key, value in calls.items()}


def _map_arguments(arguments: Any, change: Change, place: str) -> Any:
    """The texts among a call's arguments, which may themselves be written as JSON."""
    if not isinstance(arguments, str):
        return _map_strings(arguments, change, place)
    try:
        value = json.loads(arguments)
    except ValueError:
        return change(arguments, place) if arguments else arguments
    changed = _map_strings(value, change, place)
    return arguments if changed == value else json.dumps(changed, ensure_ascii=False)


def _map_strings(value: Any, change: Change, place: str) -> Any:
    if isinstance(value, str):
        return change(value, place) if value else value
    if isinstance(value, list):
        return [_map_strings(item, change, f"{place}[{number}]") for number, item in enumerate(value)]
    if isinstance(value, dict):
        return {key: _map_strings(item, change, f"{place}.{key}") for key, item in value.items()}
    return value


def message_to_json(message: Message) -> dict[str, Any]:
    """Return a turn as it is in a v2 file; that an answer counts is said only where a flag of its own denies it."""
    denied = message.counts and not find_flag(message.role, message.extra, "", Notes())
    more = {"counts": message.counts} if denied or not message.counts else {}
    extra = {"extra": message.extra} if message.extra else {}
    return {"role": message.role, "content": message.content} | more | extra
