"""Which column is what: what may be read unasked, what is proposed, and that no column is left out in silence."""

import json
from typing import Any

import pytest

from studio.errors import TaskError
from studio.tasks.mapping import Mapping
from studio.tasks.read_as import Reading
from studio.tasks.reading.guess import guess_mapping
from studio.tasks.reading.rows import MappingNeeded
from studio.tasks.reading.task_file import read_task

Row = dict[str, Any]
Roles = dict[str, list[str]]
QA: Row = {"question": "How old is Tom?", "answer": "5"}
PASSAGE = "Tom was born five years ago."
CHOICES = ["one", "two", "three", "four"]
USER, SAID = {"role": "user", "content": "Say hello to me."}, {"role": "assistant", "content": "Hello."}
CHAT: Row = {"messages": [USER, SAID]}
ALPACA: Row = {"instruction": "Say hello.", "input": "", "output": "Hello."}
QA_ROLES: Roles = {"input": ["question"], "output": ["answer"]}


def read(*rows: Row, mapping: Mapping | None = None) -> Reading:
    return read_task(json.dumps(list(rows)).encode(), "rows.json", mapping)


def ask(*rows: Row) -> MappingNeeded:
    with pytest.raises(MappingNeeded) as caught:
        read(*rows)
    assert caught.value.field == "mapping"
    return caught.value


ASKED: dict[str, tuple[Row, Roles, tuple[str, ...]]] = {
    "a passage": ({**QA, "passage": PASSAGE}, {"input": ["passage", "question"], "output": ["answer"]}, ()),
    "a schema": (
        {"question": "How many?", "schema": "CREATE TABLE t (a, b)", "sql": "SELECT 1"},
        {"input": ["schema", "question"], "output": ["sql"]},
        (),
    ),
    "a query": (
        {"db_id": "db1", "question": "How many?", "query": "SELECT 1"},
        {"input": ["question"], "output": ["query"]},
        ("db_id",),
    ),
    "a hint": ({**QA, "hint": "Count the years."}, {"input": ["question", "hint"], "output": ["answer"]}, ()),
    "an explanation": ({**QA, "explanation": "It is so."}, QA_ROLES, ("explanation",)),
    "thoughts": ({"Question": "How?", "Complex_CoT": "I think.", "Response": "So."},
                 {"input": ["Question"], "output": ["Response"]}, ("Complex_CoT",)),
    "Dolly": (
        {"instruction": "Name it.", "context": PASSAGE, "response": "Tom", "category": "closed_qa"},
        {"instruction": ["instruction"], "input": ["context"], "output": ["response"]},
        ("category",),
    ),
    "a hint beside Alpaca": (
        {**ALPACA, "text": "Something else to read."},
        {"instruction": ["instruction"], "input": ["input", "text"], "output": ["output"]},
        (),
    ),
    "choices": ({**QA, "choices": CHOICES, "subject": "age"},
                {"input": ["question", "choices"], "output": ["answer"]}, ("subject",)),
    "choices as ARC has them": (
        {"id": "a", "question": "Which?", "choices": {"text": CHOICES, "label": list("ABCD")}, "answerKey": "B"},
        {"input": ["question", "choices"], "output": ["answerKey"], "id": ["id"]}, ()),
    "choices in columns": (
        {"question": "Which?", "A": "x", "B": "y", "C": "z", "answer": "B"},
        {"input": ["question", "A", "B", "C"], "output": ["answer"]}, ()),
    "two sentences": (
        {"premise": "It rains.", "hypothesis": "It is wet.", "label": "yes", "idx": 3},
        {"input": ["premise", "hypothesis"], "output": ["label"], "id": ["idx"]}, ()),
    "title and body": ({"title": "A day", "body": PASSAGE, "label": "spam"},
                       {"input": ["title", "body"], "output": ["label"]}, ()),
    "numbers for classes": ({"text": "It is good.", "label": 1}, {"input": ["text"], "output": ["label"]}, ()),
    "a language to translate to": (
        {"text": "a cat", "target_lang": "de", "translation": "eine Katze"},
        {"input": ["text", "target_lang"], "output": ["translation"]}, ()),
    "a review of code": ({"diff": "- a b\n+ b a c d e", "review": "Nice."},
                         {"input": ["diff"], "output": ["review"]}, ()),
    "two languages": ({"translation": {"en": "the cat", "de": "die Katze"}},
                      {"input": ["translation.en"], "output": ["translation.de"]}, ()),
    "nested keys": ({"data": {"question": "How?", "answer": "So."}, "meta": {"source": "x"}},
                    {"input": ["data.question"], "output": ["data.answer"]}, ("meta.source",)),
    "SQuAD": (
        {"id": "1", "context": PASSAGE, "question": "How old?", "answers": {"text": ["5"], "answer_start": [3]}},
        {"input": ["context", "question"], "output": ["answers.text"], "id": ["id"]}, ("answers.answer_start",)),
    "a common prefix": ({"sft_prompt": "How?", "sft_response": "So."},
                        {"input": ["sft_prompt"], "output": ["sft_response"]}, ()),
    "text beside a chat": ({**CHAT, "persona": "He is old and kind."},
                           {"messages": ["messages"], "system": ["persona"]}, ()),
    "whether it is right": ({**QA, "is_correct": False}, QA_ROLES, ("is_correct",)),
    "a verdict as a number": ({"prompt": "How?", "completion": "So.", "label": 1},
                              {"input": ["prompt"], "output": ["completion"], "liked": ["label"]}, ()),
    "a context beside preferences": (
        {"prompt": "How old?", "context": PASSAGE, "chosen": "Five", "rejected": "Six"},
        {"input": ["context", "prompt"], "output": ["chosen"], "rejected": ["rejected"]}, ()),
    "texts that take turns": ({"id": "1", "data": ["Hi there", "Hello you", "Bye now", "Bye bye"]},
                              {"messages": ["data"], "id": ["id"]}, ()),
    "turns before an answer": ({"context": ["Hi", "Hello", "How are you?"], "response": "Fine"},
                               {"history": ["context"], "output": ["response"]}, ()),
}  # fmt: skip


@pytest.mark.parametrize("name", ASKED)
def test_a_weak_sign_asks_and_names_what_it_leaves_out(name: str) -> None:
    row, roles, unused = ASKED[name]
    asked = ask(row, row)
    guess = asked.preview.guess
    assert guess.mapping and guess.mapping.to_json() == roles
    assert guess.unused == unused
    assert all(column in str(asked) for column in unused)
    assert len(read(row, row, mapping=guess.mapping).task.instances) == 2


SURE: dict[str, tuple[Row, Roles, tuple[str, ...]]] = {
    "question and answer": (QA, QA_ROLES, ()),
    "with book-keeping": (
        {**QA, "source": "x", "url": "http://a.b", "split": "train", "score": 0.4, "created_at": "2024-01-02"},
        QA_ROLES,
        ("source", "url", "split", "score", "created_at")),
    "with an empty column": ({**QA, "context": ""}, QA_ROLES, ("context",)),
    "Alpaca with its prompt beside": (
        {**ALPACA, "text": "Below is an instruction.\n\n### Instruction:\nSay hello.\n\n### Response:\nHello."},
        {"instruction": ["instruction"], "input": ["input"], "output": ["output"]}, ("text",)),
    "a system text": ({"system": "Be brief.", "prompt": "How?", "response": "So."},
                      {"input": ["prompt"], "output": ["response"], "system": ["system"]}, ()),
    "OpenOrca": ({"id": "x", "system_prompt": "Be brief.", "question": "How?", "response": "So."},
                 {"input": ["question"], "output": ["response"], "system": ["system_prompt"], "id": ["id"]}, ()),
    "a chat with its prompt beside": ({**CHAT, "prompt": "Say hello to me.", "prompt_id": "x"},
                                      {"messages": ["messages"]}, ("prompt", "prompt_id")),
    "a system text beside a chat": ({**CHAT, "system": "Be brief."},
                                    {"messages": ["messages"], "system": ["system"]}, ()),
    "an instruction beside a chat": ({**CHAT, "instruction": "Be brief."},
                                     {"messages": ["messages"], "system": ["instruction"]}, ()),
    "tools beside a chat": ({**CHAT, "tools": [{"name": "f", "parameters": {}}]},
                            {"messages": ["messages"], "tools": ["tools"]}, ()),
    "a weight beside a chat": ({**CHAT, "weight": 1}, {"messages": ["messages"], "counts": ["weight"]}, ()),
    "a whole UltraFeedback row": (
        {"prompt": "Say hello to me.", **CHAT, "chosen": [USER, SAID], "rejected": [USER, {**SAID, "content": "No."}],
         "score_chosen": 8.5, "score_rejected": 2.0},
        {"output": ["chosen"], "rejected": ["rejected"]}, ("prompt", "messages", "score_chosen", "score_rejected")),
    "running text": ({"text": PASSAGE, "url": "http://a.b", "token_count": 4},
                     {"text": ["text"]}, ("url", "token_count")),
    "an open chat and its answer": ({"messages": [USER], "response": "Hello."},
                                    {"messages": ["messages"], "output": ["response"]}, ()),
}  # fmt: skip


@pytest.mark.parametrize("name", SURE)
def test_a_known_shape_with_harmless_columns_is_read_unasked(name: str) -> None:
    row, roles, unused = SURE[name]
    reading = read(row, row)
    assert reading.task.origin and reading.task.origin.mapping
    assert reading.task.origin.mapping.to_json() == roles
    said = " ".join(reading.warnings)
    assert all(column in said for column in unused if row[column])
    assert ("Not used" in said) == bool(unused)


def test_a_column_that_says_something_late_is_seen() -> None:
    rows = [{**QA, "context": ""} for _ in range(300)]
    rows[170]["context"] = PASSAGE
    assert "context" in ask(*rows).preview.columns


@pytest.mark.parametrize("rows", [[{"n": 1, "k": 2}, {"n": 3, "k": 4}], [{"id": "a1", "uuid": "b2"}], [{"title": "x"}]])
def test_numbers_and_ids_are_no_answer(rows: list[Row]) -> None:
    assert guess_mapping(rows).mapping is None


def test_labels_are_told_by_values_and_make_an_instruction() -> None:
    rows = [{"nr": n, "nachricht": f"Wo ist Paket {n}?", "art": ("Rechnung", "Lieferung")[n % 2]} for n in range(20)]
    guess = ask(*rows).preview.guess
    assert guess.mapping and guess.mapping.to_json() == {"input": ["nachricht"], "output": ["art"]}
    assert (guess.unused, guess.definition) == (("nr",), "Answer with one of: Lieferung, Rechnung.")


def test_several_columns_are_joined_with_their_names_and_empty_ones_left_out() -> None:
    mapping = Mapping(input=("context", "question"), output="answer")
    first, second = read({**QA, "context": PASSAGE}, QA, mapping=mapping).task.instances
    assert first.input == f"context: {PASSAGE}\nquestion: How old is Tom?"
    assert second.input == "question: How old is Tom?"


@pytest.mark.parametrize(
    ("choices", "answers", "learnt"),
    [(CHOICES, [0, 3], ["A", "D"]), (CHOICES, [1, 4], ["A", "D"]), (CHOICES, ["2", "0"], ["C", "A"]),
     (CHOICES, ["B", "C"], ["B", "C"]), (CHOICES, ["two", "four"], ["two", "four"]),
     ({"text": CHOICES, "label": ["1", "2", "3", "4"]}, ["1", "4"], ["1", "4"])],
)  # fmt: skip
def test_the_number_of_a_choice_is_its_letter(choices: Any, answers: list[Any], learnt: list[str]) -> None:
    rows = [{"question": "Which?", "choices": choices, "answer": answer} for answer in answers]
    instances = read(*rows, mapping=Mapping(input=("question", "choices"), output="answer")).task.instances
    assert [instance.output[0] for instance in instances] == learnt
    assert instances[0].input.splitlines()[3].endswith("two")


def test_an_optional_key_may_be_missing_empty_or_null() -> None:
    rows: list[Row] = [
        {"instruction": "Add.", "input": "2 3", "output": "5"}, {"instruction": "Say hello.", "output": "Hello."},
        {"instruction": "Say good night.", "input": None, "output": "Good night."}, {**ALPACA},
    ]  # fmt: skip
    task = read(*rows).task
    assert [i.input for i in task.instances] == ["Add.\n\n2 3", "Say hello.", "Say good night.", "Say hello."]


def test_another_missing_key_is_told_by_its_name() -> None:
    with pytest.raises(TaskError) as caught:
        read(QA, {"question": "And now?"})
    assert caught.value.field == "row 2" and "answer" in str(caught.value) and "missing" in str(caught.value)


def test_a_nested_key_is_read_and_the_rest_of_its_object_kept() -> None:
    row = {"data": {"question": "How?", "answer": "So.", "more": 1}}
    task = read(row, mapping=Mapping(input="data.question", output="data.answer")).task
    assert (task.instances[0].input, task.instances[0].output) == ("How?", ("So.",))
    assert task.instances[0].extra == {"data": {"more": 1}}
    with pytest.raises(TaskError) as caught:
        read(row, mapping=Mapping(input="data.what", output="data.answer"))
    assert caught.value.field == "mapping.input"


def test_an_answer_with_parts_is_json() -> None:
    row = {"text": "Oslo has 3 parks.", "output": {"town": "Oslo", "parks": 3}}
    reading = read(row)
    assert json.loads(reading.task.instances[0].output[0]) == row["output"]
    assert "row 1.output" in " ".join(reading.warnings)


def test_white_space_stays() -> None:
    row = {"prompt": "def add(a, b):\n", "completion": "    total = a + b\n    return total\n"}
    instance = read(row).task.instances[0]
    assert (instance.input, instance.output[0]) == (row["prompt"], row["completion"])


def test_rows_under_a_key_ask_too() -> None:
    data = json.dumps({"version": 1, "data": [{**QA, "context": PASSAGE}]}).encode()
    with pytest.raises(MappingNeeded) as caught:
        read_task(data, "a.json")
    assert caught.value.preview.columns == ("question", "answer", "context")
