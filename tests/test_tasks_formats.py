"""What people upload besides Natural Instructions: recognised by content, nothing lost, the mapping kept."""

import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from telling import raises, tells

from studio.errors import TaskError
from studio.tasks.mapping import Mapping
from studio.tasks.prompt import write_prompt, write_turns
from studio.tasks.read_as import Reading
from studio.tasks.reading.hub_dataset import fetch_rows
from studio.tasks.reading.row import OWN_INPUT
from studio.tasks.reading.rows import MappingNeeded
from studio.tasks.reading.task_file import preview_file, read_many, read_task, read_task_file
from studio.tasks.task import Task, write_v2

SHARED = Path(os.environ.get("STUDIO_SHARED") or Path(__file__).resolve().parents[2] / "shared")
NEIGHBOURS = SHARED / "other_formats"

REAL = {
    "alpaca_instruction_data_head.json": (20, "instruction", "Alpaca"),
    "dpo_hh_rlhf_tiny_messages.json": (1, "preference", "preferences with the prompt inside"),
    "dpo_instruction_chosen_rejected_head.json": (10, "preference", "Alpaca preferences"),
    "dpo_trl_zen_standard_preference.jsonl": (19, "preference", "preferences"),
    "jsonl_gsm8k_question_answer_head.jsonl": (20, "instruction", "questions and answers"),
    "jsonl_self_instruct_seed_tasks_head.jsonl": (10, "instruction", "Alpaca"),
    "openai_chat_toy_fine_tuning.jsonl": (5, "chat", "OpenAI chat"),
    "sharegpt_fastchat_dummy_head.json": (10, "chat", "ShareGPT"),
    "sharegpt_torchtune_chat_tiny.json": (1, "chat", "ShareGPT"),
}


def texts_of(value: Any) -> set[str]:
    """Every text in a JSON value, keys not counted."""
    if isinstance(value, dict):
        return {text for item in value.values() for text in texts_of(item)}
    if isinstance(value, list | tuple):
        return {text for item in value for text in texts_of(item)}
    return {value} if isinstance(value, str) and value.strip() else set()


def everything_in(task: Task) -> str:
    return write_v2(task)


def comes_back(reading: Reading) -> None:
    """What is kept is read back as the same task."""
    again = read_task(write_v2(reading.task).encode(), f"{reading.task.task_id}.json")
    assert again.task == reading.task


@pytest.mark.skipif(not NEIGHBOURS.is_dir(), reason="the neighbours' files are not here")
@pytest.mark.parametrize("name", REAL)
def test_real_file(name: str) -> None:
    count, kind, form = REAL[name]
    path = NEIGHBOURS / name
    reading = read_task_file(path, name)
    assert (len(reading.task.instances), reading.task.kind) == (count, kind)
    assert reading.task.origin and reading.task.origin.format == form
    text = path.read_text(encoding="utf-8")
    raw = [json.loads(line) for line in text.splitlines()] if name.endswith("l") else json.loads(text)
    roles = {"human", "gpt"}
    shown = everything_in(reading.task)
    lost = [t for t in texts_of(raw) - roles if json.dumps(t, ensure_ascii=False)[1:-1] not in shown]
    assert not lost
    comes_back(reading)


@pytest.mark.skipif(not NEIGHBOURS.is_dir(), reason="the neighbours' files are not here")
def test_a_real_table_needs_a_mapping_which_is_kept() -> None:
    path = NEIGHBOURS / "csv_mrpc_train.csv"
    with raises(MappingNeeded, "sentence1 sentence2") as ask:
        read_task_file(path, path.name)
    guess = ask.value.preview.guess.mapping
    assert guess == Mapping(input=("sentence1", "sentence2"), output=("label",))
    reading = read_task_file(path, path.name, guess)
    assert len(reading.task.instances) == 6
    assert reading.task.instances[0].output == ("equivalent",)
    assert reading.task.instances[0].input.startswith("sentence1: He said the foodservice pie")
    assert '\nsentence2: " The foodservice pie' in reading.task.instances[0].input
    assert reading.task.origin and reading.task.origin.mapping == guess
    comes_back(reading)


@pytest.mark.skipif(not NEIGHBOURS.is_dir(), reason="the neighbours' files are not here")
def test_a_real_table_with_unnamed_columns() -> None:
    path = NEIGHBOURS / "csv_sms_spam_utf8_mojibake_head.csv"
    preview = preview_file(path, path.name)
    assert preview and preview.columns == ("v1", "v2", "column 3", "column 4") and preview.count == 118
    assert preview.guess.mapping == Mapping(input="v2", output="v1")
    reading = read_task_file(path, path.name, preview.guess.mapping)
    assert len(reading.task.instances) == 118
    assert reading.task.labels == ("ham", "spam")
    said = " ".join(reading.warnings)
    assert tells(said, "3 4")
    assert tells(said, "5")
    # 119 lines are below the header: one of them is swallowed by a quotation mark, as every reader of CSV has it.
    assert tells(said, "100 v2")
    assert reading.task.instances[98].input.endswith('ham"')
    comes_back(reading)


def lines(*rows: dict[str, Any]) -> bytes:
    return "\n".join(json.dumps(row) for row in rows).encode()


def one(row: dict[str, Any]) -> Any:
    reading = read_task(lines(row, {**row, "id": "second"}), "rows.jsonl")
    comes_back(reading)
    return reading.task


def test_alpaca_parts_stay_apart() -> None:
    rows = [{"instruction": "Translate.", "input": "cat", "output": "Katze", "lang": "de"},
            {"instruction": "Say hello.", "input": "", "output": "Hello."}]  # fmt: skip
    task = read_task(json.dumps(rows).encode(), "a.json").task
    first, second = task.instances
    assert (first.input, first.extra) == ("Translate.\n\ncat", {"lang": "de", OWN_INPUT: "cat"})
    assert (second.input, second.extra) == ("Say hello.", {})
    assert write_prompt(task, second.input) == "Input: Say hello.\nOutput:"


def test_alpaca_with_one_instruction_for_all_is_a_definition() -> None:
    rows = [{"instruction": "Translate.", "input": word, "output": word.upper()} for word in ("a", "b")]
    task = read_task(json.dumps(rows).encode(), "a.json").task
    assert task.definition == "Translate."
    assert task.instances[0].input == "a"


def test_alpaca_with_system_and_history_is_a_chat() -> None:
    row = {"instruction": "And now?", "input": "", "output": "Bye.", "system": "Be brief.", "history": [["Hi", "Hi."]]}
    task = one(row)
    assert task.kind == "chat"
    turns = write_turns(task.instances[0].messages)
    assert [turn["role"] for turn in turns] == ["system", "user", "assistant", "user", "assistant"]
    assert (task.instances[0].input, task.instances[0].output) == ("And now?", ("Bye.",))


TOOL = {
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Weather"}, {"type": "text", "text": "in Rome?"}]},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "weather"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "sunny"},
        {"role": "assistant", "content": "Sunny.", "weight": 1},
    ],
    "tools": [{"type": "function", "function": {"name": "weather"}}],
}


def test_openai_chat_with_parts_and_tools_loses_nothing() -> None:
    task = one(TOOL)
    instance = task.instances[0]
    assert (instance.input, instance.output) == ("sunny", ("Sunny.",))
    assert write_turns(instance.messages) == TOOL["messages"]
    assert (instance.extra, list(instance.tools)) == ({}, TOOL["tools"])
    assert instance.messages[0].content == "Weather\nin Rome?"


def test_sharegpt_with_functions() -> None:
    turns = [("human", "Rome?"), ("function_call", '{"city": "Rome"}'), ("observation", "sunny"), ("gpt", "Sunny.")]
    task = one({"conversations": [{"from": role, "value": text} for role, text in turns], "system": "Be kind."})
    assert [message.role for message in task.instances[0].messages] == [
        "system", "user", "assistant", "tool", "assistant"]  # fmt: skip
    assert task.instances[0].messages[2].extra == {"from": "function_call"}


USER, GOOD, BAD = ({"role": role, "content": text} for role, text in
                   (("user", "Colour of the sky?"), ("assistant", "Blue."), ("assistant", "Loud.")))  # fmt: skip
PREFERENCES = {
    "texts": {"prompt": "Colour of the sky?", "chosen": "Blue.", "rejected": "Loud."},
    "turns": {"prompt": [USER], "chosen": [GOOD], "rejected": [BAD]},
    "implicit": {"chosen": [USER, GOOD], "rejected": [USER, BAD]},
    "openai": {"input": {"messages": [USER]}, "preferred_output": [GOOD], "non_preferred_output": [BAD]},
    "alpaca": {"instruction": "Colour of the sky?", "input": "", "chosen": "Blue.", "rejected": "Loud."},
    "sharegpt": {"conversations": [{"from": "human", "value": "Colour of the sky?"}],
                 "chosen": {"from": "gpt", "value": "Blue."}, "rejected": {"from": "gpt", "value": "Loud."}},
}  # fmt: skip


@pytest.mark.parametrize("shape", PREFERENCES)
def test_preferences(shape: str) -> None:
    task = one(PREFERENCES[shape])
    instance = task.instances[0]
    assert task.kind == "preference"
    assert (instance.input, instance.output, instance.rejected) == ("Colour of the sky?", ("Blue.",), "Loud.")
    assert instance.write_pair(task) == ([USER], [GOOD], [BAD])


@pytest.mark.parametrize(
    "row",
    [{"messages": [USER, GOOD], "label": True}, {"prompt": "Colour of the sky?", "completion": "Blue.", "label": True},
     {"messages": [USER, GOOD], "kto_tag": "true"}, {"prompt": [USER], "completion": [GOOD], "label": True},
     {"instruction": "Colour of the sky?", "input": "", "output": "Blue.", "kto_tag": True}],
)  # fmt: skip
def test_kto(row: dict[str, Any]) -> None:
    task = one(row)
    assert task.kind == "rating"
    assert (task.instances[0].input, task.instances[0].output) == ("Colour of the sky?", ("Blue.",))
    assert task.instances[0].liked is True


@pytest.mark.parametrize(
    ("row", "kind"),
    [({"prompt": "2+2=", "completion": " 4"}, "instruction"), ({"inputs": "2+2", "targets": "4"}, "instruction"),
     ({"Task": "task1_sum", "Definition": ["Add."], "Instance": {"id": "x", "input": "2+2", "output": ["4"]}},
      "instruction"),
     ({"text": "Once upon a time."}, "text")],
)  # fmt: skip
def test_pairs_and_texts(row: dict[str, Any], kind: str) -> None:
    task = one(row)
    assert task.kind == kind
    assert task.instances[0].output[0].strip() in ("4", "Once upon a time.")


def test_a_wrapper_around_the_rows() -> None:
    data = {"version": "1", "data": [{"question": "a?", "answer": "b"}, {"question": "c?", "answer": "d"}]}
    reading = read_task(json.dumps(data).encode(), "qa.json")
    assert [i.output for i in reading.task.instances] == [("b",), ("d",)]
    assert tells(reading.warnings, "data")


def test_running_text() -> None:
    text = "The sea was calm, and so was he.\nHe slept.\n\nIn the morning, the wind came.\n"
    reading = read_task(text.encode(), "novel.txt")
    assert reading.task.kind == "text"
    assert [i.output[0] for i in reading.task.instances] == text.strip().split("\n\n")
    assert tells(reading.warnings[0], "2")
    comes_back(reading)


CSV = 'input,output\n"Say ""hi"", please",hi\n"two\nlines",ok\n'


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimited_tables(delimiter: str, encoding: str) -> None:
    text = (
        CSV.replace("input,", f"input{delimiter}").replace('",hi', f'"{delimiter}hi').replace('",ok', f'"{delimiter}ok')
    )
    reading = read_task(text.encode(encoding), "whatever")
    assert [(i.input, i.output[0]) for i in reading.task.instances] == [
        ('Say "hi", please', "hi"),
        ("two\nlines", "ok"),
    ]


def workbook(rows: list[list[Any]]) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def test_excel_under_any_name() -> None:
    data = workbook([["question", "answer", "n"], ["2+2?", 4, 1.5], ["sky?", "blue", None]])
    reading = read_task(data, "sums.csv")
    assert [(i.input, i.output) for i in reading.task.instances] == [("2+2?", ("4",)), ("sky?", ("blue",))]
    assert reading.task.instances[0].extra == {"n": "1.5"}
    assert any(tells(warning, ".csv Excel") for warning in reading.warnings)


def test_formulas_in_a_workbook_are_told() -> None:
    data = workbook([["question", "answer"], ["=1+1", "two"], ["a", "b"]])
    reading = read_task(data, "sums.xlsx")
    assert reading.task.instances[0].input == "=1+1"
    assert tells(reading.warnings[0], "A2 =1+1")


def test_a_word_document_is_refused_by_name() -> None:
    with raises(TaskError, "a.docx JSON"):
        read_task(zipped({"[Content_Types].xml": "x", "word/document.xml": "x"}), "a.docx")


def test_parquet() -> None:
    import pyarrow as arrow
    import pyarrow.parquet as parquet

    rows = [{"messages": [USER, GOOD], "n": 1}, {"messages": [USER, BAD], "n": 2}]
    buffer = io.BytesIO()
    parquet.write_table(arrow.Table.from_pylist(rows), buffer)
    reading = read_task(buffer.getvalue(), "chat.parquet")
    assert reading.task.kind == "chat"
    assert [i.extra for i in reading.task.instances] == [{"n": 1}, {"n": 2}]


def zipped(files: dict[str, bytes | str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


V2 = json.dumps({"Definition": ["Add."], "Categories": [], "Instances": [{"id": "a", "input": "1", "output": ["2"]}]})


def test_an_archive_with_one_file() -> None:
    reading = read_task(
        zipped({"tasks/task1_add.json": V2, "__MACOSX/._x.json": "x", "tasks/.task1.json.swp": "x"}), "a.zip"
    )
    assert reading.task.definition == "Add."
    assert tells(reading.warnings[0], "tasks/task1_add.json")


def test_many_files(tmp_path: Path) -> None:
    files = {"task1_add.json": V2, "task001_other.json": V2, "My Task.json": V2, "bad.json": "{", "README.md": "x",
             "deep/task1_add.json": V2}  # fmt: skip
    (tmp_path / "a.zip").write_bytes(zipped(files))
    for name, data in files.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(data)
    (tmp_path / "outside.json").write_text(V2)
    (tmp_path / "folder" / "link.json").symlink_to(tmp_path / "outside.json")
    for source in (tmp_path / "a.zip", tmp_path / "folder"):
        found = dict(read_many(source, source.name))
        assert sorted(found) == [
            "My Task.json",
            "bad.json",
            "deep/task1_add.json",
            "task001_other.json",
            "task1_add.json",
        ]
        assert isinstance(found["bad.json"], TaskError) and tells(found["bad.json"], "end")
        said = {name: " ".join(reading.warnings) for name, reading in found.items() if isinstance(reading, Reading)}
        assert tells(said["My Task.json"], "small letters blanks")
        assert "deep/task1_add.json has the same name" in said["task1_add.json"]
        assert "has the same number" in said["task1_add.json"]


def test_traps_among_archives(tmp_path: Path) -> None:
    bomb = zipped({"a.json": b"[" + b" " * 30_000_000 + b"]"})
    slip = zipped({"../../a.json": V2, "b.json": V2})
    link = zipfile.ZipInfo("link.json")
    link.external_attr = 0o120777 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    many = zipped({f"{n}.json": "" for n in range(5001)})
    for data, words in ((bomb, "larger"), (slip, "out"),
                        (buffer.getvalue(), "link"), (many, "5,001"),
                        (zipped({"a.json": V2})[:-30], "damaged"),
                        (zipped({"a.json": zipped({"b.json": V2})}), "holds another archive")):  # fmt: skip
        with raises(TaskError, words):
            read_task(data, "a.zip")


def test_a_dataset_folder(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(lines({"question": "a?", "answer": "b"}, {"question": "c?", "answer": "d"}))
    table = fetch_rows(str(tmp_path))
    assert (table.columns, [row.values["answer"] for row in table.rows]) == (["question", "answer"], ["b", "d"])
    with raises(TaskError, "test"):
        fetch_rows(str(tmp_path), split="test")


def test_a_class_of_a_dataset_is_its_name(tmp_path: Path) -> None:
    from datasets import ClassLabel, Dataset, Features, Value

    features = Features({"text": Value("string"), "label": ClassLabel(names=["bad", "good"]), "n": Value("float32")})
    data = {"text": ["a b", "c d"], "label": [1, 0], "n": [0.1, None]}
    Dataset.from_dict(data, features=features).to_parquet(str(tmp_path / "train.parquet"))
    rows = [row.values for row in fetch_rows(str(tmp_path)).rows]
    assert [(row["label"], row["n"]) for row in rows] == [("good", 0.1), ("bad", None)]


def test_a_dataset_that_is_not_there() -> None:
    with raises(TaskError, "owner/name"):
        fetch_rows("https://example.org/x y")
    with raises(TaskError, "network"):
        fetch_rows("nobody/nothing")


@pytest.mark.parametrize("name", ["text", "json", "pandas", "csv.csv", "near", "near/by"])
def test_a_dataset_of_the_hub_is_never_what_lies_where_this_process_is(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "near" / "by").mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "near", tmp_path / "near" / "by"):
        (folder / "train.jsonl").write_bytes(lines({"question": "whose?", "answer": "the operator's"}))
        (folder / "train.txt").write_text("the operator's")
    monkeypatch.chdir(tmp_path)
    with raises(TaskError, name, field="dataset"):
        fetch_rows(name)


@pytest.mark.parametrize(
    ("header", "sure"),
    [("text,label", True), ("id,sentence,target", True), ("Question,Answer", True), ("text,label,split", True),
     ("text,label,remark text", False), ("text,rating", False),
     ("sentence1,sentence2,label", False), ("a,label", False), ("v1,v2", False)],
)  # fmt: skip
def test_which_names_are_sure(header: str, sure: bool) -> None:
    names = header.split(",")
    row = ",".join("a longer text" if "label" not in name else "yes" for name in names)
    data = f"{header}\n{row}\n{row}!\n".encode()
    if sure:
        assert len(read_task(data, "t.csv").task.instances) == 2
    else:
        with pytest.raises(MappingNeeded):
            read_task(data, "t.csv")


def test_a_mapping_that_makes_no_instance() -> None:
    with raises(TaskError, "column"):
        Mapping(input="a")
    with raises(TaskError, "c"):
        read_task(b"a,b\n1,2\n3,4\n", "x.csv", Mapping(input="a", output="c"))
    with raises(TaskError, "2"):
        Mapping(output="a", rejected=("b", "c"))
