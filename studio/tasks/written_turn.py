"""One turn as people write it down becomes messages: a role, a text, and whatever else the turn carries.

Knows the names that people give to roles and keys, Anthropic's, Bedrock's and Gemini's blocks, a question with its
answer in one object, and the flags that say whether an answer is learnt. Knows no order of turns (`conversation.py`).
"""

import json
import re
from typing import Any, Literal, NamedTuple

from studio.errors import TaskError
from studio.tasks.cell import Notes, check_extra, check_text, describe, wrong
from studio.tasks.instance import Message
from studio.tasks.prompt import REASONING
from studio.tasks.tool import load_json, read_calls

Role = Literal["system", "user", "assistant", "tool"]

_NAMES: dict[Role, str] = {
    "system": "system developer system_prompt context_system",
    "user": "user human prompter customer client usr person student patient visitor caller question",
    "assistant": "assistant gpt model chatgpt bot ai chatbot bing bard claude gemini llama llm agent gpt4 gpt_4 gpt3_5 "
    "gpt_3_5 machine ai_assistant function_call tool_call tool_calls",
    "tool": "tool function observation tool_response tool_result tool_results tool_output function_response "
    "function_result ipython environment api",
}
ROLES: dict[str, Role] = {name: role for role, names in _NAMES.items() for name in names.split()}
"""The names that people give to the four roles."""

_PLAIN = ("system", "user", "human", "assistant", "gpt", "tool")
_CALLERS = ("function_call", "tool_call", "tool_calls")
_ROLE_KEYS = ("role", "from", "author", "speaker", "sender", "type")
_TEXT_KEYS = ("content", "value", "text", "message", "parts", "utterance", "data", "body")
_ASKING = ("user", "human", "question", "prompt", "input", "instruction", "query", "q")
_ANSWERING = ("assistant", "gpt", "bot", "answer", "response", "output", "completion", "model", "ai", "a")
_LEARNT = (
    "weight", "train", "training", "trainable", "train_on_turn", "loss", "loss_mask", "loss_weight", "learn",
    "output_with_loss", "trained", "is_trained", "supervised",
)  # fmt: skip
_NOT_LEARNT = ("mask", "masked", "ignore")
WAY = 'Write it like [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}].'


def find_role(name: object) -> Role | None:
    """Return the role that a name stands for."""
    flat = flatten(name) if isinstance(name, str) else ""
    return ROLES.get(flat) or ROLES.get(flat.replace("_", ""))


def flatten(name: str) -> str:
    """Return a name in small letters, its words joined by low lines: `answerKey`, "Answer key" -> answer_key."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")


def says_no(value: Any) -> bool:
    """Say whether a flag such as a weight is off."""
    if isinstance(value, str):
        return value.strip().lower() in ("0", "0.0", "false", "no", "off")
    return isinstance(value, int | float) and not value


def says_learnt(key: str, value: Any) -> bool | None:
    """Say whether a flag such as `weight` lets a turn be learnt; None of what is no such flag."""
    name = flatten(key)
    if isinstance(value, list | dict) or name not in (*_LEARNT, *_NOT_LEARNT):
        return None
    return says_no(value) == (name in _NOT_LEARNT)


def read_turn(item: Any, place: str, notes: Notes) -> tuple[Message, ...]:
    """Return the messages of one turn: nearly always one. Raises TaskError naming the place."""
    if isinstance(item, list | tuple) and len(item) == 2:
        return _read_two(item[0], item[1], place, notes)
    if not isinstance(item, dict):
        raise wrong(place, item, "a turn: an object with role and content", WAY)
    rest = {key: value for key, value in item.items() if value is not None or key in _TEXT_KEYS}
    role_key = find_role_key(rest)
    if not role_key:
        return _read_pair(rest, place, notes)
    given = rest.pop(role_key)
    if isinstance(given, dict):  # {"author": {"role": "user"}}
        given = given.get("role", given.get("name"))
    role = find_role(given)
    if role is None:
        raise TaskError(
            f"{place}.{role_key}: found {describe(given)}, expected one of {', '.join(_PLAIN)}. Rename the role.",
            field=f"{place}.{role_key}",
        )
    if given.strip().lower() not in _PLAIN:
        rest["from"] = given
    return _read_said(role, rest, place, notes)


def find_role_key(item: dict[str, Any]) -> str:
    """Return the key under which a turn names its role; "" if it has none. `type` is one only beside a text."""
    for key in _ROLE_KEYS:
        if key in item and (key != "type" or (find_role(item[key]) and {"content", "data", "text"} & set(item))):
            return key
    return ""


def _read_two(first: Any, second: Any, place: str, notes: Notes) -> tuple[Message, ...]:
    """Two texts: a role and what it says, or a question and its answer."""
    role = find_role(first) if isinstance(first, str) and len(first) < 20 else None
    if role:
        return (Message(role=role, content=check_text(second, f"{place}[1]")),)
    if not isinstance(first, str) or not isinstance(second, str | None):
        raise wrong(place, [first, second], "a question and its answer", 'Write it like ["question", "answer"].')
    asked = (Message(role="user", content=check_text(first, f"{place}[0]")),) if first.strip() else ()
    if not second:
        return asked
    return (*asked, Message(role="assistant", content=check_text(second, f"{place}[1]")))


def _read_pair(item: dict[str, Any], place: str, notes: Notes) -> tuple[Message, ...]:
    """A question and its answer in one object: {"input": "...", "output": "..."}, also with a system text."""
    plain = {flatten(key): key for key in item}
    asking = next((plain[name] for name in _ASKING if name in plain), None)
    answering = next((plain[name] for name in _ANSWERING if name in plain), None)
    telling = plain.get("system")
    if not (asking or answering or (telling and len(item) == 1)):
        raise TaskError(
            f"{place}: the turn has no role; found {', '.join(map(str, item))[:80] or 'no keys'}. {WAY}", field=place
        )
    extra = {key: value for key, value in item.items() if key not in (asking, answering, telling)}
    said: list[Message] = []
    for role, key in (("system", telling), ("user", asking), ("assistant", answering)):
        if key is None or item[key] in (None, "", []):
            continue
        rest = {"content": item[key], **(extra if role == "assistant" else {})}
        said += _read_said(find_role(role) or "user", rest, place, notes, key)
    if not said:
        raise TaskError(f"{place}: the turn says nothing. Write what is said, or delete it.", field=place)
    return tuple(said)


class _Said(NamedTuple):
    """What the blocks of a turn come to."""

    texts: list[str]
    thoughts: list[str]
    calls: list[Any]
    results: list[Message]


def _read_said(role: Role, rest: dict[str, Any], place: str, notes: Notes, called: str = "") -> tuple[Message, ...]:
    """The messages of a turn whose role is known; `called` is what its file calls the text, if not `content`."""
    key = next((key for key in _TEXT_KEYS if key in rest), "")
    value = rest.pop(key, None)
    spot = f"{place}.{called or key or 'content'}"
    _add_calls(rest, value, place, notes)
    if rest.get("from") in _CALLERS and "tool_calls" not in rest and (calls := read_calls(value)):
        rest["tool_calls"], value = calls, ""
    results: list[Message] = []
    if role == "tool" and isinstance(value, dict):
        value = _write(value)
    if isinstance(value, dict):
        value = value.get("parts", [value]) if "content" not in value else value["content"]
    if isinstance(value, list):
        said = _read_blocks(value, spot, notes)
        results = said.results
        if said.calls:
            rest["tool_calls"] = [*rest.get("tool_calls", []), *said.calls]
        if said.thoughts:
            rest.setdefault("reasoning_content", "\n".join(said.thoughts))
        if not (said.calls or said.results or said.thoughts) and key != "parts":
            rest["content"] = value
            notes.repair("parts", "The content was in parts; their texts were joined, and the parts kept", spot)
        value = "\n".join(said.texts)
        if results and not value.strip():
            return tuple(results)
    content = check_content(value, spot, rest, role)
    extra = check_extra(rest, place)
    return (*results, Message(role=role, content=content, counts=find_flag(role, rest, place, notes), extra=extra))


def _add_calls(rest: dict[str, Any], value: Any, place: str, notes: Notes) -> None:
    """Write the calls beside a text as OpenAI does today."""
    if "tool_calls" in rest:
        found = load_json(rest["tool_calls"])
        if not found:
            del rest["tool_calls"]
        else:
            rest["tool_calls"] = read_calls(found) or found
    old = load_json(rest.get("function_call"))
    if isinstance(old, dict) and (calls := read_calls(old)):
        del rest["function_call"]
        rest.setdefault("tool_calls", calls)
        notes.tally("A call in the older form (function_call) was read as tool_calls", place)
    if rest.get("tool_calls") and value is None:
        rest["content"] = None


def check_content(value: Any, place: str, rest: dict[str, Any], role: Role) -> str:
    """Return the text of a turn; "" is enough where it calls a tool, thinks, answers a call, or is a system text."""
    enough = bool(rest.get("tool_calls") or any(rest.get(key) for key in REASONING)) or role in ("tool", "system")
    if value is None:
        if enough:
            return ""
        raise TaskError(
            f"{place}: the {role} turn says nothing (null) and calls no tool. Write what it says, or delete the chat.",
            field=place,
        )
    text = check_text(value, place)
    if not text.strip() and not enough:
        raise TaskError(
            f"{place}: the {role} turn is empty; a text is expected. Write what it says, or delete the chat.",
            field=place,
        )
    return text


def find_flag(role: Role, rest: dict[str, Any], place: str, notes: Notes) -> bool:
    """Say whether a turn counts, going by the flags that its file sets on it."""
    for key, value in rest.items():
        name, learnt = flatten(key), says_learnt(key, value)
        if learnt is None:
            continue
        if role == "assistant" and not learnt:
            notes.tally(f"An answer is marked as not to be learnt ({key}: {value}); it is only read", place)
            return False
        if role != "assistant" and learnt and name in ("train", "training", "train_on_turn", "trainable"):
            notes.tally(f"A {role} turn is marked as to be learnt; only the assistant's turns are", place)
    return True


def _read_blocks(blocks: list[Any], place: str, notes: Notes) -> _Said:
    """Sort the blocks of a turn; the text of a block is taken as it is."""
    said = _Said([], [], [], [])
    for number, block in enumerate(blocks):
        spot = f"{place}[{number}]"
        if isinstance(block, str):
            said.texts.append(check_text(block, spot))
            continue
        if not isinstance(block, dict):
            raise wrong(spot, block, "a part with a text", 'Write it like {"type": "text", "text": "..."}.')
        block = {key: value for key, value in block.items() if value is not None}
        kind = flatten(str(block.get("type", "")))
        thought = _find_thought(block, kind)
        if thought is not None:
            said.thoughts.append(check_text(thought, spot))
        elif kind == "tool_use" or "toolUse" in block or "functionCall" in block or "function_call" in block:
            said.calls.extend(read_calls(block.get("function_call", block)) or [])
        elif kind == "tool_result" or "toolResult" in block or "functionResponse" in block:
            said.results.append(_read_result(block, spot, notes))
        elif isinstance(block.get("text"), str):
            said.texts.append(check_text(block["text"], spot))
        elif kind:
            notes.tally(f"A part of the kind {kind[:30]!r} is kept but can't be learnt from: no text", spot)
        else:
            raise wrong(spot, block, "a part with a text", 'Write it like {"type": "text", "text": "..."}.')
    said.texts[:] = [text for text in said.texts if text]
    return said


def _find_thought(block: dict[str, Any], kind: str) -> Any:
    """The text of a block that holds reasoning, else None."""
    if kind in ("thinking", "reasoning") or block.get("thought") is True:
        return next((block[key] for key in ("thinking", "reasoning", "text") if isinstance(block.get(key), str)), None)
    inner = block.get("reasoningContent")
    found = inner.get("reasoningText") if isinstance(inner, dict) else None
    return found.get("text") if isinstance(found, dict) else None


def _read_result(block: dict[str, Any], place: str, notes: Notes) -> Message:
    """The turn of a tool that answers a call."""
    result = block.get("toolResult") or block.get("functionResponse") or block
    value = result.get("content", result.get("response", ""))
    if isinstance(value, list):
        value = "\n".join(map(_write, value))
    named = {"tool_call_id": result.get("tool_use_id") or result.get("toolUseId"), "name": result.get("name")}
    extra = {key: name for key, name in named.items() if isinstance(name, str)}
    return Message(role="tool", content=check_text(_write(value), place), extra=extra)


def _write(value: Any) -> str:
    """What a tool answered, as a text."""
    if isinstance(value, dict):
        value = {key: item for key, item in value.items() if item is not None}
        value = next((value[key] for key in ("text", "json") if key in value), value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
