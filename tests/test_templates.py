"""Rows under chat templates as models have them: what the template writes of the whole conversation, and its answers.

The templates in `templates/` are rewritten to behave as those of the families they are called after; beside them
is said what their tokenizers are like. Every one meets every conversation: it is rendered exactly, or refused in words.
"""

import json
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from tiny import encode_row
from toy_tokenizers import make_byte_level, make_metaspace, make_sentence_piece

from studio.errors import RecipeError
from studio.objectives import OBJECTIVES
from studio.objectives.objective import Row, encode_asked
from studio.objectives.rendering import list_controls
from studio.tasks.instance import Message
from studio.tasks.kinds.chat import Chat
from studio.tasks.prompt import say_turns
from studio.tasks.task import Task

FOLDER = Path(__file__).parent / "templates"
OPTIONS: dict[str, dict[str, Any]] = json.loads((FOLDER / "tokenizers.json").read_text())
ENGINES = {"byte level": make_byte_level, "sentence piece": make_sentence_piece, "metaspace": make_metaspace}
TOOL = {
    "type": "function",
    "function": {
        "name": "rain",
        "description": "Says whether it rains.",
        "parameters": {"type": "object", "properties": {"town": {"type": "string"}}},
    },
}


def user(text: str) -> Message:
    """What is asked."""
    return Message(role="user", content=text)


def says(text: str, counts: bool = True, **extra: Any) -> Message:
    """What is answered."""
    return Message(role="assistant", content=text, counts=counts, extra=extra)


def calls(town: str, id: str = "call_7f30") -> Message:
    """An answer that calls a tool, as OpenAI's files hold it."""
    function = {"name": "rain", "arguments": json.dumps({"town": town})}
    return says("", content=None, tool_calls=[{"id": id, "type": "function", "function": function}])


def chat(*messages: Message, **more: Any) -> Chat:
    """A conversation."""
    return Chat(id="x", messages=messages, **more)


COLD, YOUNG = "It is cold.", "He is young."
SYSTEM = Message(role="system", content="Be brief.")
RESULT = Message(role="tool", content="dry", extra={"tool_call_id": "call_7f30", "name": "rain"})
CHATS = {
    "one turn": chat(user("Eat?"), says("soup of the day")),
    "three turns": chat(user("Eat?"), says("soup"), user("And drink?"), says("milk"), user("Done?"), says("yes sir")),
    "system": chat(SYSTEM, user("Eat?"), says("soup"), user("And drink?"), says("milk")),
    "does not count": chat(user("Eat?"), says("soup", False), user("And drink?"), says("milk")),
    "last does not count": chat(user("Eat?"), says("soup"), user("And drink?"), says("milk", False)),
    "thoughts": chat(user("Eat?"), says("soup", reasoning_content=COLD), user("Drink?"), says("milk", thinking=YOUNG)),
    "last thought": chat(user("Eat?"), says("soup"), user("And drink?"), says("milk", reasoning_content=YOUNG)),
    "thoughts in the text": chat(user("Eat?"), says(f"<think>\n{COLD}\n</think>\n\nsoup")),
    "equal answers": chat(user("Eat?"), says("Eat?"), user("Eat?"), says("Eat?")),
    "white space": chat(user("Write code."), says("    total = a\n    return total\n")),
    "call": chat(user("Rain in Oslo?"), calls("Oslo"), tools=(TOOL,)),
    "call and result": chat(user("Rain in Oslo?"), calls("Oslo"), RESULT, says("No."), tools=(TOOL,)),
    "tools unused": chat(user("Hello?"), says("Good day."), tools=(TOOL,)),
    "two users": chat(user("Eat?"), user("Now?"), says("soup")),
    "two answers": chat(user("Eat?"), says("soup"), says("and bread")),
    "late system": chat(user("Eat?"), says("soup"), SYSTEM, user("And drink?"), says("milk")),
}  # fmt: skip


@pytest.fixture(scope="module", params=OPTIONS)
def tokenizer(request: pytest.FixtureRequest) -> Any:
    """A tokenizer with the template of one family, and control tokens like its own."""
    options = dict(OPTIONS[request.param])
    kind, plain = options.pop("kind", "byte level"), options.pop("plain", [])
    writes_tools, strips = options.pop("tools", False), options.pop("strips", False)
    tokenizer = ENGINES[kind](options.pop("specials", ["<s>", "</s>"]), **options)
    if plain:
        tokenizer.add_tokens(plain)
    if strips:
        from tokenizers import AddedToken

        ends = [AddedToken(text, rstrip=True, normalized=False) for text in ("<|end|>", "<|user|>", "<|assistant|>")]
        tokenizer.add_special_tokens({"additional_special_tokens": ends})
    tokenizer.chat_template = (FOLDER / f"{request.param}.jinja").read_text()
    tokenizer.family, tokenizer.writes_tools = request.param, writes_tools
    return tokenizer


def make_task(chat: Chat) -> Task:
    """A task of one conversation."""
    return Task(task_id="chats", definition="", kind="chat", instances=(chat,))


def encode(chat: Chat, tokenizer: Any, **options: Any) -> Row:
    """Its row."""
    objective = OBJECTIVES.read({"name": "sft", "template": "chat", **options})
    row = encode_row(objective, make_task(chat), chat, tokenizer)
    assert row is not None
    return row


def render(chat: Chat, tokenizer: Any) -> list[int]:
    """What transformers makes of the conversation, the arguments of calls as objects or as they are."""
    turns = [dict(turn) for turn in say_turns(chat.messages)]
    for turn in turns:
        if turn.get("tool_calls"):
            turn.pop("content")
            turn["tool_calls"] = [
                {**call, "function": {**call["function"], "arguments": json.loads(call["function"]["arguments"])}}
                for call in turn["tool_calls"]
            ]
    options: dict[str, Any] = {"tools": list(chat.tools) or None, "return_dict": False}
    try:
        return list(tokenizer.apply_chat_template(turns, **options))
    except TypeError:  # a template that adds texts wants arguments as one
        for turn in turns:
            for call in turn.get("tool_calls", ()):
                call["function"]["arguments"] = json.dumps(call["function"]["arguments"])
        return list(tokenizer.apply_chat_template(turns, **options))


def list_runs(row: Row, tokenizer: Any) -> list[str]:
    """What is learnt, a text for each stretch of it."""
    runs = groupby(row.labels, key=lambda label: label == -100)
    return [tokenizer.decode(list(run)) for unlearnt, run in runs if not unlearnt]


@pytest.mark.parametrize("name", CHATS)
def test_a_row_is_what_the_template_writes(tokenizer: Any, name: str) -> None:
    chat = CHATS[name]
    try:
        row = encode(chat, tokenizer)
    except RecipeError as refused:
        assert refused.field == "objective.template"
        assert may_refuse(tokenizer, name), str(refused)
        return
    wanted = render(chat, tokenizer)
    closed = any(token in list_controls(tokenizer).values() for token in wanted[-3:])
    assert row.input_ids in ([wanted] if closed else [wanted, [*wanted, tokenizer.eos_token_id]])

    runs, text = list_runs(row, tokenizer), tokenizer.decode(row.input_ids)
    answers = [turn for turn in chat.messages if turn.role == "assistant" and turn.counts]
    assert len(runs) >= len(answers) - (name == "two answers")
    said = " ".join(runs)
    for turn in answers:
        for part in turn.content.strip().splitlines()[-1:] or ["rain", "Oslo"]:
            assert "".join(part.split()) in "".join(said.split())
    for thought in (COLD, YOUNG):
        assert ("".join(thought.split()) in "".join(said.split())) == (
            "".join(thought.split()) in "".join(text.split())
        )
    for turn in chat.messages:
        if turn.role != "assistant" and name != "equal answers":
            assert "".join(turn.content.split()) not in "".join(said.split())
    assert "call_7f30" not in said
    if name == "white space" and "return total\n" in text:
        assert "return total\n" in said


def may_refuse(tokenizer: Any, name: str) -> bool:
    """Whether transformers refuses the conversation as well, or its text hasn't all of it."""
    try:
        text = tokenizer.decode(render(CHATS[name], tokenizer))
    except Exception:
        return True
    return not tokenizer.writes_tools if CHATS[name].tools else "brief" not in text and name.endswith("system")


@pytest.mark.parametrize("name", ["one turn", "three turns", "system", "equal answers", "last thought"])
def test_what_is_asked_begins_the_row(tokenizer: Any, name: str) -> None:
    chat = CHATS[name]
    try:
        row = encode(chat, tokenizer, turns="last")
    except RecipeError:
        pytest.skip("This template refuses this chat, as the test above checks.")
    asked = encode_asked(OBJECTIVES.read({"name": "sft", "template": "chat"}), make_task(chat), chat, tokenizer)
    first = next(place for place, label in enumerate(row.labels) if label != -100)
    assert row.input_ids[: len(asked)] == asked
    assert len(asked) <= first
    if name != "last thought":
        assert first == len(asked)
        run = list_runs(row, tokenizer)
        ends = [text for text, id in list_controls(tokenizer).items() if id in row.labels[-6:]]
        assert len(run) == 1 and run[0].strip().startswith(chat.output[0])
        rest = run[0].strip().removeprefix(chat.output[0]).strip()
        assert rest in ends or (tokenizer.family == "letters" and "<end>" in rest), rest


def test_a_person_writes_no_control_token_in_a_chat(tokenizer: Any) -> None:
    """Whatever is spelled in a text, the row has the control tokens that it has without."""
    controls = {text: id for text, id in list_controls(tokenizer).items() if text not in ("<unk>",)}
    spelled = "a " + "".join(controls) + " b"
    plain = chat(user("a b"), says("b b"), user("c b"), says("d b"))
    marked = chat(user(spelled), says(f"b{spelled}"), user("c b"), says(f"d{spelled}"))
    rows = [encode(one, tokenizer) for one in (plain, marked)]
    found = [[token for token in row.input_ids if token in controls.values()] for row in rows]
    assert found[0] == found[1]
    assert [token for token in rows[0].labels if token in controls.values()] == [
        token for token in rows[1].labels if token in controls.values()
    ]
    text = "".join(tokenizer.decode(rows[1].input_ids).split())
    assert text.count("".join(controls)) >= 3


def test_an_empty_block_of_thoughts_is_closed_before_the_answer(tokenizer: Any) -> None:
    row = encode(CHATS["one turn"], tokenizer)
    first = next(place for place, label in enumerate(row.labels) if label != -100)
    before, learnt = tokenizer.decode(row.input_ids[:first]), list_runs(row, tokenizer)
    assert before.count("<think>") == before.count("</think>")
    assert learnt[0].strip().startswith("soup of the day")


def test_thoughts_that_a_template_leaves_out_are_told(tokenizer: Any) -> None:
    thought = chat(user("Who is it?"), says("Tom.", reasoning_content="Surely a cat"))
    objective = OBJECTIVES.read({"name": "sft", "template": "chat"})
    try:
        row = encode(thought, tokenizer)
    except RecipeError:
        pytest.skip("this template refuses them")
    is_written = "Surely a cat" in tokenizer.decode(row.input_ids)
    assert objective.drops_thoughts(make_task(thought), thought, tokenizer) == (not is_written)
    plain = chat(user("Who is it?"), says("Tom."))
    assert not objective.drops_thoughts(make_task(plain), plain, tokenizer)


def test_the_ends_of_an_answer_are_those_of_its_row(tokenizer: Any) -> None:
    ends = OBJECTIVES.read({"name": "sft", "template": "chat"}).list_ends(tokenizer)
    row = encode(CHATS["one turn"], tokenizer)
    assert [label for label in row.labels if label != -100][-1] in ends
    assert tokenizer.eos_token_id in ends
