"""Instances of every kind, made of what its class declares: no kind is named here, so a new one has its cases too."""

from typing import Any

from hypothesis import strategies as st

from studio.tasks.instance import Instance, Message

words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
spoken = words.filter(lambda text: text.strip() != "")
arguments = st.one_of(
    st.dictionaries(st.sampled_from(["town", "n"]), st.one_of(spoken, st.integers(0, 9), st.lists(spoken, max_size=2)),
                    max_size=2),
    st.sampled_from(['{"town": "Rome a@b.example"}', "no JSON", "{}"]),
)  # fmt: skip
calls = st.builds(
    lambda id, name, value: {"id": id, "type": "function", "function": {"name": name, "arguments": value}},
    st.sampled_from(["call_1", "call_2"]), st.sampled_from(["rain", "snow"]), arguments,
)  # fmt: skip
tools = st.lists(
    st.sampled_from([{"type": "function", "function": {"name": "rain", "parameters": {"type": "object"}}}]), max_size=1
).map(tuple)


@st.composite
def answers(draw: st.DrawFn) -> Message:
    """An answer that says, thinks or calls something, and perhaps doesn't count."""
    extra: dict[str, Any] = {}
    if draw(st.booleans()):
        extra["reasoning_content"] = draw(spoken)
    if draw(st.booleans()):
        extra["tool_calls"] = draw(st.lists(calls, min_size=1, max_size=2))
    content = draw(words if extra.get("tool_calls") else spoken)
    return Message(role="assistant", content=content, counts=draw(st.booleans()), extra=extra)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    """A system text or none, then questions, results of tools and answers."""
    turns = [Message(role="system", content=draw(spoken))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        turns.append(Message(role="user", content=draw(spoken), extra={"name": draw(words)}))
        if draw(st.booleans()):
            turns += [draw(answers()), Message(role="tool", content=draw(words), extra={"tool_call_id": "call_1"})]
        turns.append(draw(answers()))
    return tuple(turns)


FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "id": spoken,
    "input": spoken,
    "output": st.lists(spoken, min_size=1, max_size=1).map(tuple),
    "extra": st.dictionaries(st.sampled_from(["topic", "n (column)"]), words, max_size=2),
    "messages": conversations(),
    "tools": tools,
    "rejected": spoken,
    "rejected_messages": conversations(),
    "liked": st.booleans(),
}


def instances(kind: type[Instance]) -> st.SearchStrategy[Instance]:
    """Return instances of a kind: as whole conversations and as single texts, where it may be either."""
    fields = {name: FIELDS.get(name, st.lists(spoken, min_size=1, max_size=2).map(tuple)) for name in kind.model_fields}
    in_turns = {name for name in fields if name.endswith("messages") or name == "tools"}
    plain = st.builds(kind, **{name: some for name, some in fields.items() if name not in in_turns})
    if not in_turns:
        return plain
    said = ("input", "output", "rejected")
    whole = st.builds(kind, **{name: some for name, some in fields.items() if name not in said})
    return whole if kind.model_fields["messages"].is_required() else st.one_of(plain, whole)
