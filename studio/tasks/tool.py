"""Tools that a conversation offers, and calls of them: converted to the one form that chat templates read.

Knows OpenAI's, Anthropic's, Gemini's and Bedrock's ways to describe a tool and to call it, each also as JSON text, and
the nulls with which Arrow fills a struct. Knows neither turns (`written_turn.py`) nor files.
"""

import json
from collections.abc import Iterator
from typing import Any

from studio.tasks.cell import Notes, check_extra, wrong

_SCHEMA_KEYS = ("parameters", "input_schema", "inputSchema", "parametersJsonSchema", "parameter_definitions")
_ARGUMENT_KEYS = ("arguments", "args", "input", "parameters")
_MAY_BE_NULL = ("default", "const")
_WAY = 'Write it like [{"type": "function", "function": {"name": "...", "parameters": {...}}}].'


def read_tools(value: Any, place: str, notes: Notes) -> tuple[dict[str, Any], ...]:
    """Return the tools of a conversation, each as `{"type": "function", "function": {...}}`. Raises TaskError."""
    return tuple(_read_tool(item, place, notes) for item in _list_tools(value, place))


def looks_like_tools(value: Any) -> bool:
    """Say whether a value describes tools, as a list, an object or JSON text; nothing at all does too."""
    value = load_json(value)
    if not value:
        return value is not False and not isinstance(value, int | float)
    items = value if isinstance(value, list) else [value]
    return all(isinstance(load_json(item), dict) for item in items)


def load_json(value: Any) -> Any:
    """Return what a JSON text of an object or a list holds; anything else as it is."""
    if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _list_tools(value: Any, place: str) -> Iterator[dict[str, Any]]:
    """Each tool by itself, whatever wraps it."""
    value = load_json(value)
    if value is None or value == "":
        return
    if isinstance(value, list):
        for item in value:
            yield from _list_tools(item, place)
        return
    if not isinstance(value, dict):
        raise wrong(place, value, "a list of tools", _WAY)
    value = {key: item for key, item in value.items() if item is not None}
    for key in ("tools", "functions", "functionDeclarations", "function_declarations"):
        if isinstance(value.get(key), list):
            yield from _list_tools(value[key], place)
            return
    if "name" in value or "function" in value or "toolSpec" in value or not _are_named(value):
        if value:
            yield value
        return
    for name, item in value.items():
        yield {"name": name, **item}


def _are_named(value: dict[str, Any]) -> bool:
    """Whether an object holds tools by their names."""
    return all(isinstance(item, dict) and ("description" in item or "parameters" in item) for item in value.values())


def _read_tool(tool: dict[str, Any], place: str, notes: Notes) -> dict[str, Any]:
    tool = _drop_nulls(check_extra(tool, place))
    inner = tool.get("toolSpec") or load_json(tool.get("function")) or tool
    if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
        notes.tally("A tool has no name; it is kept as it is", place)
        return tool
    function = {key: item for key, item in inner.items() if key not in _SCHEMA_KEYS}
    if inner is tool and function.get("type") in ("function", "custom"):
        del function["type"]
    schema = next((load_json(inner[key]) for key in _SCHEMA_KEYS if key in inner), None)
    if isinstance(schema, dict) and set(schema) == {"json"}:  # Bedrock's
        schema = load_json(schema["json"])
    if schema is not None:
        function["parameters"] = schema
    beside = {key: item for key, item in tool.items() if key not in ("type", "function", "toolSpec")}
    return {"type": "function", "function": function, **({} if inner is tool else beside)}


def _drop_nulls(value: Any) -> Any:
    """A schema without nulls: they come from the structs of Arrow, and mean nothing in a schema but as a default."""
    if isinstance(value, dict):
        return {
            key: item if key in _MAY_BE_NULL else _drop_nulls(item)
            for key, item in value.items()
            if item is not None or key in _MAY_BE_NULL
        }
    return (
        [_drop_nulls(item) if isinstance(item, dict) else item for item in value] if isinstance(value, list) else value
    )


def read_calls(value: Any) -> list[Any] | None:
    """Return calls of tools as OpenAI writes them, arguments as they are; None if these are no calls."""
    value = load_json(value)
    items = value if isinstance(value, list) else [value]
    calls = [_read_call(load_json(item)) for item in items]
    return calls if calls and all(call is not None for call in calls) else None


def _read_call(item: Any) -> dict[str, Any] | None:
    if not isinstance(item, dict):
        return None
    item = {key: part for key, part in item.items() if part is not None}
    item = item.get("functionCall") or item.get("toolUse") or item.get("function_call") or item
    if isinstance(item.get("function"), dict):
        return {**item, "function": {key: part for key, part in item["function"].items() if part is not None}}
    if not isinstance(item.get("name"), str):
        return None
    arguments: Any = next((item[key] for key in _ARGUMENT_KEYS if item.get(key) is not None), {})
    if not isinstance(arguments, dict | str):
        return None
    id = item.get("id") or item.get("toolUseId") or item.get("call_id")
    function = {"name": item["name"], "arguments": arguments}
    return {**({"id": id} if id else {}), "type": "function", "function": function}


def drop_padding(calls: list[Any], tools: tuple[dict[str, Any], ...]) -> list[Any]:
    """Return the calls without null arguments that the called tool doesn't have: keys of another, given by Arrow."""
    taken = {tool["function"]["name"]: _list_parameters(tool["function"]) for tool in tools if _has_a_name(tool)}
    return [_drop_padding(call, taken) for call in calls]


def _drop_padding(call: Any, taken: dict[str, set[str] | None]) -> Any:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("arguments"), dict):
        return call
    known = taken.get(function.get("name", ""))
    if known is None:
        return call
    arguments = {key: item for key, item in function["arguments"].items() if item is not None or key in known}
    return {**call, "function": {**function, "arguments": arguments}}


def _has_a_name(tool: dict[str, Any]) -> bool:
    return isinstance(tool.get("function"), dict) and "name" in tool["function"]


def _list_parameters(function: dict[str, Any]) -> set[str] | None:
    """The names of a tool's parameters; None if it doesn't say."""
    schema = function.get("parameters")
    if not isinstance(schema, dict):
        return None
    named = schema.get("properties", schema if "type" not in schema else None)
    return set(named) if isinstance(named, dict) else None


def say_calls(calls: Any) -> str:
    """Return calls as text, one a line: name and arguments, and no id, which is random."""
    found = read_calls(calls) or []
    return "\n".join(json.dumps(name_call(call), ensure_ascii=False) for call in found)


def name_call(call: dict[str, Any]) -> dict[str, Any]:
    """Return the name and the arguments of one of `read_calls`, as most files write a call."""
    function = call["function"]
    return {"name": function.get("name", ""), "arguments": load_json(function.get("arguments", {}))}
