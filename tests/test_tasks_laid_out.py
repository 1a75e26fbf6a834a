"""Tables and chats that are laid out in other ways than row by row: by columns, a turn a row, a chat in one text."""

import json

import pytest

from studio.tasks.kinds.chat import Chat
from studio.tasks.reading.rows import MappingNeeded
from studio.tasks.reading.task_file import read_task
from studio.tasks.reading.transcript import read_transcript

PAIRS = [("What is one?", "1"), ("What is two?", "2"), ("What is three?", "3")]


def read(value: object, name: str = "file.json") -> list[tuple[str, str]]:
    text = value if isinstance(value, str) else json.dumps(value)
    return [(one.input, one.output[0]) for one in read_task(text.encode(), name).task.instances]


@pytest.mark.parametrize(
    "value",
    [
        {"question": [q for q, _ in PAIRS], "answer": [a for _, a in PAIRS]},
        {key: {str(n): one[at] for n, one in enumerate(PAIRS)} for at, key in enumerate(("question", "answer"))},
        {str(n): {"question": q, "answer": a} for n, (q, a) in enumerate(PAIRS)},
        {"columns": ["question", "answer"], "index": [0, 1, 2], "data": [list(pair) for pair in PAIRS]},
        {"version": "1.0", "data": [{"question": q, "answer": a} for q, a in PAIRS]},
        {"version": "1.0", "data": [{"input": q, "output": a} for q, a in PAIRS]},
    ],
    ids=["lists", "columns", "index", "split", "wrapped", "wrapped-inputs"],
)  # fmt: skip
def test_a_table_in_json_is_its_rows_however_it_is_turned(value: object) -> None:
    assert read(value) == PAIRS


def test_a_single_row_stays_one() -> None:
    chat = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "tags": ["x", "y"]}
    assert read(chat) == [("a", "b")]
    assert read({"question": "What?", "answer": "That."}) == [("What?", "That.")]


def test_the_rule_of_a_markdown_table_is_no_row() -> None:
    text = "| question | answer |\n|:---|---:|\n" + "".join(f"| {q} | {a} |\n" for q, a in PAIRS)
    assert read(text, "table.csv") == PAIRS


TURNS = "conversation_id,turn,role,content,weight\n2,1,assistant,b,1\n1,0,user,q,1\n1,1,assistant,a,0\n2,0,user,r,1\n"


def test_rows_that_are_turns_become_conversations() -> None:
    reading = read_task((TURNS + "1,2,user,s,1\n1,3,assistant,c,1\n").replace(",", "\t").encode(), "turns.tsv")
    chats = [one for one in reading.task.instances if isinstance(one, Chat)]
    assert [[(turn.role, turn.content) for turn in chat.messages] for chat in chats] == [
        [("user", "r"), ("assistant", "b")],
        [("user", "q"), ("assistant", "a"), ("user", "s"), ("assistant", "c")],
    ]
    assert [turn.counts for turn in chats[1].messages if turn.role == "assistant"] == [False, True]
    assert any("6" in words and "2" in words and "conversation_id" in words for words in reading.warnings)


def test_a_tree_of_turns_is_no_conversation() -> None:
    rows = [
        {"message_tree_id": "t", "message_id": n, "parent_id": parent, "role": role, "text": str(n)}
        for n, parent, role in ((1, None, "prompter"), (2, 1, "assistant"), (3, 1, "assistant"))
    ]
    with pytest.raises(MappingNeeded):
        read(rows)


SAID = [{"role": role, "content": text} for role, text in (("system", "Be kind."), ("user", "Hi"), ("assistant", "Ho"))]


@pytest.mark.parametrize(
    "text",
    [
        "System: Be kind.\nUser: Hi\nAssistant: Ho\n",
        "### System: Be kind. ### Human: Hi ### Assistant: Ho",
        "Be kind.\n\n### Instruction:\nHi\n\n### Response:\nHo",
        "Be kind.\n\n### Instruction:\nHi\n\n### Input:\n\n### Response:\nHo</s>",
        "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHo<|im_end|>\n",
        "<|system|>\nBe kind.</s>\n<|user|>\nHi</s>\n<|assistant|>\nHo</s>",
        "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHi [/INST] Ho </s>",
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe kind.<|eot_id|><|start_header_id|>user"
        "<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHo<|eot_id|>",
    ],
)
def test_a_chat_in_one_text_is_its_turns(text: str) -> None:
    assert read_transcript(text) == SAID
    with pytest.raises(MappingNeeded) as asked:
        read([{"text": text}] * 2)
    mapping = asked.value.preview.guess.mapping
    assert mapping is not None and mapping.kind == "chat"


def test_several_turns_in_one_text() -> None:
    said = (("user", "a"), ("model", "b"), ("user", "c"), ("model", "    d"))
    text = "<bos>" + "".join(f"<start_of_turn>{role}\n{text}<end_of_turn>\n" for role, text in said)
    assert [turn["content"] for turn in read_transcript(text)] == ["a", "b", "c", "    d"]
    assert [turn["content"] for turn in read_transcript("<s>[INST] a [/INST] b</s><s>[INST] c [/INST] d</s>")] == list(
        "abcd"
    )


@pytest.mark.parametrize(
    "text", ["", "Human: only one", "He said: User: x", "# Title\n\n### Input\nsome words", "<|im_start|>x"]
)
def test_other_texts_are_no_chats(text: str) -> None:
    assert read_transcript(text) == []


@pytest.mark.parametrize(
    ("rows", "output"),
    [
        ([{"text": f"t {n}", "label": n % 2, "label_text": ["no", "yes"][n % 2]} for n in range(6)], "label_text"),
        ([{"text": f"t {n}", "label": n % 2, "label_name": ["no", "yes"][n % 2]} for n in range(6)], "label_name"),
        ([{"frage": f"f{n}", "antwort": f"eine lange Antwort {n}"} for n in range(4)], "antwort"),
        ([{"a": f"Was ist {n}?", "b": f"eine recht lange Antwort {n}"} for n in range(4)], "b"),
        ([{"prompt": f"p{n}", "responses": ["a", "b"], "scores": [1, 2]} for n in range(4)], "responses"),
    ],
)  # fmt: skip
def test_a_proposal_takes_the_answer_for_the_answer(rows: list[dict[str, object]], output: str) -> None:
    with pytest.raises(MappingNeeded) as asked:
        read(rows)
    mapping = asked.value.preview.guess.mapping
    assert mapping is not None and mapping.output == (output,)
