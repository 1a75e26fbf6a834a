"""A chat keeps all that its file says: turns wherever they are, system text, tools, calls, flags, reasoning."""

import io
import json
from typing import Any

import pytest

from studio.errors import TaskError
from studio.tasks.cell import Notes
from studio.tasks.instance import Instance, Message
from studio.tasks.library.writing import write_task
from studio.tasks.mapping import Mapping
from studio.tasks.read_as import Reading
from studio.tasks.reading.conversation import read_messages
from studio.tasks.reading.task_file import read_task
from studio.tasks.task import write_v2
from studio.tasks.tool import read_tools, say_calls

Row = dict[str, Any]


def user(text: str, **more: Any) -> Row:
    return {"role": "user", "content": text, **more}


def bot(text: str | None, **more: Any) -> Row:
    return {"role": "assistant", "content": text, **more}


def read(*rows: Row, mapping: Mapping | None = None) -> Reading:
    reading = read_task("\n".join(map(json.dumps, rows)).encode(), "rows.jsonl", mapping)
    assert read_task(write_v2(reading.task).encode(), "rows.json").task == reading.task, "it doesn't come back equal"
    return reading


def one(row: Row, mapping: Mapping | None = None) -> Instance:
    task = read(row, {**row, "id": "second"} if "id" not in row else row, mapping=mapping).task
    return task.instances[0]


def said(instance: Instance) -> list[tuple[str, str]]:
    return [(turn.role, turn.content) for turn in instance.messages]


SYSTEM, ASKED, ANSWERED = ("system", "Be brief."), ("user", "Hi?"), ("assistant", "Hello.")
MORE = [("user", "And now?"), ("assistant", "Bye.")]
FOUR = [ASKED, ANSWERED, *MORE]
PAIRS = [["Hi?", "Hello."]]

FORMS: dict[str, tuple[Row, list[tuple[str, str]]]] = {
    "messages": ({"messages": [{"role": r, "content": t} for r, t in [SYSTEM, *FOUR]]}, [SYSTEM, *FOUR]),
    "a system key": ({"system": "Be brief.", "messages": [user("Hi?"), bot("Hello.")]}, [SYSTEM, ASKED, ANSWERED]),
    "a system key that repeats": (
        {"system": "Be brief.", "messages": [{"role": "system", "content": "Be brief."}, user("Hi?"), bot("Hello.")]},
        [SYSTEM, ASKED, ANSWERED]),
    "no system": ({"system": None, "messages": [user("Hi?"), bot("Hello.")]}, [ASKED, ANSWERED]),
    "ShareGPT": ({"conversations": [{"from": r, "value": t} for r, t in
                                    [("system", "Be brief."), ("human", "Hi?"), ("gpt", "Hello.")]]},
                 [SYSTEM, ASKED, ANSWERED]),
    "names in the wild": ({"conversation": [{"from": "USER", "value": "Hi?"}, {"from": "ChatGPT", "value": "Hello."},
                                            {"from": "prompter", "value": "And now?"},
                                            {"from": "bing", "value": "Bye."}]},
                          FOUR),
    "speaker and text": ({"dialogue": [{"speaker": "customer", "text": "Hi?"}, {"speaker": "agent", "text": "Hello."}]},
                         [ASKED, ANSWERED]),
    "author as an object": ({"messages": [{"author": {"role": "user"}, "content": {"parts": ["Hi?"]}}, bot("Hello.")]},
                            [ASKED, ANSWERED]),
    "LangChain": ({"messages": [{"type": "human", "data": {"content": "Hi?"}},
                                {"type": "ai", "data": {"content": "Hello."}}]},
                  [ASKED, ANSWERED]),
    "XTuner": ({"conversation": [{"system": "Be brief.", "input": "Hi?", "output": "Hello."},
                                 {"input": "And now?", "output": "Bye."}]}, [SYSTEM, *FOUR]),
    "pairs in objects": ({"conversations": [{"human": "Hi?", "assistant": "Hello."}]}, [ASKED, ANSWERED]),
    "lists by key": ({"conversations": {"from": ["human", "gpt"], "value": ["Hi?", "Hello."]}}, [ASKED, ANSWERED]),
    "texts in turn": ({"dialog": ["Hi?", "Hello.", "And now?", "Bye."]}, FOUR),
    "JSON in a cell": ({"messages": json.dumps([user("Hi?"), bot("Hello.")])}, [ASKED, ANSWERED]),
    "Python in a cell": ({"messages": repr([user("Hi?"), bot("Hello.")])}, [ASKED, ANSWERED]),
    "Alpaca with a history": ({"instruction": "And now?", "input": "", "output": "Bye.", "history": PAIRS,
                               "system": "Be brief."}, [SYSTEM, *FOUR]),
    "a history of turns": ({"prompt": "And now?", "response": "Bye.", "history": [user("Hi?"), bot("Hello.")]}, FOUR),
    "a history in a cell": ({"prompt": "And now?", "response": "Bye.", "history": json.dumps(PAIRS)}, FOUR),
    "turns in prompt and completion": ({"prompt": [user("Hi?")], "completion": [bot("Hello.")]}, [ASKED, ANSWERED]),
    "turns in prompt alone": ({"prompt": [{"role": "system", "content": "Be brief."}, user("Hi?")],
                               "completion": "Hello."}, [SYSTEM, ASKED, ANSWERED]),
    "turns in completion alone": ({"prompt": "Hi?", "completion": [bot("Hello."), user("And now?"), bot("Bye.")]},
                                  FOUR),
    "an answer beside the turns": ({"messages": [user("Hi?")], "response": "Hello."}, [ASKED, ANSWERED]),
    "messages within input": ({"input": {"messages": [user("Hi?")]}, "output": "Hello."}, [ASKED, ANSWERED]),
    "Bedrock": ({"schemaVersion": "bedrock-conversation-2024", "system": [{"text": "Be brief."}],
                 "messages": [{"role": "user", "content": [{"text": "Hi?"}]},
                              {"role": "assistant", "content": [{"text": "Hello."}]}]}, [SYSTEM, ASKED, ANSWERED]),
    "Gemini": ({"systemInstruction": {"role": "system", "parts": [{"text": "Be brief."}]},
                "contents": [{"role": "user", "parts": [{"text": "Hi?"}]},
                             {"role": "model", "parts": [{"text": "Hello."}]}]},
               [SYSTEM, ASKED, ANSWERED]),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_the_whole_conversation_is_kept(form: str) -> None:
    row, turns = FORMS[form]
    reading = read(row)
    assert reading.task.kind == "chat"
    assert said(reading.task.instances[0]) == turns


FLAGS: dict[str, tuple[Row, Row]] = {
    "weight": ({"weight": 0}, {"weight": 1}), "as a float": ({"weight": 0.0}, {"weight": 1.0}),
    "train": ({"train": False}, {"train": True}), "trainable": ({"trainable": False}, {}),
    "training": ({"training": False}, {"training": True}), "train_on_turn": ({"train_on_turn": False}, {}),
    "loss": ({"loss": False}, {"loss": True}), "loss_mask": ({"loss_mask": 0}, {"loss_mask": 1}),
    "mask": ({"mask": True}, {"mask": False}), "as a text": ({"weight": "0"}, {"weight": "1"}),
}  # fmt: skip


@pytest.mark.parametrize("form", FLAGS)
def test_a_turn_that_is_not_to_be_learnt_is_only_read(form: str) -> None:
    off, on = FLAGS[form]
    reading = read({"messages": [user("One?"), bot("Two.", **on), user("Sure?"), bot("Five.", **off)]})
    turns = reading.task.instances[0].messages
    assert [turn.counts for turn in turns] == [True, True, True, False]
    assert turns[3].extra == off
    assert "1.messages[3]" in " ".join(reading.warnings)


def test_a_chat_of_which_nothing_is_to_be_learnt_is_left_out_and_told() -> None:
    kept, left = {"messages": [user("a"), bot("b")]}, {"messages": [user("c"), bot("d", weight=0)]}
    reading = read(kept, left)
    assert len(reading.task.instances) == 1
    assert [(repair.name, repair.count) for repair in reading.repairs] == [("unlearnt", 1)]
    with pytest.raises(TaskError) as caught:
        read(left, left)
    assert caught.value.field == "file"


def test_a_whole_row_may_be_marked() -> None:
    rows = [{"messages": [user(f"{n}"), bot("x")], "weight": n % 2} for n in range(4)]
    assert [i.input for i in read(*rows).task.instances] == ["1", "3"]


def test_what_follows_the_last_answer_is_cut_and_counted() -> None:
    open_end = {"messages": [user("a"), bot("b"), user("c")]}
    reading = read(open_end, open_end, {"messages": [user("a"), bot("b")]})
    assert all(len(instance.messages) == 2 for instance in reading.task.instances)
    assert [(repair.name, repair.count) for repair in reading.repairs] == [("unanswered", 2)]


SCHEMA = {"type": "object", "properties": {"town": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "rain", "description": "Rains it?", "parameters": SCHEMA}}
FLAT = {"name": "rain", "description": "Rains it?"}
TOOLS: dict[str, Any] = {
    "OpenAI": [TOOL], "flat": [{**FLAT, "parameters": SCHEMA}], "JSON text": json.dumps([TOOL]),
    "texts in a list": [json.dumps({**FLAT, "parameters": SCHEMA})],
    "Responses": [{"type": "function", **FLAT, "parameters": SCHEMA}],
    "Anthropic": [{**FLAT, "input_schema": SCHEMA}],
    "Gemini": [{"functionDeclarations": [{**FLAT, "parameters": SCHEMA}]}],
    "Bedrock": {"tools": [{"toolSpec": {**FLAT, "inputSchema": {"json": SCHEMA}}}]},
    "by name": {"rain": {"description": "Rains it?", "parameters": SCHEMA}},
    "parameters as text": [{**FLAT, "parameters": json.dumps(SCHEMA)}],
    "filled by Arrow": [{**TOOL, "function": {**TOOL["function"], "strict": None,  # type: ignore[dict-item]
                         "parameters": {**SCHEMA, "properties": {**SCHEMA["properties"], "zone": None}}}}],  # type: ignore[dict-item]
}  # fmt: skip


@pytest.mark.parametrize("form", TOOLS)
def test_tools_are_uploaded_to_one_form(form: str) -> None:
    assert read_tools(TOOLS[form], "row 1.tools", Notes()) == (TOOL,)


def test_what_is_no_tool_is_refused_by_its_place() -> None:
    with pytest.raises(TaskError) as caught:
        read_tools([1], "row 1.tools", Notes())
    assert caught.value.field == "row 1.tools"


CALL = {"name": "rain", "arguments": {"town": "Oslo"}}
CALLS: dict[str, list[Row]] = {
    "OpenAI": [bot(None, tool_calls=[{"id": "call_7", "type": "function", "function": CALL}]),
               {"role": "tool", "tool_call_id": "call_7", "content": "yes"}],
    "arguments as text": [bot(None, tool_calls=[{"id": "c", "type": "function",
                                                 "function": {**CALL, "arguments": '{"town": "Oslo"}'}}]),
                          {"role": "tool", "tool_call_id": "c", "content": "yes"}],
    "the older form": [bot(None, function_call={**CALL, "arguments": '{"town": "Oslo"}'}),
                       {"role": "function", "name": "rain", "content": "yes"}],
    "Anthropic": [bot([{"type": "tool_use", "id": "toolu_1", "name": "rain", "input": {"town": "Oslo"}}]),  # type: ignore[arg-type]
                  {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "yes"}]}],
    "Bedrock": [bot([{"toolUse": {"toolUseId": "t", "name": "rain", "input": {"town": "Oslo"}}}]),  # type: ignore[arg-type]
                {"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": [{"text": "yes"}]}}]}],
    "Gemini": [{"role": "model", "parts": [{"functionCall": {"name": "rain", "args": {"town": "Oslo"}}}]},
               {"role": "user", "parts": [{"functionResponse": {"name": "rain", "response": "yes"}}]}],
    "ShareGPT": [{"from": "function_call", "value": json.dumps(CALL)}, {"from": "observation", "value": "yes"}],
}  # fmt: skip


@pytest.mark.parametrize("form", CALLS)
def test_calls_are_uploaded_to_one_form(form: str) -> None:
    instance = one({"messages": [user("Rains it in Oslo?"), *CALLS[form], bot("It does.")], "tools": [TOOL]})
    assert [turn.role for turn in instance.messages] == ["user", "assistant", "tool", "assistant"]
    calls = instance.messages[1].extra["tool_calls"]
    assert json.loads(say_calls(calls)) == CALL
    assert (instance.messages[1].content, instance.messages[2].content) == ("", "yes")
    assert instance.tools == (TOOL,)


def test_a_null_that_the_tool_does_not_take_is_no_argument() -> None:
    call = {"type": "function", "function": {"name": "rain", "arguments": {"town": None, "zone": None}}}
    instance = one({"messages": [user("Rain?"), bot(None, tool_calls=[call])], "tools": [TOOL]})
    assert instance.messages[1].extra["tool_calls"][0]["function"]["arguments"] == {"town": None}


def test_calls_and_tools_of_parquet_are_as_they_were_written() -> None:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    def call(name: str, **arguments: str) -> Row:
        return bot("", tool_calls=[{"type": "function", "function": {"name": name, "arguments": arguments}}])

    def tool(name: str, key: str) -> Row:
        schema = {"type": "object", "properties": {key: {"type": "string"}}}
        return {"type": "function", "function": {"name": name, "parameters": schema}}

    tools = [tool("rain", "town"), tool("time", "zone")]
    rows = [{"messages": [user("Rain?"), call("rain", town="Oslo")], "tools": tools[:1]},
            {"messages": [user("Time?"), call("time", zone="Lima")], "tools": tools[1:]}]  # fmt: skip
    buffer = io.BytesIO()
    parquet.write_table(arrow.Table.from_pylist(rows), buffer)
    instances = read_task(buffer.getvalue(), "calls.parquet").task.instances
    found = [instance.messages[1].extra["tool_calls"][0]["function"]["arguments"] for instance in instances]
    assert found == [{"town": "Oslo"}, {"zone": "Lima"}]
    assert [list(instance.tools) for instance in instances] == [tools[:1], tools[1:]]


@pytest.mark.parametrize(
    ("answer", "extra"),
    [({"reasoning_content": "Hm."}, {"reasoning_content": "Hm."}), ({"reasoning": "Hm."}, {"reasoning": "Hm."}),
     ({"content": [{"type": "thinking", "thinking": "Hm.", "signature": "x"}, {"type": "text", "text": "Yes."}]},
      {"reasoning_content": "Hm."})],
)  # fmt: skip
def test_reasoning_stays_beside_the_answer(answer: Row, extra: Row) -> None:
    turn = one({"messages": [user("Well?"), {**bot("Yes."), **answer}]}).messages[1]
    assert (turn.content, turn.extra) == ("Yes.", extra)


def test_thoughts_within_a_text_stay_text() -> None:
    assert one({"messages": [user("Well?"), bot("<think>Hm.</think>\n\nYes.")]}).output[0].startswith("<think>")


def test_xlam_calls_in_columns() -> None:
    row = {
        "id": 1,
        "query": "Rain in Oslo?",
        "answers": json.dumps([CALL]),
        "tools": json.dumps([{**FLAT, "parameters": {}}]),
    }
    instance = read(row, row).task.instances[0]
    assert json.loads(say_calls(instance.messages[1].extra["tool_calls"])) == CALL
    assert instance.tools[0]["function"]["name"] == "rain"


@pytest.mark.parametrize(
    ("messages", "place"),
    [([user("Hi"), {"role": "boss", "content": "x"}], "row[1].role"), ([user("Hi"), bot(None)], "row[1].content"),
     ([user("Hi"), {"content": "x"}], "row[1]"), ([user("Hi"), 3], "row[1]"), ([], "row"), ("Hi", "row"),
     (["Hi", " "], "row[1]")],
)  # fmt: skip
def test_what_is_no_turn_is_refused_by_its_place(messages: Any, place: str) -> None:
    with pytest.raises(TaskError) as caught:
        read_messages(messages, "row", Notes())
    assert caught.value.field == place


@pytest.mark.parametrize("ends_with", ["user", "assistant"])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_texts_in_turn_end_with_who_is_said_to_speak_last(ends_with: str, count: int) -> None:
    turns = read_messages([f"text {n}" for n in range(count)], "row", Notes(), ends_with)
    assert turns[-1].role == ends_with
    assert all(a.role != b.role for a, b in zip(turns, turns[1:], strict=False))


def test_transcripts_of_preferences_are_turns() -> None:
    row = {"chosen": "\n\nHuman: Hi?\n\nAssistant: Hello.", "rejected": "\n\nHuman: Hi?\n\nAssistant: No."}
    instance = one(row)
    assert said(instance) == [ASKED, ANSWERED]
    assert instance.rejected == "No." and len(instance.rejected_messages) == 2


def test_preferences_keep_tools_and_what_stands_beside() -> None:
    row = {"system": "Be brief.", "prompt": "Hi?", "chosen": "Hello.", "rejected": "No.", "tools": [TOOL]}
    instance = one(row)
    assert said(instance) == [SYSTEM, ASKED, ANSWERED]
    assert (instance.rejected, instance.tools) == ("No.", (TOOL,))
    assert instance.rejected_messages[:2] == instance.messages[:2]


def test_a_name_and_unknown_keys_stay_and_nulls_go() -> None:
    turn = one({"messages": [user("Hi", name="Ann", mood=None, lang="en"), bot("Hello.")]}).messages[0]
    assert turn == Message(role="user", content="Hi", extra={"name": "Ann", "lang": "en"})


@pytest.mark.parametrize("form", ["v2", "openai"])
def test_what_is_exported_is_imported_equal(form: str) -> None:
    call = {"id": "c", "type": "function", "function": {**CALL, "arguments": json.dumps(CALL["arguments"])}}
    whole = [
        {"role": "system", "content": "Be brief."}, user("Rain?", name="Ann"), bot(None, tool_calls=[call]),
        {"role": "tool", "tool_call_id": "c", "content": "yes"}, bot("It rains.", weight=0, reasoning_content="Hm."),
        user("And?"), bot("    indented\n", weight=1),
    ]  # fmt: skip
    task = read({"messages": whole, "tools": [TOOL]}, {"messages": [user("Hi"), bot("Hello.")], "tools": []}).task
    name, text = write_task(task, form)
    again = read_task(text.encode(), name).task
    assert [(i.messages, i.tools) for i in again.instances] == [(i.messages, i.tools) for i in task.instances]
