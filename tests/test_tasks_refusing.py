"""What the reader refuses, and the words in which it does: the file, the place, what was found, the way out."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from telling import raises, tells

from studio.errors import TaskError
from studio.tasks.reading.decoding import MOST_BYTES
from studio.tasks.reading.task_file import read_task, read_task_file

TASK: dict[str, Any] = {
    "Definition": ["Say the colour."],
    "Categories": ["Misc."],
    "Instances": [{"id": f"task1-{n}", "input": f"thing {n}", "output": ["red"]} for n in range(9)],
}
TEXT = json.dumps(TASK, indent=4)


def refuse(data: bytes | str, name: str = "colour.json") -> TaskError:
    with pytest.raises(TaskError) as caught:
        read_task(data.encode() if isinstance(data, str) else data, name)
    assert str(caught.value).startswith(name)
    assert len(str(caught.value)) < 700
    return caught.value


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return buffer.getvalue()


WRONG_KINDS = {
    "empty": (b"", "empty"),
    "blank": (b" \n\n ", "empty"),
    "only a mark": (b"\xef\xbb\xbf", "empty"),
    "zip": (zipped("a.json", "b.json"), "ZIP 2 a.json b.json"),
    "xlsx": (zipped("[Content_Types].xml", "xl/workbook.xml"), "Excel"),
    "docx": (zipped("[Content_Types].xml", "word/document.xml"), "a Word document"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
    "png": (b"\x89PNG\r\n\x1a\n\x00\x00", "a PNG picture"),
    "gzip": (b"\x1f\x8b\x08\x00abc", "compressed by gzip"),
    "parquet": (b"PAR1\x15\x04", "the Parquet file is damaged"),
    "html": (b"\n<!DOCTYPE html><html><body>404</body></html>", "HTML"),
    "html upper": (b"<HTML><head>", 'press the "Raw"'),
    "xml": (b"<?xml version='1.0'?><a/>", "an XML document"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "a Git-LFS pointer"),
    "vim": (b"b0VIM 8.2\x00\x00", "swap file"),
    "short text": (b"ok then", "JSON short"),
    "binary": (bytes(range(256)) * 20, "binary"),
    "half letter": ('{"Definition": "caf\u00e9'.encode()[:-1], "end"),
}


@pytest.mark.parametrize("kind", WRONG_KINDS)
def test_wrong_kind_of_file(kind: str) -> None:
    data, words = WRONG_KINDS[kind]
    error = refuse(data)
    assert tells(error, words)
    assert error.field == "file"


def put(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new, 1)


SYNTAX = {
    "truncated": (TEXT[: len(TEXT) // 2], "end", None),
    "truncated in a text": (TEXT[: TEXT.index("thing 4") + 3], "end", None),
    "truncated by one": (TEXT[:-1], "end", None),
    "truncated in a word": ('{"Definition": tru', "end", "line 1"),
    "trailing comma in an object": (put('"Misc."\n    ],', '"Misc."\n    ,],'), "Delete the comma", "line 7"),
    "trailing comma at the end": (TEXT[:-2] + ",\n}", "Delete the comma", None),
    "single quotes": (TEXT.replace('"', "'"), "single ones", "line 2"),
    "a comment": (put('"Categories"', '// kinds\n    "Categories"'), "JSON comments", "line 5"),
    "an unquoted key": (put('"Categories"', "Categories"), 'needs double quotes: "Categories"', "line 5"),
    "python words": (
        put('["Misc."]'.replace("[", "[\n        ").replace("]", "\n    ]"), "None"),
        "JSON writes null",
        "line 5",
    ),
    "curly quotes": (put('"Categories"', "\u201cCategories\u201d"), "word processor", "line 5"),
    "a missing comma": (put("],\n", "]\n"), "comma", "line 5"),
    "a raw line break": (put("Say the", "Say\nthe"), "tab", "line 3"),
    "a lone backslash": (put("Say the", "C:\\data \\x"), "Write two", "line 3"),
    "json lines": ('{"a": 1}\n{"a": 2\n', "end", "line 2"),
    "joined objects": (TEXT + TEXT, "several tasks", "file"),
    "conflict marks": (put('    "Categories"', '<<<<<<< HEAD\n    "Categories"'), "Git left", "line 5"),
    "deep": ("[" * 100_000, "nested hundreds deep", "file"),
    "a long number": ('{"Definition": ' + "1" * 5000 + "}", "more than 4,300 digits", "file"),
}


@pytest.mark.parametrize("slip", SYNTAX)
def test_slips_of_syntax(slip: str) -> None:
    text, words, field = SYNTAX[slip]
    error = refuse(text)
    assert tells(error, words)
    assert field in (None, error.field)


def test_a_slip_shows_line_column_and_the_line() -> None:
    error = refuse(put('"Categories"', "Categories"))
    assert str(error).startswith("colour.json, line 5, column 5: the key Categories needs double quotes")
    assert str(error).endswith("The line is: Categories: [")


def test_a_slip_in_a_long_line_shows_the_place() -> None:
    text = '{"Definition": ["' + "x" * 5000 + '"], "Instances": [1,]}'
    assert str(refuse(text)).endswith('"], "Instances": [1,]}')


def instance(number: int, **changes: Any) -> str:
    data = json.loads(TEXT)
    data["Instances"][number] |= changes
    data["Instances"][number] = {key: value for key, value in data["Instances"][number].items() if value != "absent"}
    return json.dumps(data)


def whole(**changes: Any) -> str:
    return json.dumps({key: value for key, value in (json.loads(TEXT) | changes).items() if value != "absent"})


CONTENT: dict[str, tuple[str, str, str]] = {
    "number as output": (instance(7, output=3), "Instances[7].output",
                         "Instances[7].output task1-7 3 list "
                         "[\"yes\"]"),
    "null output": (instance(7, output=None), "Instances[7].output", "found nothing (null)"),
    "true as output": (instance(7, output=True), "Instances[7].output", "found true"),
    "number in output": (instance(7, output=["a", 3]), "Instances[7].output[1]", "found the number 3, expected a text"),
    "object as output": (instance(2, output={"text": "a"}), "Instances[2].output", "object text"),
    "nested output": (instance(2, output=[["a"]]), "Instances[2].output[0]", "found a list of 1"),
    "number as input": (instance(2, input=5), "Instances[2].input", "found the number 5"),
    "no input": (instance(2, input="absent"), "Instances[2]", "the key input is missing; found id, output"),
    "no output": (instance(2, output="absent"), "Instances[2]", "the key output is missing"),
    "half an emoji": (instance(3, input="a\ud83d"), "Instances[3].input", "half a letter (\\ud83d, at 1)"),
    "a NUL": (instance(3, output=["a\x00b"]), "Instances[3].output[0]", "a NUL character"),
    "a huge cell": (instance(3, input="x" * 200_001), "Instances[3].input", "has 200,001 characters"),
    "no instances": (whole(Instances=[]), "Instances", "empty"),
    "blank outputs only": (whole(Instances=[{"input": "a", "output": [""]}]), "Instances", "nothing to learn"),
    "instances by id": (whole(Instances={"a": {"input": "x"}}), "Instances", "object a "
                                                                             "list"),
    "instances as texts": (whole(Instances=["a"]), "Instances[0]", "found the text 'a', expected an instance"),
    "no Instances": (whole(Instances="absent"), "Instances", "Categories Definition"),
    "no Definition": (whole(Definition="absent"), "Definition", "the key Definition is missing"),
    "a typing slip": (whole(Instances="absent", Instnaces=[]), "Instances", "Instnaces Instances"),
    "nothing of it": ('{"a": 1}', "Definition", "a"),
    "blank definition": (whole(Definition=[" "]), "Definition", "it is blank"),
    "empty definition": (whole(Definition=[]), "Definition", "it is blank"),
    "definition as a number": (whole(Definition=4), "Definition", "found the number 4"),
    "examples as a text": (whole(**{"Positive Examples": "some"}), "Positive Examples", "list"),
    "example without output": (whole(**{"Positive Examples": [{"input": "a"}]}), "Positive Examples[0]",
                               "output is missing"),
    "example as a number": (whole(**{"Positive Examples": [{"input": "a", "output": 3}]}),
                            "Positive Examples[0].output",
                            "found the number 3"),
    "deep in an unknown key": (whole(Odd=json.loads("[" * 60 + "]" * 60)), None, "nested more than 20 "
                                                                                 "deep"),  # type: ignore[dict-item]
    "surrogate in a key": (whole(**{"\ud800": 1}), "a key", "half a letter"),
    "a text": ('"hello"', "file", "the file holds the text 'hello'") ,
    "an empty list": ("[]", "file", "a list of 0"),
    "alpaca without an answer": ('[{"instruction": "a", "input": "", "output": ""}]', "row 1.output",
                                 "blank"),
    "several tasks": (f"[{TEXT}, {TEXT}]", "file", "several"),
    "a list of odd things": ('{"x": [{}, null], "y": null}', "Definition", "x y"),
    "a row that is a number": ('[{"instruction": "a", "output": "b"}, 2]', "row 2",
                               "found the number 2, expected an object"),
}  # fmt: skip


@pytest.mark.parametrize("slip", CONTENT)
def test_slips_of_content(slip: str) -> None:
    text, field, words = CONTENT[slip]
    error = refuse(text)
    assert tells(error, words)
    assert field is None or error.field == field


def test_a_list_of_one_task_is_taken() -> None:
    reading = read_task(f"[{TEXT}]".encode(), "a.json")
    assert any("list of one" in warning for warning in reading.warnings)


def test_too_big_is_known_before_reading(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "big.json"
    with open(path, "wb") as file:
        file.truncate(MOST_BYTES + 1)

    def never(self: Path) -> bytes:
        raise AssertionError("it was read")

    monkeypatch.setattr(Path, "read_bytes", never)
    with raises(TaskError, "big.json 50.0 MB 50"):
        read_task_file(path, "big.json")


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="can't be opened"):
        read_task_file(tmp_path / "gone.json", "C:\\data\\gone.json")


@pytest.mark.parametrize("depth", [0, 300, 600])
def test_deep_brackets_are_refused_from_any_depth_of_calls(depth: int) -> None:
    def call(left: int, do: Callable[[], TaskError]) -> TaskError:
        return call(left - 1, do) if left else do()

    assert "deep" in str(call(depth, lambda: refuse('{"Definition": ["a"], "x": ' + "[" * 5000 + "]" * 5000 + "}")))
