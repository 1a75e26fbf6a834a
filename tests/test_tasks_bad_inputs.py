"""The 42 bad inputs of the reference: each is answered with place, what was found, what was expected and the way out.

The numbers are those of natural_instructions.md, section 4. A refusal is an error; what is accepted and told is a
warning of the reading; what is a matter of the content is a finding of the quality report.
"""

import json
from typing import Any

import pytest

from studio.errors import TaskError
from studio.tasks.checks.finding import Finding
from studio.tasks.checks.fixes import apply_fix
from studio.tasks.checks.lengths import Limit, measure_lengths
from studio.tasks.checks.report import add_lengths, check_task
from studio.tasks.decoding import MOST_BYTES
from studio.tasks.mapping import Mapping
from studio.tasks.reading import Reading, read_many, read_task
from studio.tasks.repairs import apply_repair, offer_repairs
from studio.tasks.rows import MappingNeeded
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
    assert refuse(b"") == (
        "task1_colour.json: the file is empty (0 bytes). Perhaps the download was stopped; get it again."
    )
    assert "the file is empty (5 bytes)" in refuse(" \n\n  ")


def test_02_byte_order_mark() -> None:
    reading = accept(b"\xef\xbb\xbf" + TEXT.encode())
    assert reading.task == accept(TEXT).task
    (repair,) = reading.repairs
    assert (repair.name, repair.words) == ("mark", "A byte-order mark stood before the text; it was left out")
    assert (repair.changes[0].place, repair.changes[0].before) == ("byte 0", "EF BB BF")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_03_utf_16(encoding: str) -> None:
    reading = accept(TEXT.encode(encoding))
    assert reading.warnings[0].startswith("The file was written in UTF-16")
    assert reading.repairs[0].changes[0].after == "UTF-8"


def test_04_windows_1252() -> None:
    data = change(Definition=["Nævn farven på dyret, også blå."]).encode().decode("unicode_escape").encode("cp1252")
    said = told(data)
    at = data.index(b"\xe6")
    assert f"Byte 0xE6 at {at} is not UTF-8; the file was read as Windows-1252" in said
    assert "which gives \u201c" in said and "Nævn farven" in said


def test_05_truncated() -> None:
    said = refuse(TEXT[:400])
    assert "the end is missing. The text stops at line " in said
    assert "Download or save the file again." in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT.replace('"Misc."\n', '"Misc.",\n', 1), "Delete the comma."),
        (TEXT.replace('"', "'"), "JSON wants double quotes"),
        (TEXT.replace('    "Categories"', '    // kinds\n    "Categories"'), "JSON has no comments. Delete this one."),
        (TEXT.replace('"Categories"', "Categories"), 'needs double quotes: "Categories"'),
    ],
)
def test_06_slips_of_syntax(text: str, words: str) -> None:
    said = refuse(text)
    assert words in said
    assert said.startswith("task1_colour.json, line ") and ", column " in said and " The line is: " in said


def test_07_nan() -> None:
    reading = accept(TEXT.replace('"synthetic"', "NaN"))
    assert reading.warnings[0] == 'Line 6: NaN is not JSON; it was read as "nothing" (null).'
    repair = reading.repairs[0]
    assert (repair.name, repair.count) == ("NaN", 1)
    assert (repair.changes[0].place, repair.changes[0].before, repair.changes[0].after) == ("line 6", "NaN", "null")


def test_08_control_character() -> None:
    said = refuse(TEXT.replace("Say the colour", "Say\tthe colour"))
    assert said.startswith("task1_colour.json, line 12, column 13: a line break or tab stands between quotation marks")
    assert "Write \\n or \\t." in said


def test_09_doubled_key() -> None:
    said = told(TEXT.replace('"Categories"', '"Definition": ["Other."],\n    "Categories"'))
    assert "The key 'Definition' stands twice in one object; the last one was used." in said


def test_10_json_lines_named_json_and_the_reverse() -> None:
    rows = [{"question": "a?", "answer": "b"}, {"question": "c?", "answer": "d"}]
    reading = accept(lines(*rows), "rows.json")
    assert "has one object a line (JSON Lines) though it is called .json" in reading.warnings[0]
    other = accept(json.dumps(rows), "rows.jsonl")
    assert "is one JSON list though it is called .jsonl" in other.warnings[0]
    assert reading.task.instances == other.task.instances


def test_11_broken_json_lines() -> None:
    row = {"question": "a?", "answer": "b"}
    spread = json.dumps(row) + "\n" + json.dumps(row, indent=1) + "\n" + json.dumps(row)
    said = refuse(spread, "rows.jsonl")
    assert said.startswith("rows.jsonl, line 2, column 2: one object is spread over several lines")
    assert "Write it in one line" in said
    joined = json.dumps(row) + "\n" + json.dumps(row) + json.dumps(row) + "\n"
    said = refuse(joined, "rows.jsonl")
    assert said.startswith("rows.jsonl, line 2, column 34: two objects stand in one line, joined without a line break")
    assert "second value begins here" in refuse(json.dumps(row) * 2, "rows.jsonl")


@pytest.mark.parametrize(
    ("data", "kind", "way"),
    [
        (b"%PDF-1.7\n", "a PDF document", "Save the data itself as a .json file."),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture", "Choose the data file instead."),
        (b"<!DOCTYPE html><html>", "a web page (HTML), not the file that the page shows", '"Raw" or "Download"'),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git-LFS pointer", "git lfs pull"),
        (b"b0VIM 8.2", "a swap file of the editor Vim", "beside it"),
        (b"\x00\x00\x00\x01Bud1\x00", "a .DS_Store", "beside it"),
    ],
)
def test_12_another_kind_of_file(data: bytes, kind: str, way: str) -> None:
    said = refuse(data)
    assert f"this is {kind}" in said
    assert "What can be read: JSON, JSON Lines, CSV, Excel (.xlsx), Parquet, plain text" in said
    assert way in said


def test_13_too_big() -> None:
    said = refuse(b" " * (MOST_BYTES + 2**20))
    assert "the file has 51.0 MB; a task file may have at most 50 MB" in said
    assert "cut it into several files and bring them as a ZIP archive" in said


def test_14_conflict_marks() -> None:
    said = refuse(TEXT.replace('    "Categories"', '<<<<<<< HEAD\n    "Categories"'))
    assert ", line 8, column 1: <<<<<<< is a conflict mark that Git left in the file" in said
    assert "keep one of the two versions" in said


def test_15_names(tmp_path: Any) -> None:
    for name in ("Task59 Circa.json", "task063_a.json", "task63_b.json", "deep/task063_a.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(TEXT)
    said = {name: "\n".join(reading.warnings) for name, reading in read_many(tmp_path, "tasks")}  # type: ignore[union-attr]
    assert (
        "Task59 Circa.json: upstream calls its files task123_source_type.json, in small letters and without blanks"
        in (said["Task59 Circa.json"])
    )
    assert "task063_a.json: deep/task063_a.json has the same name; rename one" in said["task063_a.json"]
    assert "task63_b.json: deep/task063_a.json has the same number" in said["task63_b.json"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"hello"', "the file holds the text 'hello' where a task is expected"),
        ("[]", "the file holds a list of 0 where a task is expected"),
        ("[1, 2]", "the file holds a list of 2 where a task is expected"),
    ],
)
def test_16_no_object(text: str, words: str) -> None:
    said = refuse(text)
    assert words in said
    assert "A Natural-Instructions task file is one object with Definition" in said


def test_17_missing_keys() -> None:
    said = refuse(change(Instances=None))
    assert "the key Instances is missing. Of the schema's keys it has Contributors, Source, Categories" in said
    assert "Perhaps 'Instnaces' is meant to be 'Instances': rename it." in refuse(change(Instances=None, Instnaces=[]))
    reading = accept(TEXT.replace('"Input_language"', '"input language"'))
    assert reading.warnings == ("The key 'input language' was read as 'Input_language'.",)
    assert (reading.repairs[0].changes[0].before, reading.repairs[0].changes[0].after) == (
        "input language",
        "Input_language",
    )


def test_18_definition() -> None:
    assert accept(change(Definition="Say the colour.")).task.definition == "Say the colour."
    assert "Definition holds 2 texts; the first is used: \u201cOne.\u201d" in told(change(Definition=["One.", "Two."]))
    for value in ([], [" "], ""):
        said = refuse(change(Definition=value))
        assert "Definition: it is blank." in said and "write in a sentence or two what to do" in said


def test_19_output_of_another_type() -> None:
    reading = accept(instances({"id": "x", "input": "a", "output": "red"}))
    assert reading.repairs[0].words == "The output was a text instead of a list; it was read as a list of one"
    assert (reading.repairs[0].changes[0].before, reading.repairs[0].changes[0].after) == ("red", '["red"]')
    for value, words in ((3, "the number 3"), (True, "true"), (None, "nothing (null)"), ({"a": 1}, "an object")):
        said = refuse(instances({"id": "x", "input": "a", "output": value}))
        assert f"Instances[0].output (id x): found {words}" in said
        assert "expected a list of texts" in said and "Write every right answer as a text" in said
    assert "Instances[0].output[0] (id x): found a list of 1, expected a text" in refuse(
        instances({"id": "x", "input": "a", "output": [["red"]]})
    )


def test_20_texts_for_lists_and_language_codes() -> None:
    reading = accept(change(Categories="Misc.", Input_language="en", Output_language="fa"))
    assert reading.task.categories == ("Misc.",)
    assert "read as a list of one (Categories, Input_language, Output_language)" in reading.warnings[0]
    finding = found("language codes", reading.task)
    assert "found 'en', expected an English name such as 'English'" in finding.words
    assert apply_fix(reading.task, finding).output_languages == ("Persian",)


def test_21_first_form() -> None:
    data = {"Title": "T", "Prompt": "P", "Definition": "D", "Things to Avoid": "-", "Emphasis & Caution": "- ",
            "Instances": TASK["Instances"],
            "Examples": {"Positive Examples": [{"input": "a", "output": "b", "reason": "why"}],
                         "Negative Examples": ["-"]}}  # fmt: skip
    reading = accept(json.dumps(data))
    assert reading.task.positive_examples[0].explanation == "why"
    assert (reading.task.negative_examples, reading.task.things_to_avoid) == ((), "")
    assert "The file is in the schema's first form (v1); it was read as today's (v2)." in reading.warnings
    assert "v1" in [repair.name for repair in reading.repairs]


def test_22_few_examples() -> None:
    words = found("few examples", **{"Negative Examples": []}).words
    assert "Positive Examples: found 1, expected at least 2; Negative Examples: found 0, expected at least 1" in words
    examples = [{"input": "a", "output": "b", "explanation": ""}, {"input": "c", "output": "d"}]
    words = found("no explanation", **{"Positive Examples": examples}).words
    assert "2 of 3 examples have no explanation" in words and "Write it." in words


def test_23_leak_into_the_examples() -> None:
    items = [{"id": "x", "input": "Sky", "output": ["red"]}, {"id": "y", "input": "sea", "output": ["red"]}]
    task = accept(instances(*items)).task
    finding = found("leak into positive examples", task)
    assert finding.words.startswith("1 instance has the input of a positive example, which may be in the prompt: ")
    assert "Instances[0] (id x). The model would be shown what it is asked." in finding.words
    assert [item.id for item in apply_fix(task, finding).instances][:1] == ["y"]
    assert "Instances[1] (id y)" in found("leak into negative examples", task).words


def test_24_unknown_keys() -> None:
    reading = accept(change(**{"Prompt Name": "x"}))
    assert reading.warnings == ("Kept but not used: 'Prompt Name'.",)
    assert reading.task.extra == {"Prompt Name": "x"}


def test_25_instances_of_another_type() -> None:
    said = refuse(change(Instances={"a": {"input": "x", "output": ["y"]}}))
    assert "Instances: found an object with the keys a, expected a list of instances" in said
    assert "Instances[0]: found the text 'x', expected an instance" in refuse(change(Instances=["x"]))
    assert "Instances[0]: found a list of 2, expected an instance" in refuse(change(Instances=[["x", "y"]]))


def test_26_how_many_instances() -> None:
    assert "Instances: the list is empty, so there is nothing to learn from. Add inputs" in refuse(change(Instances=[]))
    assert "found 3, expected at least 26" in found("few instances", Instances=TASK["Instances"][:3]).words
    many = [{"id": f"task1-{n}", "input": f"{n}", "output": [f"{n % 7} of them"]} for n in range(6501)]
    task = accept(change(Instances=many)).task
    finding = found("many instances", task)
    assert "found 6,501, upstream takes at most 6,500" in finding.words
    assert len(apply_fix(task, finding).instances) == 6500


def test_27_input() -> None:
    assert "The input is blank (Instances[0] (id x))" in told(instances({"id": "x", "input": " ", "output": ["a"]}))
    task = accept(instances({"id": "x", "input": " ", "output": ["a"]})).task
    assert "Instances[0] (id x)" in found("blank inputs", task).words
    assert "Instances[0] (id x): the key input is missing; found id, output. Add it" in refuse(
        instances({"id": "x", "output": ["a"]})
    )
    assert "Instances[0].input (id x): found nothing (null), expected a text" in refuse(
        instances({"id": "x", "input": None, "output": ["a"]})
    )
    assert "found the number 7, expected a text. Put it in double quotes." in refuse(
        instances({"id": "x", "input": 7, "output": ["a"]})
    )


@pytest.mark.parametrize("output", [[], [""], ["  "]])
def test_28_blank_output(output: list[str]) -> None:
    reading = accept(instances({"id": "x", "input": "a", "output": output}))
    assert len(reading.task.instances) == 29
    assert "Left out, since the output is blank and there is nothing to learn (Instances[0] (id x))" in reading.warnings
    assert [repair.name for repair in reading.repairs] == ["blank"]


def test_29_ids() -> None:
    reading = accept(instances({"input": "a", "output": ["b"]}))
    assert "Some instances had no id; ids were made of their content." in reading.warnings
    assert reading.task.instances[0].id.startswith("task1-")
    said = told(instances({"id": "task1-0", "input": "a", "output": ["b"]}))
    assert "Two instances had the same id; the later one was given a new one (Instances[1].id task1-0)" in said
    task = accept(instances({"id": "task7-abc", "input": "a", "output": ["b"]})).task
    finding = found("foreign ids", task)
    assert "has an id with another task's number, expected task1-...: Instances[0] (id task7-abc)" in finding.words
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
    assert "has the same answer twice in their output: Instances[0] (id x)" in finding.words
    assert apply_fix(task, finding).instances[0].output == ("red",)


def test_32_labels() -> None:
    words = found("one label").words
    assert "All 30 outputs are 'red'; at least two different ones are expected" in words
    items = [{"id": f"{n}", "input": f"{n}", "output": ["yes" if n % 20 else "no"]} for n in range(100)]
    task = accept(change(Instances=items)).task
    finding = found("skewed labels", task)
    assert "'yes'" in finding.words and "95%" in finding.words and "entropy 0.29" in finding.words
    assert finding.fix == ""  # five of a label say nothing about how many of each there should be


def test_33_white_space_and_variants() -> None:
    words = ["Yes", "yes.", " yes", "No", "no"]
    items = [{"id": f"{n}", "input": f"{n}", "output": [words[n % 5]]} for n in range(100)]
    task = accept(change(Instances=items)).task
    finding = found("label variants", task)
    assert "spell an output otherwise than most do: " in finding.words and "'yes.' for 'Yes'" in finding.words
    assert set(apply_fix(task, finding).labels) == {"Yes", "No"}
    assert "white space at an end of input or output: Instances[2] (id 2)" in found("blanks", task).words
    assert {i.output[0] for i in apply_repair(task, "blanks").instances} == {"Yes", "yes.", "yes", "No", "no"}


def test_34_mojibake() -> None:
    broken = "I\u00e2\u20ac\u2122d like caf\u00c3\u00a9 \u00ef\u00bf\u00bd"
    task = accept(instances({"id": "x", "input": broken, "output": ["a"]})).task
    finding = found("mojibake", task)
    assert "letters that were read in the wrong encoding: Instances[0] (id x)" in finding.words
    offer = next(offer for offer in offer_repairs(task) if offer.name == "mojibake")
    assert (offer.changes[0].before, offer.changes[0].after) == (broken, "I\u2019d like caf\u00e9 \ufffd")
    assert apply_fix(task, finding).instances[0].input == "I\u2019d like caf\u00e9 \ufffd"
    assert "\ufffd" not in found("mojibake", apply_fix(task, finding)).words


def test_35_markup_and_what_cannot_be_seen() -> None:
    items = [{"id": "x", "input": "<script>alert(1)</script> &amp; more", "output": ["a"]},
             {"id": "y", "input": "a\u202egnp.exe b\u200bc\x01", "output": ["one\\ntwo"]}]  # fmt: skip
    task = accept(instances(*items)).task
    assert "HTML tags or entities: Instances[0] (id x); found '<script>'" in found("markup", task).words
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
    assert finding and (finding.severity, finding.title) == ("warning", "Longer than the model can read")
    assert finding.words == (
        "Of 30, 1 instance is longer than 1,024 tokens, all that the model can read; the longest has 3,007: "
        "Instances[0] (id x). Training leaves out what is longer. Shorten it, or choose a model that reads more."
    )
    assert report.lengths and report.lengths.too_long == (0,) and sum(report.lengths.heights) == 30
    assert len(apply_fix(task, finding).instances) == 29


def test_37_right_to_left() -> None:
    items = [{"id": f"{n}", "input": f"text {n}", "output": [f"هذا هو اللون رقم {n}"]} for n in range(30)]
    words = found("script of the output", Instances=items).words
    assert "Outputs are in Arabic script, written from right to left" in words
    assert "the score of this task takes another one" in words
    assert "found texts that look Arabic, expected English" in found("language of the output", Instances=items).words


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
    "no answer": ([U], "row 1.messages: the chat has no assistant turn, found user; there is nothing to learn"),
    "unknown role": ([{"role": "boss", "content": "x"}, A], "row 1.messages[0].role: found the text 'boss', expected "
                                                            "one of system"),
    "empty": ([U, {"role": "assistant", "content": ""}], "row 1.messages[1].content: the assistant turn is empty"),
    "null": ([U, {"role": "assistant", "content": None}], "row 1.messages[1].content: the assistant turn says nothing "
                                                          "(null) and calls no tool"),
    "no role": ([{"content": "x"}, A], "row 1.messages[0]: the turn has no role; found content"),
    "no turns": ([], "row 1.messages: the chat has no turns"),
    "a part without a text": ([{"role": "user", "content": [3]}, A], "row 1.messages[0].content[0]: found the "
                                                                             "number 3"),
}  # fmt: skip


@pytest.mark.parametrize("slip", CHATS)
def test_39_chats(slip: str) -> None:
    messages, words = CHATS[slip]
    rows = [{"messages": messages}, {"messages": [U, A]}]
    said = refuse(json.dumps(rows), "chat.json")
    assert words in said
    assert "Or leave out the 1 of 2 rows that can't be read." in said
    reading = accept(json.dumps(rows), "chat.json", leave_out=True)
    assert len(reading.task.instances) == 1
    assert reading.repairs[0].name == "rows" and words in reading.repairs[0].changes[0].before


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
    assert "The chat has no user turn, so the model learns to speak unasked (line 1.messages)" in said
    assert (
        "The content stood in parts; their texts were joined, and the parts kept (line 2.messages[0].content)" in said
    )


def test_40_sharegpt() -> None:
    h, g = {"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}
    said = told(json.dumps({"conversations": [h, g]}), "s.json")
    assert "a single object where a list of rows is usual; it was read as a list of one" in said
    for turns, words in (
        ([h, {"from": "gpt", "value": ""}], "row 1.conversations[1].value: the assistant turn is empty"),
        ([h, {"from": "alien", "value": "x"}], "row 1.conversations[1].from: found the text 'alien', expected one of"),
    ):
        assert words in refuse(json.dumps([{"conversations": turns}]), "s.json")


def test_41_preferences() -> None:
    for row, words in (
        ({"prompt": "a", "chosen": "b", "rejected": "b"}, "row 1: chosen and rejected are equal (the text 'b')"),
        ({"prompt": "a", "chosen": "b", "rejected": None}, "row 1.rejected: found nothing (null), expected an answer"),
        ({"prompt": "Question?", "chosen": "Question? Yes.", "rejected": "Question? No."}, "hold the whole "
         "conversation"),
    ):  # fmt: skip
        assert words in refuse(json.dumps([row]), "p.json")
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
    assert "The columns are parted by semicolons; they were read as such." in told("input;output\na;b\nc;d\n", "t.csv")
    assert "The columns are parted by tabs" in told("input\toutput\na\tb\nc\td\n", "t.csv")


def test_42_no_header() -> None:
    with pytest.raises(MappingNeeded) as caught:
        accept("ham,see you at five\nspam,you have won\nham,ok then\n", "t.csv")
    assert caught.value.preview.columns == ("column 1", "column 2")
    said = told("ham,see you at five\nspam,you have won\nham,ok then\n", "t.csv",
                mapping=Mapping(input="column 2", output="column 1"))  # fmt: skip
    assert "The first line holds values (ham, see you at five) where the names of the columns are expected" in said
    assert "Write a first line such as input,output." in said


def test_42_columns_without_a_name_and_twice() -> None:
    said = told("input,output,,\na,b,,\nc,d,x,\n", "t.csv")
    assert "A column has no name; it was given its number (column 3)" in said
    assert "A column without a name and without a value was left out (column 4)" in said
    reading = accept("input,output,note,note\na,b,1,2\n", "t.csv")
    assert "Two columns are called 'note'; the later one was given a number (column 4)" in reading.warnings
    assert reading.task.instances[0].extra == {"note": "1", "note 2": "2"}


def test_42_ragged_rows() -> None:
    said = refuse("input,output\na,b\nc\n", "t.csv")
    assert "t.csv, line 3: found 1 value, expected 2, one for each column. The line is: 'c'." in said
    assert 'in double quotes (")' in said
    assert "line 2: found 3 values, expected 2" in refuse("input,output\na,b,c\nd,e\n", "t.csv")


def test_42_quotes() -> None:
    tsv = 'label\tinput\n0\t"He said so .\n1\tShe said "no .\n0\tok\n'
    reading = accept(tsv, "t.tsv", mapping=Mapping(input="input", output="label"))
    assert len(reading.task.instances) == 3
    assert "quotation marks that don't enclose values: read as such, 4 lines would be " in "\n".join(reading.warnings)
    said = refuse('input,output\n"a, b,c\nd,e\nf,g,h\n', "t.csv")
    assert "t.csv, line 2: a quotation mark opens here and is never closed" in said
    said = told('input,output\n"say "hi" now",b\n"c, too",d\n', "t.csv")
    assert "Line 2: a quotation mark stands inside a quoted value, where two are expected" in said
    reading = accept('input,output\n"two\nlines",b\nc,d\n', "t.csv")
    assert reading.task.instances[0].input == "two\nlines"
    assert "A value goes over several lines" in "\n".join(reading.warnings) and "line 2, input" in reading.warnings[0]


def test_42_header_only() -> None:
    said = refuse("input,output\n", "t.csv")
    assert "it has a header (input, output) and no rows below it; at least one row is expected" in said


def test_42_what_spreadsheets_do() -> None:
    said = told("input,output\n=cmd|' /C calc'!A0,b\n007,1.23E+15\n", "t.csv")
    assert "A cell begins like a formula; it is kept as text, and nothing here runs it (line 2, input)" in said
    assert (
        "A number begins with zeros, which a spreadsheet would delete; it is kept as text (line 3, input: 007)" in said
    )
    assert "A number was rounded by a spreadsheet, and its digits are lost" in said


def test_42_no_column_for_the_answer() -> None:
    with pytest.raises(MappingNeeded) as caught:
        accept("name,age,city\nAda,36,London\nBob,40,Paris\n", "t.csv")
    assert "t.csv: The columns are name, age, city, and their names don't say for sure" in str(caught.value)
    assert "No column looks like the answer. Choose input and output." in str(caught.value)
    mapping = Mapping(input=("name", "age"), output="city")
    reading = accept("name,age,city\nAda,36,London\nBob,40,Paris\n", "t.csv", mapping=mapping)
    assert reading.task.instances[0].input == "name: Ada\nage: 36"
    assert reading.task.origin and reading.task.origin.mapping == mapping
