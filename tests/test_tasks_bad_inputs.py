"""The 42 bad inputs of the reference: each is answered with place, what was found, what was expected and the way out.

The numbers are those of natural_instructions.md, section 4. A refusal is an error; what is accepted and told is a
warning of the reading; what is a matter of the content is a finding of the quality report.
"""

import json
from typing import Any

import pytest
from telling import tells

from studio.errors import TaskError
from studio.tasks.mapping import Mapping
from studio.tasks.quality.finding import Finding
from studio.tasks.quality.fixes import apply_fix
from studio.tasks.quality.lengths import Limit, measure_lengths
from studio.tasks.quality.repairs import apply_repair, offer_repairs
from studio.tasks.quality.report import add_lengths, check_task
from studio.tasks.read_as import Reading
from studio.tasks.reading.decoding import MOST_BYTES
from studio.tasks.reading.rows import MappingNeeded
from studio.tasks.reading.task_file import read_many, read_task
from studio.tasks.task import Task

TASK: dict[str, Any] = {
    "Contributors": ["Ada"],
    "Source": ["synthetic"],
    "Categories": ["Misc."],
    "Definition": ["Say the colour."],
    "Input_language": ["English"],
    "Output_language": ["English"],
    "Positive Examples": [{"input": "sky", "output": "blue", "explanation": "It is."}],
    "Negative Examples": [{"input": "sea", "output": "loud", "explanation": "No colour."}],
    "Instances": [{"id": f"task1-{n}", "input": f"thing {n}", "output": ["red"]} for n in range(30)],
}
TEXT = json.dumps(TASK, indent=4)


def refuse(data: bytes | str, name: str = "task1_colour.json", **options: Any) -> str:
    with pytest.raises(TaskError) as caught:
        read_task(data.encode() if isinstance(data, str) else data, name, **options)
    assert str(caught.value).startswith(name)
    return str(caught.value)


def accept(data: bytes | str, name: str = "task1_colour.json", **options: Any) -> Reading:
    return read_task(data.encode() if isinstance(data, str) else data, name, **options)


def told(data: bytes | str, name: str = "task1_colour.json", **options: Any) -> str:
    return "\n".join(accept(data, name, **options).warnings)


def change(**keys: Any) -> str:
    return json.dumps({key: value for key, value in (TASK | keys).items() if value is not None})


def instances(*items: Any, fill: int = 30) -> str:
    return change(Instances=[*items, *TASK["Instances"][: fill - len(items)]])


def found(name: str, task: Task | None = None, **keys: Any) -> Finding:
    finding = check_task(task or accept(change(**keys)).task).find(name)
    assert finding, f"no finding called {name}"
    return finding


def lines(*rows: Any) -> str:
    return "\n".join(json.dumps(row) for row in rows) + "\n"


def test_01_empty() -> None:
    assert tells(refuse(b""), "task1_colour.json 0 bytes")
    assert tells(refuse(" \n\n  "), "5 bytes")


def test_02_byte_order_mark() -> None:
    reading = accept(b"\xef\xbb\xbf" + TEXT.encode())
    assert reading.task == accept(TEXT).task
    (repair,) = reading.repairs
    assert repair.name == "mark" and tells(repair.words, "byte-order")
    assert (repair.changes[0].place, repair.changes[0].before) == ("byte 0", "EF BB BF")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_03_utf_16(encoding: str) -> None:
    reading = accept(TEXT.encode(encoding))
    assert tells(reading.warnings[0], "UTF-16")
    assert reading.repairs[0].changes[0].after == "UTF-8"


def test_04_windows_1252() -> None:
    data = change(Definition=["Nævn farven på dyret, også blå."]).encode().decode("unicode_escape").encode("cp1252")
    said = told(data)
    assert tells(said, "UTF-8 Windows-1252") and "Nævn farven" in said


def test_05_truncated() -> None:
    said = refuse(TEXT[:400])
    assert tells(said, "line")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT.replace('"Misc."\n', '"Misc.",\n', 1), "Delete the comma."),
        (TEXT.replace('"', "'"), "JSON"),
        (TEXT.replace('    "Categories"', '    // kinds\n    "Categories"'), "JSON"),
        (TEXT.replace('"Categories"', "Categories"), "Categories"),
    ],
)
def test_06_slips_of_syntax(text: str, words: str) -> None:
    said = refuse(text)
    assert tells(said, words)
    assert said.startswith("task1_colour.json, line ") and ", column " in said and " The line is: " in said


def test_07_nan() -> None:
    reading = accept(TEXT.replace('"synthetic"', "NaN"))
    assert tells(reading.warnings[0], "6 NaN JSON null")
    repair = reading.repairs[0]
    assert (repair.name, repair.count) == ("NaN", 1)
    assert (repair.changes[0].place, repair.changes[0].before, repair.changes[0].after) == ("line 6", "NaN", "null")


def test_08_control_character() -> None:
    said = refuse(TEXT.replace("Say the colour", "Say\tthe colour"))
    assert tells(said, "task1_colour.json 12 13")
    assert "Write \\n or \\t." in said


def test_09_doubled_key() -> None:
    said = told(TEXT.replace('"Categories"', '"Definition": ["Other."],\n    "Categories"'))
    assert tells(said, "Definition")


def test_10_json_lines_named_json_and_the_reverse() -> None:
    rows = [{"question": "a?", "answer": "b"}, {"question": "c?", "answer": "d"}]
    reading = accept(lines(*rows), "rows.json")
    assert tells(reading.warnings[0], "JSON")
    other = accept(json.dumps(rows), "rows.jsonl")
    assert tells(other.warnings[0], "JSON")
    assert reading.task.instances == other.task.instances


def test_11_broken_json_lines() -> None:
    row = {"question": "a?", "answer": "b"}
    spread = json.dumps(row) + "\n" + json.dumps(row, indent=1) + "\n" + json.dumps(row)
    said = refuse(spread, "rows.jsonl")
    assert tells(said, "rows.jsonl 2")
    joined = json.dumps(row) + "\n" + json.dumps(row) + json.dumps(row) + "\n"
    said = refuse(joined, "rows.jsonl")
    assert tells(said, "rows.jsonl 2 34")
    assert tells(refuse(json.dumps(row) * 2, "rows.jsonl"), "rows.jsonl second")


@pytest.mark.parametrize(
    ("data", "kind", "way"),
    [
        (b"%PDF-1.7\n", "PDF", ".json"),
        (b"\x89PNG\r\n\x1a\n", "PNG", "file"),
        (b"<!DOCTYPE html><html>", "HTML", "Raw Download"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git-LFS pointer", "git lfs pull"),
        (b"b0VIM 8.2", "Vim", "beside"),
        (b"\x00\x00\x00\x01Bud1\x00", "a .DS_Store", "beside it"),
    ],
)
def test_12_another_kind_of_file(data: bytes, kind: str, way: str) -> None:
    said = refuse(data)
    assert tells(said, kind)
    assert tells(said, "JSON CSV")
    assert tells(said, way)


def test_13_too_big() -> None:
    said = refuse(b" " * (MOST_BYTES + 2**20))
    assert tells(said, "51.0 MB 50")
    assert tells(said, "ZIP")


def test_14_conflict_marks() -> None:
    said = refuse(TEXT.replace('    "Categories"', '<<<<<<< HEAD\n    "Categories"'))
    assert tells(said, "8 <<<<<<<")


def test_15_names(tmp_path: Any) -> None:
    for name in ("Task59 Circa.json", "task063_a.json", "task63_b.json", "deep/task063_a.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TEXT)
    said = {name: "\n".join(reading.warnings) for name, reading in read_many(tmp_path, "tasks")}  # type: ignore[union-attr]
    assert tells(said["Task59 Circa.json"], "Task59 Circa.json task123_source_type.json")
    assert "task063_a.json: deep/task063_a.json has the same name; rename one" in said["task063_a.json"]
    assert "task63_b.json: deep/task063_a.json has the same number" in said["task63_b.json"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"hello"', "hello"),
        ("[]", "0"),
        ("[1, 2]", "2"),
    ],
)
def test_16_no_object(text: str, words: str) -> None:
    said = refuse(text)
    assert tells(said, words)
    assert tells(said, "Definition")


def test_17_missing_keys() -> None:
    said = refuse(change(Instances=None))
    assert tells(said, "Instances Contributors Source Categories")
    assert tells(refuse(change(Instances=None, Instnaces=[])), "Instnaces Instances")
    reading = accept(TEXT.replace('"Input_language"', '"input language"'))
    assert reading.warnings == ("The key 'input language' was read as 'Input_language'.",)
    assert (reading.repairs[0].changes[0].before, reading.repairs[0].changes[0].after) == (
        "input language",
        "Input_language",
    )


def test_18_definition() -> None:
    assert accept(change(Definition="Say the colour.")).task.definition == "Say the colour."
    assert tells(told(change(Definition=["One.", "Two."])), "2")
    for value in ([], [" "], ""):
        said = refuse(change(Definition=value))
        assert tells(said, "Definition")


def test_19_output_of_another_type() -> None:
    reading = accept(instances({"id": "x", "input": "a", "output": "red"}))
    assert tells(reading.repairs[0].words, "output list")
    assert (reading.repairs[0].changes[0].before, reading.repairs[0].changes[0].after) == ("red", '["red"]')
    for value, words in ((3, "the number 3"), (True, "true"), (None, "nothing (null)"), ({"a": 1}, "an object")):
        said = refuse(instances({"id": "x", "input": "a", "output": value}))
        assert f"Instances[0].output (id x): found {words}" in said
        assert tells(said, "list texts")
    assert "Instances[0].output[0] (id x): found a list of 1, expected a text" in refuse(
        instances({"id": "x", "input": "a", "output": [["red"]]})
    )


def test_20_texts_for_lists_and_language_codes() -> None:
    reading = accept(change(Categories="Misc.", Input_language="en", Output_language="fa"))
    assert reading.task.categories == ("Misc.",)
    assert tells(reading.warnings[0], "Input_language Output_language")
    finding = found("language codes", reading.task)
    assert tells(finding.words, "en English")
    assert apply_fix(reading.task, finding).output_languages == ("Persian",)


def test_21_first_form() -> None:
    data = {"Title": "T", "Prompt": "P", "Definition": "D", "Things to Avoid": "-", "Emphasis & Caution": "- ",
            "Instances": TASK["Instances"],
            "Examples": {"Positive Examples": [{"input": "a", "output": "b", "reason": "why"}],
                         "Negative Examples": ["-"]}}  # fmt: skip
    reading = accept(json.dumps(data))
    assert reading.task.positive_examples[0].explanation == "why"
    assert (reading.task.negative_examples, reading.task.things_to_avoid) == ((), "")
    assert tells(reading.warnings, "v1 v2")
    assert "v1" in [repair.name for repair in reading.repairs]


def test_22_few_examples() -> None:
    words = found("few examples", **{"Negative Examples": []}).words
    assert "Positive Examples: found 1, expected at least 2; Negative Examples: found 0, expected at least 1" in words
    examples = [{"input": "a", "output": "b", "explanation": ""}, {"input": "c", "output": "d"}]
    words = found("no explanation", **{"Positive Examples": examples}).words
    assert tells(words, "2 3") and "Write it." in words


def test_23_leak_into_the_examples() -> None:
    items = [{"id": "x", "input": "Sky", "output": ["red"]}, {"id": "y", "input": "sea", "output": ["red"]}]
    task = accept(instances(*items)).task
    finding = found("leak into positive examples", task)
    assert tells(finding.words, "1")
    assert tells(finding.words, "Instances[0]")
    assert [item.id for item in apply_fix(task, finding).instances][:1] == ["y"]
    assert "Instances[1] (id y)" in found("leak into negative examples", task).words


def test_24_unknown_keys() -> None:
    reading = accept(change(**{"Prompt Name": "x"}))
    assert len(reading.warnings) == 1 and "'Prompt Name'" in reading.warnings[0]
    assert reading.task.extra == {"Prompt Name": "x"}


def test_25_instances_of_another_type() -> None:
    said = refuse(change(Instances={"a": {"input": "x", "output": ["y"]}}))
    assert tells(said, "Instances object list a")
    assert "Instances[0]: found the text 'x', expected an instance" in refuse(change(Instances=["x"]))
    assert "Instances[0]: found a list of 2, expected an instance" in refuse(change(Instances=[["x", "y"]]))


def test_26_how_many_instances() -> None:
    assert tells(refuse(change(Instances=[])), "Instances empty")
    assert "found 3, expected at least 26" in found("few instances", Instances=TASK["Instances"][:3]).words
    many = [{"id": f"task1-{n}", "input": f"{n}", "output": [f"{n % 7} of them"]} for n in range(6501)]
    task = accept(change(Instances=many)).task
    finding = found("many instances", task)
    assert tells(finding.words, "6,501 6,500")
    assert len(apply_fix(task, finding).instances) == 6500


def test_27_input() -> None:
    assert tells(told(instances({"id": "x", "input": " ", "output": ["a"]})), "Instances[0]")
    task = accept(instances({"id": "x", "input": " ", "output": ["a"]})).task
    assert "Instances[0] (id x)" in found("blank inputs", task).words
    assert "Instances[0] (id x): the key input is missing; found id, output. Add it" in refuse(
        instances({"id": "x", "output": ["a"]})
    )
    assert "Instances[0].input (id x): found nothing (null), expected a text" in refuse(
        instances({"id": "x", "input": None, "output": ["a"]})
    )
    assert tells(refuse(instances({"id": "x", "input": 7, "output": ["a"]})), "7")


@pytest.mark.parametrize("output", [[], [""], ["  "]])
def test_28_blank_output(output: list[str]) -> None:
    reading = accept(instances({"id": "x", "input": "a", "output": output}))
    assert len(reading.task.instances) == 29
    assert tells(reading.warnings, "Instances[0]")
    assert [repair.name for repair in reading.repairs] == ["blank"]


def test_29_ids() -> None:
    reading = accept(instances({"input": "a", "output": ["b"]}))
    assert any(tells(warning, "id") for warning in reading.warnings)
    assert reading.task.instances[0].id.startswith("task1-")
    said = told(instances({"id": "task1-0", "input": "a", "output": ["b"]}))
    assert tells(said, "Instances[1].id task1-0")
    task = accept(instances({"id": "task7-abc", "input": "a", "output": ["b"]})).task
    finding = found("foreign ids", task)
    assert tells(finding.words, "task1- Instances[0] task7-abc")
    assert apply_fix(task, finding).instances[0].id == "task1-abc"


def test_30_one_input_two_outputs() -> None:
    items = [{"id": "x", "input": "rose", "output": ["red"]}, {"id": "y", "input": "rose ", "output": ["pink"]}]
    task = accept(instances(*items)).task
    finding = found("contradictions", task)
    assert finding.numbers == (1,) and "'rose'" in finding.words and "'pink'" in finding.words
    fixed = apply_fix(task, finding)
    assert fixed.instances[0].output == ("red", "pink") and len(fixed.instances) == 29


def test_31_one_reference_twice() -> None:
    task = accept(instances({"id": "x", "input": "rose", "output": ["red", "red"]})).task
    finding = found("double references", task)
    assert tells(finding.words, "Instances[0]")
    assert apply_fix(task, finding).instances[0].output == ("red",)


def test_32_labels() -> None:
    words = found("one label").words
    assert tells(words, "30 red")
    items = [{"id": f"{n}", "input": f"{n}", "output": ["yes" if n % 20 else "no"]} for n in range(100)]
    task = accept(change(Instances=items)).task
    finding = found("skewed labels", task)
    assert tells(finding.words, "yes 95% 0.29")
    assert finding.fix == ""  # five of a label say nothing about how many of each there should be


def test_33_white_space_and_variants() -> None:
    words = ["Yes", "yes.", " yes", "No", "no"]
    items = [{"id": f"{n}", "input": f"{n}", "output": [words[n % 5]]} for n in range(100)]
    task = accept(change(Instances=items)).task
    finding = found("label variants", task)
    assert tells(finding.words, "'yes.' 'Yes'")
    assert set(apply_fix(task, finding).labels) == {"Yes", "No"}
    assert tells(found("blanks", task).words, "Instances[2] 2")
    assert {i.output[0] for i in apply_repair(task, "blanks").instances} == {"Yes", "yes.", "yes", "No", "no"}


def test_34_mojibake() -> None:
    broken = "I\u00e2\u20ac\u2122d like caf\u00c3\u00a9 \u00ef\u00bf\u00bd"
    task = accept(instances({"id": "x", "input": broken, "output": ["a"]})).task
    finding = found("mojibake", task)
    assert tells(finding.words, "Instances[0]")
    offer = next(offer for offer in offer_repairs(task) if offer.name == "mojibake")
    assert (offer.changes[0].before, offer.changes[0].after) == (broken, "I\u2019d like caf\u00e9 \ufffd")
    assert apply_fix(task, finding).instances[0].input == "I\u2019d like caf\u00e9 \ufffd"
    assert "\ufffd" not in found("mojibake", apply_fix(task, finding)).words


def test_35_markup_and_what_cannot_be_seen() -> None:
    items = [{"id": "x", "input": "<script>alert(1)</script> &amp; more", "output": ["a"]},
             {"id": "y", "input": "a\u202egnp.exe b\u200bc\x01", "output": ["one\\ntwo"]}]  # fmt: skip
    task = accept(instances(*items)).task
    assert tells(found("markup", task).words, ("HTML", "Instances[0]", " "))
    invisible = found("invisible", task)
    assert "Instances[1] (id y); found '\\u202e'" in invisible.words and "\u202e" not in invisible.words
    assert apply_fix(task, invisible).instances[1].input == "agnp.exe bc"
    assert apply_fix(task, found("line breaks", task)).instances[1].output == ("one\ntwo",)
    assert apply_fix(task, found("markup", task)).instances[0].input == "<script>alert(1)</script> & more"


def test_36_too_long() -> None:
    task = accept(instances({"id": "x", "input": "word " * 3000, "output": ["a"]})).task
    lengths = measure_lengths([(len(one.input.split()), 7) for one in task.instances], 1024)
    report = add_lengths(check_task(task), task, lengths, Limit(1024, 1024))
    finding = report.find("too long")
    assert finding and finding.severity == "warning"
    assert tells(finding.words, "30 1 1,024 3,007 Instances[0] x")
    assert report.lengths and report.lengths.too_long == (0,) and sum(report.lengths.heights) == 30
    assert len(apply_fix(task, finding).instances) == 29


def test_37_right_to_left() -> None:
    items = [{"id": f"{n}", "input": f"text {n}", "output": [f"هذا هو اللون رقم {n}"]} for n in range(30)]
    words = found("script of the output", Instances=items).words
    assert tells(words, "Arabic")
    assert tells(found("language of the output", Instances=items).words, "Arabic English")


def test_38_personal_data_and_placeholders() -> None:
    items = [{"id": "x", "input": "Write to ada@example.org or +49 30 1234567.", "output": ["Hi {{name}}"]},
             {"id": "y", "input": "key sk-proj-abcdefghijklmnop1234", "output": ["https://example.org/a"]}]  # fmt: skip
    task = accept(instances(*items)).task
    finding = found("personal data", task)
    assert "Instances[0] (id x), Instances[1] (id y); found 'EMAIL: ada@example.org'" in finding.words
    masked = apply_fix(task, finding)
    assert masked.instances[0].input == "Write to [EMAIL] or [PHONE]."
    assert masked.instances[1].input == "key [KEY]"
    assert "Instances[0] (id x); found '{{name}}'" in found("placeholders", task).words
    assert "Instances[1] (id y); found 'https://example.org/a'" in found("links", task).words


U, A = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}
CHATS: dict[str, tuple[list[Any], str]] = {
    "no answer": ([U], "1.messages assistant user"),
    "unknown role": ([{"role": "boss", "content": "x"}, A], "row 1.messages[0].role: found the text 'boss', expected "
                                                            "one of system"),
    "empty": ([U, {"role": "assistant", "content": ""}], "row 1.messages[1].content: the assistant turn is empty"),
    "null": ([U, {"role": "assistant", "content": None}], "1.messages[1].content assistant "
                                                          "(null) and calls no tool"),
    "no role": ([{"content": "x"}, A], "1.messages[0] role content"),
    "no turns": ([], "1.messages"),
    "a part without a text": ([{"role": "user", "content": [3]}, A], "row 1.messages[0].content[0]: found the "
                                                                             "number 3"),
}  # fmt: skip


@pytest.mark.parametrize("slip", CHATS)
def test_39_chats(slip: str) -> None:
    messages, words = CHATS[slip]
    rows = [{"messages": messages}, {"messages": [U, A]}]
    said = refuse(json.dumps(rows), "chat.json")
    assert tells(said, words)
    assert tells(said, "1 2")
    reading = accept(json.dumps(rows), "chat.json", leave_out=True)
    assert len(reading.task.instances) == 1
    assert reading.repairs[0].name == "rows" and tells(reading.repairs[0].changes[0].before, words)


@pytest.mark.parametrize(
    ("messages", "place", "kept"),
    [([U, U, A], "messages[1]", 3), ([U, A, A], "messages[2]", 3), ([U, A, U], "messages[2]", 2),
     ([U, {"role": "system", "content": "x"}, A], "messages[1]", 3)],
)  # fmt: skip
def test_39_an_odd_order_is_kept_and_told(messages: list[Any], place: str, kept: int) -> None:
    reading = accept(json.dumps([{"messages": messages}, {"messages": [U, A]}]), "chat.json")
    assert len(reading.task.instances[0].messages) == kept
    assert f"row 1.{place}" in "\n".join(reading.warnings)


def test_39_a_chat_without_a_user_and_one_with_parts() -> None:
    rows = [{"messages": [{"role": "system", "content": "s"}, A]},
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}, A]}]  # fmt: skip
    said = told(lines(*rows), "chat.jsonl")
    assert tells(said, "1.messages")
    assert tells(said, "2.messages[0].content")


def test_40_sharegpt() -> None:
    h, g = {"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}
    said = told(json.dumps({"conversations": [h, g]}), "s.json")
    assert tells(said, "object list")
    for turns, words in (
        ([h, {"from": "gpt", "value": ""}], "row 1.conversations[1].value: the assistant turn is empty"),
        ([h, {"from": "alien", "value": "x"}], "row 1.conversations[1].from: found the text 'alien', expected one of"),
    ):
        assert tells(refuse(json.dumps([{"conversations": turns}]), "s.json"), words)


def test_41_preferences() -> None:
    for row, words in (
        ({"prompt": "a", "chosen": "b", "rejected": "b"}, "row 1: chosen and rejected are equal (the text 'b')"),
        ({"prompt": "a", "chosen": "b", "rejected": None}, "row 1.rejected: found nothing (null), expected an answer"),
        ({"prompt": "Question?", "chosen": "Question? Yes.", "rejected": "Question? No."}, "whole "
         "conversation"),
    ):  # fmt: skip
        assert tells(refuse(json.dumps([row]), "p.json"), words)
    for label, words in (("maybe", "the text 'maybe'"), (0.7, "the number 0.7")):
        data = json.dumps([{"messages": [U, A], "label": label}])
        said = refuse(data, "p.json", mapping=Mapping(messages="messages", liked="label"))
        assert f"row 1.label: found {words}, expected true or false" in said


def test_41_a_prompt_that_stands_twice_is_read_once() -> None:
    row = {"prompt": [U], "chosen": [U, A], "rejected": [U, {**A, "content": "No."}]}
    for mapping in (None, Mapping(input="prompt", output="chosen", rejected="rejected")):
        instance = accept(json.dumps([row]), "p.json", mapping=mapping).task.instances[0]
        assert [turn.content for turn in instance.messages] == ["Hi", "Hello."]
        assert [turn.content for turn in instance.rejected_messages] == ["Hi", "No."]


def test_42_delimiters() -> None:
    assert tells(told("input;output\na;b\nc;d\n", "t.csv"), "semicolons")
    assert tells(told("input\toutput\na\tb\nc\td\n", "t.csv"), "tabs")


def test_42_no_header() -> None:
    with pytest.raises(MappingNeeded) as caught:
        accept("ham,see you at five\nspam,you have won\nham,ok then\n", "t.csv")
    assert caught.value.preview.columns == ("column 1", "column 2")
    said = told("ham,see you at five\nspam,you have won\nham,ok then\n", "t.csv",
                mapping=Mapping(input="column 2", output="column 1"))  # fmt: skip
    assert tells(said, ("ham", "see you at five"))


def test_42_columns_without_a_name_and_twice() -> None:
    said = told("input,output,,\na,b,,\nc,d,x,\n", "t.csv")
    assert tells(said, "3")
    assert tells(said, "4")
    reading = accept("input,output,note,note\na,b,1,2\n", "t.csv")
    assert tells(reading.warnings, "note 4")
    assert reading.task.instances[0].extra == {"note": "1", "note 2": "2"}


def test_42_ragged_rows() -> None:
    said = refuse("input,output\na,b\nc\n", "t.csv")
    assert tells(said, "t.csv 3 1 2 c")
    assert 'in double quotes (")' in said
    assert "line 2: found 3 values, expected 2" in refuse("input,output\na,b,c\nd,e\n", "t.csv")


def test_42_quotes() -> None:
    tsv = 'label\tinput\n0\t"He said so .\n1\tShe said "no .\n0\tok\n'
    reading = accept(tsv, "t.tsv", mapping=Mapping(input="input", output="label"))
    assert len(reading.task.instances) == 3
    assert tells("\n".join(reading.warnings), "4")
    said = refuse('input,output\n"a, b,c\nd,e\nf,g,h\n', "t.csv")
    assert tells(said, "t.csv 2")
    said = told('input,output\n"say "hi" now",b\n"c, too",d\n', "t.csv")
    assert tells(said, "2")
    reading = accept('input,output\n"two\nlines",b\nc,d\n', "t.csv")
    assert reading.task.instances[0].input == "two\nlines"
    assert "line 2, input" in reading.warnings[0]


def test_42_header_only() -> None:
    said = refuse("input,output\n", "t.csv")
    assert tells(said, ("header", "input, output", "rows"))


def test_42_what_spreadsheets_do() -> None:
    said = told("input,output\n=cmd|' /C calc'!A0,b\n007,1.23E+15\n", "t.csv")
    assert tells(said, "2")
    assert tells(said, "3 007")
    assert tells(said, "rounded")


def test_42_no_column_for_the_answer() -> None:
    with pytest.raises(MappingNeeded) as caught:
        accept("name,age,city\nAda,36,London\nBob,40,Paris\n", "t.csv")
    assert tells(caught.value, "t.csv")
    assert tells(caught.value, "input output")
    mapping = Mapping(input=("name", "age"), output="city")
    reading = accept("name,age,city\nAda,36,London\nBob,40,Paris\n", "t.csv", mapping=mapping)
    assert reading.task.instances[0].input == "name: Ada\nage: 36"
    assert reading.task.origin and reading.task.origin.mapping == mapping


def test_a_task_without_its_instances_is_no_table_of_one_row() -> None:
    said = refuse(json.dumps({"Definition": ["Say the colour."], "answer": "red"}))
    assert tells(said, "Instances")
