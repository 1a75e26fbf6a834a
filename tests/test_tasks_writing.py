"""What is written is read back: v2 equal to the letter, the others with the same instances."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from telling import raises

from studio.errors import InputError
from studio.tasks.kinds import KINDS
from studio.tasks.kinds.chat import Chat
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.library.writing import FORMATS, list_formats, write_task
from studio.tasks.mapping import Mapping
from studio.tasks.reading.task_file import read_task, read_task_file
from studio.tasks.task import Message, Origin, Task, to_v2, write_v2
from studio.tasks.v2 import read_v2

SHARED = Path(os.environ.get("STUDIO_SHARED") or Path(__file__).resolve().parents[2] / "shared")

words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
spoken = words.filter(lambda text: text.strip() != "")
extras = st.dictionaries(st.sampled_from(["name", "tool_calls", "from", "weight", "9"]), words, max_size=2)
ids = st.lists(spoken, min_size=1, max_size=5, unique=True)


@st.composite
def chats(draw: st.DrawFn) -> tuple[Message, ...]:
    turns = [Message(role="system", content=draw(spoken))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        turns.append(Message(role="user", content=draw(spoken), extra=draw(extras)))
        turns.append(Message(role="assistant", content=draw(spoken), extra=draw(extras)))
    return tuple(turns)


@st.composite
def tasks(draw: st.DrawFn, kinds: tuple[str, ...] = ("chat", "preference", "rating", "text")) -> Task:
    kind = draw(st.sampled_from(kinds))
    instances = []
    for id in draw(ids):
        extra = draw(st.dictionaries(st.sampled_from(["topic", "source", "n (column)"]), words, max_size=2))
        if kind == "chat" or (kind in ("preference", "rating") and draw(st.booleans())):
            more: dict[str, Any] = {"liked": draw(st.booleans())} if kind == "rating" else {}
            turns = draw(chats())
            if kind == "preference":
                more |= {"rejected_messages": (*turns[:-1], Message(role="assistant", content=draw(spoken) + "!"))}
            instances.append(KINDS.find(kind)(id=id, messages=turns, extra=extra, **more))
            continue
        instance = KINDS.find(kind).make(id, draw(words), (draw(spoken),), extra)
        change: dict[str, Any] = {"preference": {"rejected": draw(spoken)}, "rating": {"liked": draw(st.booleans())}}
        instances.append(instance.model_copy(update=change.get(kind, {})))
    origin = Origin(format="x", mapping=draw(st.sampled_from([None, Mapping(input=("a", "b"), output="c")])))
    return Task(
        task_id="task1_x",
        definition=draw(words),
        instances=tuple(instances),
        kind=kind,
        origin=origin,
        split=draw(st.sampled_from(["hash", "stratified", "official"])),
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(task=tasks())
def test_every_kind_of_task_comes_back_equal(task: Task) -> None:
    name, text = write_task(task)
    reading = read_task(text.encode(), name)
    assert reading.task == task
    assert reading.task.version == task.version
    assert write_v2(reading.task) == text


@pytest.mark.skipif(not SHARED.is_dir(), reason="upstream's files are not here")
@pytest.mark.parametrize(
    "name",
    ["task040_qasc_question_generation", "task1146_country_capital", "task117_spl_translation_en_de",
     "task1657_gooaq_question_generation", "task393_plausible_result_generation",
     "task853_hippocorpus_long_text_generation"],
)  # fmt: skip
def test_an_upstream_file_comes_back_to_the_letter(name: str) -> None:
    path = SHARED / "natural_instructions" / f"{name}.json"
    task = read_task_file(path, path.name).task
    assert write_task(task) == (path.name, path.read_text(encoding="utf-8"))


def inner(task: Task) -> list[Any]:
    return [(i.input, i.output[0], i.messages, i.rejected, i.liked) for i in task.instances]


ROWS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "alpaca": ("instruction", [{"instruction": "Say it.", "input": "a", "output": "b", "n": 1},
                               {"instruction": "Sing.", "input": "", "output": "la"}]),
    "openai": ("chat", [{"messages": [{"role": "user", "content": "a"},
                                      {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
                                      {"role": "tool", "content": "x", "tool_call_id": "1"},
                                      {"role": "assistant", "content": "b"}],
                         "tools": [{"type": "function", "function": {"name": "f"}}]}]),
    "preferences": ("preference", [{"prompt": "a", "chosen": "b", "rejected": "c"}]),
    "kto": ("rating", [{"prompt": [{"role": "user", "content": "a"}],
                        "completion": [{"role": "assistant", "content": "b"}], "label": False}]),
}  # fmt: skip


@pytest.mark.parametrize("form", ROWS)
def test_a_neighbours_rows_come_back_equal(form: str) -> None:
    kind, rows = ROWS[form]
    task = read_task(json.dumps(rows).encode(), "x.json").task
    assert task.kind == kind
    name, text = write_task(task, form)
    back = json.loads(text) if name.endswith(".json") else [json.loads(line) for line in text.splitlines()]
    assert back == rows


@pytest.mark.parametrize("form", [name for name in FORMATS if name != "v2"])
def test_every_form_is_read_again(form: str) -> None:
    kind = next(name for name, kind in reversed(KINDS.members.items()) if kind.forms[0] in FORMATS[form].forms)
    messages = [{"role": "user", "content": "Ask"}, {"role": "assistant", "content": "Answer"}]
    rows: dict[str, list[dict[str, Any]]] = {
        "instruction": [{"input": "in, with \"signs\"", "output": "out"}, {"input": "two\nlines", "output": "b"}],
        "chat": [{"messages": messages}] * 2,
        "preference": [{"prompt": messages[:1], "chosen": messages[1:], "rejected": [{**messages[1], "content": "x"}]}],
        "rating": [{"messages": messages, "label": True}],
        "text": [{"text": "A first paragraph that is long enough."}, {"text": "And a second one."}],
    }  # fmt: skip
    task = read_task(json.dumps(rows[kind]).encode(), "x.json").task
    name, text = write_task(task, form)
    assert inner(read_task(text.encode(), name).task) == inner(task)


def test_a_formula_is_inert_in_a_table() -> None:
    task = Task(task_id="t", definition="D", instances=(Instruction(id="a", input="=1+1", output=("@x",)),))
    assert write_task(task, "csv")[1] == "input,output\r\n'=1+1,'@x\r\n"


def test_forms_that_cannot_hold_a_task() -> None:
    task = Task(task_id="t", definition="D", instances=(Instruction(id="a", input="b", output=("c",)),))
    assert list(list_formats(task)) == ["v2", "alpaca", "openai", "sharegpt", "csv"]
    with raises(InputError, "v2"):
        write_task(task, "kto")
    with raises(InputError, "docx"):
        write_task(task, "docx")
    assert "Studio" not in to_v2(task)


def test_sharegpt_says_a_call_in_words_and_what_counts() -> None:
    call = {"id": "call_7", "type": "function", "function": {"name": "rain", "arguments": {"town": "Rome"}}}
    turns = (
        Message(role="user", content="Rain?"),
        Message(role="assistant", content="Let me look.", counts=False, extra={"tool_calls": [call]}),
        Message(role="tool", content="wet"),
        Message(role="assistant", content="Yes."),
    )
    tool = {"type": "function", "function": {"name": "rain"}}
    task = Task(task_id="t", definition="", instances=(Chat(id="a", messages=turns, tools=(tool,)),), kind="chat")
    name, text = write_task(task, "sharegpt")
    row = json.loads(text)[0]
    assert [(turn["from"], turn.get("weight")) for turn in row["conversations"]] == [
        ("human", None), ("gpt", 0), ("observation", None), ("gpt", None)]  # fmt: skip
    assert json.loads(row["tools"]) == [tool]
    back = read_task(text.encode(), name).task.instances[0]
    assert (back.messages[1].content, back.messages[1].extra["tool_calls"]) == ("Let me look.", [call])
    assert [turn.counts for turn in back.messages] == [True, False, True, True]
    assert back.tools == (tool,) and back.output == ("Yes.",)


@pytest.mark.parametrize("form", ["v2", "openai", "sharegpt"])
@pytest.mark.parametrize("flag", [{"weight": "0"}, {"train": False, "weight": 0}, {"mask": True}, {"weight": 1}])
@pytest.mark.parametrize("counts", [True, False])
def test_what_counts_comes_back_whatever_flag_a_turn_carries(form: str, flag: dict[str, Any], counts: bool) -> None:
    turns = (
        Message(role="user", content="Rain?"),
        Message(role="assistant", content="No.", counts=counts, extra=flag),
        Message(role="user", content="Sure?", extra=flag),
        Message(role="assistant", content="Yes."),
    )
    task = Task(task_id="t", definition="D", instances=(Chat(id="a", messages=turns),), kind="chat")
    name, text = write_task(task, form)
    back = read_task(text.encode(), name).task
    assert [turn.counts for turn in back.instances[0].messages] == [True, counts, True, True]
    if form == "v2":
        assert back.instances == task.instances
        assert read_v2(text.encode(), name, "t").instances == task.instances


@pytest.mark.parametrize("form", ["openai", "sharegpt"])
def test_white_space_of_an_input_stays(form: str) -> None:
    instances = (Instruction(id="a", input="; ", output=(" x ",)), Instruction(id="b", input="  y", output=("z",)))
    task = Task(task_id="t", definition="", instances=instances, origin=Origin(format="x"))
    name, text = write_task(task, form)
    back = read_task(text.encode(), name).task
    assert [(one.input, one.output) for one in back.instances] == [("; ", (" x ",)), ("  y", ("z",))]


def user(text: str, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": text, **more}


def bot(text: str | None, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


def calls(*ids: str) -> list[dict[str, Any]]:
    return [{"id": id, "type": "function", "function": {"name": "f", "arguments": {"x": 1}}} for id in ids]


TOOL = {"type": "function", "function": {"name": "f"}}
PAIRS: dict[str, list[dict[str, Any]]] = {
    "the prompt inside": [{"chosen": [user("a"), bot("b")], "rejected": [user("a"), bot("c")]}],
    "several turns": [{"prompt": [user("a"), bot("b"), user("c")], "chosen": [bot("d")], "rejected": [bot("e")]}],
    "other turns": [{"chosen": [user("a"), bot("b"), user("c"), bot("d")],
                     "rejected": [user("a"), bot("x"), user("y"), bot("z")]}],
    "an answer of three turns": [{"prompt": [user("a")], "chosen": [bot("b"), user("c"), bot("d")],
                                  "rejected": [bot("x")]}],
    "one goes on": [{"chosen": [user("a"), bot("b"), user("c"), bot("d")], "rejected": [user("a"), bot("b")]}],
    "another beginning": [{"chosen": [user("a"), bot("b")], "rejected": [user("x"), bot("c")]},
                          {"chosen": [user("q"), bot("b")], "rejected": [user("q"), bot("c")]}],
    "another second question": [{"chosen": [user("a"), bot("b"), user("c"), bot("d")],
                                 "rejected": [user("a"), bot("b"), user("y"), bot("z")]}],
    "names, thoughts, weights": [{"prompt": [user("a", name="Bo"), bot("p", weight=0), user("q")],
                                  "chosen": [bot("b", reasoning_content="hm")], "rejected": [bot("x")], "n": 1}],
    "tools": [{"prompt": [user("a")], "chosen": [bot(None, tool_calls=calls("1")),
               {"role": "tool", "content": "r", "tool_call_id": "1"}, bot("d")], "rejected": [bot("x")],
               "tools": [TOOL]}],
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_pairs_of_conversations_come_back_equal(name: str) -> None:
    task = read_task(json.dumps(PAIRS[name]).encode(), "x.json").task
    file, text = write_task(task, "preferences")
    back = read_task(text.encode(), file).task
    assert back.kind == task.kind == "preference"
    assert [(i.messages, i.rejected_messages, i.tools, i.extra) for i in back.instances] == [
        (i.messages, i.rejected_messages, i.tools, i.extra) for i in task.instances
    ]
    assert write_task(back, "preferences")[1] == text


def test_sharegpt_keeps_names_thoughts_and_ids() -> None:
    turns = [user("a", name="Bo"), bot("", tool_calls=calls("1", "2"), reasoning_content="hm"),
             {"role": "tool", "content": "r", "tool_call_id": "1", "name": "f"},
             {"role": "tool", "content": "s", "tool_call_id": "2"}, bot("b", reasoning_content="so")]  # fmt: skip
    task = read_task(json.dumps([{"messages": turns, "tools": [TOOL]}]).encode(), "x.json").task
    name, text = write_task(task, "sharegpt")
    before, after = task.instances[0].messages, read_task(text.encode(), name).task.instances[0].messages
    assert [(one.role, one.content) for one in after] == [(one.role, one.content) for one in before]
    assert [{**one.extra, "from": None} for one in after] == [{**one.extra, "from": None} for one in before]
