"""Delimited text and columnar files: where the header is, what is around it, and values as their file has them."""

import io
import json
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from telling import tells

from studio.errors import TaskError
from studio.tasks.cell import Notes
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.library.writing import write_task
from studio.tasks.read_as import ReadAs, Reading
from studio.tasks.reading.columnar import read_columnar
from studio.tasks.reading.delimited import read_csv
from studio.tasks.reading.rows import MappingNeeded
from studio.tasks.reading.task_file import read_task
from studio.tasks.task import Origin, Task


def read(text: str | bytes, name: str = "a.csv") -> Reading:
    return read_task(text.encode() if isinstance(text, str) else text, name)


def pairs(reading: Reading) -> list[tuple[str, str]]:
    return [(one.input, one.output[0]) for one in reading.task.instances]


def look(text: str) -> tuple[list[str], list[list[str]], str]:
    """The columns, the cells, and what is told of a text."""
    notes = Notes()
    table = read_csv(text, "a.csv", notes)
    assert table is not None
    return table.columns, [list(row.values.values()) for row in table.rows], "\n".join(notes.texts())


HEADERS = [
    ("question,answer\nWhat do we call a reply?,answer\nWhat ends a question?,a question mark\n", True),
    ("text,label\nnice and warm today,label\nit is cold,other\n", True),
    ("frage;antwort\nWie heißt das Wort für Reply?;antwort\nWas ist das für ein Ding?;ein Ding\n", True),
    ("word,meaning\nword,a unit of language\nmeaning,what is meant by it\nidea,what one thinks\n", True),
    ("pergunta,resposta\nO que se dá a uma pergunta?,resposta\nQuem vem hoje à noite?,ninguém\n", True),
    ("name,age\nAda,36\nBob,40\n", True),
    ("v1,v2\nham,see you at five o'clock then\nspam,you have won a lot of money\n", True),
    ("2019,2020\n1.5,2.5\n3.5,4.5\n", False),
    ("ham,see you at five\nspam,you have won\nham,ok then\n", False),
    ("What is 1+1?,2\nWhat is 2+2?,4\nWhat is 3+3?,6\n", False),
    ("2024-01-01,It rained all day.\n2024-01-02,It was dry at last.\n", False),
    ("Is the sky blue today?,yes\nIs the grass red today?,no\nIs it late already?,yes\n", False),
]


@pytest.mark.parametrize(("text", "has_header"), HEADERS)
def test_the_header_is_told_by_form_not_by_one_value(text: str, has_header: bool) -> None:
    columns, rows, _ = look(text)
    assert (columns[0] != "column 1") == has_header
    assert len(rows) == text.count("\n") - has_header


ANSWERS = [("one?", "1"), ("two?", "2")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sep=;\r\nquestion;answer\r\none?;1\r\ntwo?;2\r\n", "semicolons"),
        ('"sep=|"\nquestion|answer\none?|1\ntwo?|2\n', "bars"),
        ("# made by us\n# in May, at home\nquestion,answer\none?,1\ntwo?,2\n", "above"),
        ("# question,answer\none?,1\ntwo?,2\n", ""),
        ("Our questions\n\nquestion,answer\none?,1\ntwo?,2\n", "1"),
        ("Our questions,\n,\nquestion,answer\none?,1\n,\ntwo?,2\n", "1"),
        ("question,answer\none?,1\ntwo?,2\n\nSource: our own\n", "5"),
        ("\n\nquestion,answer\n\none?,1\n\n\ntwo?,2\n\n", ""),
        ("question\tanswer\none?\t1\ntwo?\t2\n", "tabs"),
        ("question,answer\rone?,1\rtwo?,2\r", ""),
        ("\ufeffquestion,answer\none?,1\ntwo?,2", ""),
    ],
)
def test_what_stands_around_a_table(text: str, told: str) -> None:
    reading = read(text)
    assert pairs(reading) == ANSWERS
    assert tells("\n".join(reading.warnings), told)


@pytest.mark.parametrize("cell", ["1.50", "1e5", "007", "TRUE", "1,5", "2024-03-01", "+3", " padded ", "NaN", "null"])
def test_a_cell_stays_the_text_of_its_file(cell: str) -> None:
    quoted = f'"{cell}"'
    assert pairs(read(f"question,answer\nwhich is it?,{quoted}\nand what else?,x y\n"))[0][1] == cell
    assert pairs(read(f"question;answer\nwhich is it?;{cell}\nand what else?;x y\n"))[0][1] == cell


@pytest.mark.parametrize("cell", ["a\nb", "a\r\nb", "a\rb", "a\u2028b", "a\x0bb", "a\x85b", 'say "hi"', "a,b;c\td|e"])
def test_a_cell_keeps_its_line_breaks_and_quotes(cell: str) -> None:
    written = cell.replace('"', '""')
    assert pairs(read(f'question,answer\nwhich?,"{written}"\n"{written}",x\n')) == [("which?", cell), (cell, "x")]


def test_a_decimal_comma_is_no_delimiter() -> None:
    assert pairs(read("frage;answer\n1,5 + 1,5?;3,0\n2,5 + 1,5?;4,0\n".replace("frage", "question"))) == [
        ("1,5 + 1,5?", "3,0"),
        ("2,5 + 1,5?", "4,0"),
    ]


def test_columns_of_one_name_never_become_one() -> None:
    columns, rows, _ = look("note,note,note 2,text\na a a a,b,c,d\ne e e e,f,g,h\n")
    assert len(set(columns)) == 4 and rows[0] == ["a a a a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [("question,answer\na,b\nc\nd,e\nf,g\n", "line 3", "1"),
     ("question,answer\na,b\nc,d,e\nd,e\nf,g\n", "line 3", "3"),
     ("question,answer\na,b\nc,d\nd,e\nfg", "line 5", "stops")],
)  # fmt: skip
def test_a_row_of_another_width_is_a_fault_of_its_own(text: str, place: str, words: str) -> None:
    with pytest.raises(TaskError) as caught:
        read(text)
    assert (
        caught.value.field == place and tells(caught.value, words) and "leave out the 1 of 4 rows" in str(caught.value)
    )
    reading = read_task(text.encode(), "a.csv", leave_out=True)
    assert len(reading.task.instances) == 3 and reading.repairs[0].name == "rows"


def test_a_table_of_one_column_is_a_table() -> None:
    columns, rows, _ = look("text\nOne, two.\nThree, four.\n".replace(",", ""))
    assert (columns, rows) == (["text"], [["One two."], ["Three four."]])


def write(table: Any) -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return buffer.getvalue()


def plain(values: list[Any], type: Any = None, metadata: dict[str, Any] | None = None) -> list[Any]:
    """What is read of a column of values."""
    table = arrow.table({"value": arrow.array(values, type)})
    if metadata:
        told = {"info": {"features": {"value": metadata}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(told)})
    return [row.values.get("value") for row in read_columnar(write(table), "a.parquet", Notes()).rows]


@pytest.mark.parametrize(
    ("values", "type", "read_as"),
    [
        ([{"town": "Oslo"}, {"zone": "Lima"}], None, [{"town": "Oslo"}, {"zone": "Lima"}]),
        ([{"a": {"b": 1}}, {"a": {"c": [{"d": 1}, {"e": 2}]}}], None,
         [{"a": {"b": 1}}, {"a": {"c": [{"d": 1}, {"e": 2}]}}]),
        ([[("a", 1), ("b", 2)], [("c", None)]], arrow.map_(arrow.string(), arrow.int64()),
         [{"a": 1, "b": 2}, {"c": None}]),
        (['{"zone": null}'], None, ['{"zone": null}']),
        ([0.1, 2.5, None], arrow.float32(), [0.1, 2.5, None]),
        ([[0.1, 0.2]], arrow.list_(arrow.float32()), [[0.1, 0.2]]),
        ([Decimal("1.50")], None, ["1.50"]),
        ([date(2024, 3, 1)], None, ["2024-03-01"]),
        ([datetime(2024, 3, 1), datetime(2024, 3, 2)], None, ["2024-03-01", "2024-03-02"]),
        ([datetime(2024, 3, 1), datetime(2024, 3, 2, 9, 5)], None, ["2024-03-01T00:00:00", "2024-03-02T09:05:00"]),
        ([datetime(2024, 3, 1, 9)], arrow.timestamp("us", "Europe/Oslo"), ["2024-03-01T10:00:00+01:00"]),
        ([time(9, 5)], None, ["09:05:00"]),
        ([timedelta(hours=26, minutes=30)], None, ["P1DT2H30M"]),
        (["b", "a", "b"], arrow.dictionary(arrow.int8(), arrow.string()), ["b", "a", "b"]),
        (["x"], arrow.large_string(), ["x"]),
        ([b"caf\xc3\xa9"], None, ["café"]),
    ],
)  # fmt: skip
def test_values_of_arrow_are_what_their_columns_mean(values: list[Any], type: Any, read_as: list[Any]) -> None:
    assert plain(values, type) == read_as


def test_classes_are_read_by_their_names() -> None:
    names = {"names": ["bad", "good"], "_type": "ClassLabel"}
    assert plain([1, 0, -1], None, names) == ["good", "bad", None]
    assert plain([[1, 0]], None, {"feature": names, "_type": "List"}) == [["good", "bad"]]
    assert plain([{"a": 1}], None, {"a": names}) == [{"a": "good"}]


def test_pictures_and_bytes_are_left_out_with_a_count() -> None:
    table = arrow.table(
        {"input": ["a", "b"], "output": ["x", "y"], "image": [{"bytes": b"\xff\xd8", "path": None}] * 2}
    )  # fmt: skip
    reading = read_task(write(table), "a.parquet")
    assert all("image" not in one.extra for one in reading.task.instances)
    assert any("'image'" in text and "2 values left out" in text for text in reading.warnings)


@pytest.mark.parametrize("form", ["file", "stream"])
def test_arrow_files_are_read_too(form: str) -> None:
    table = arrow.table({"question": ["one?", "two?"], "answer": [{"a": None}, {"a": 1}]})
    table = table.set_column(1, "answer", arrow.array(["1", "2"]))
    buffer = io.BytesIO()
    with (arrow.ipc.new_file if form == "file" else arrow.ipc.new_stream)(buffer, table.schema) as writer:
        writer.write_table(table)
    assert pairs(read(buffer.getvalue(), "a.arrow")) == ANSWERS


def test_a_first_line_that_may_be_values_is_told() -> None:
    with pytest.raises(MappingNeeded):
        read("Hello there,Bonjour\nGoodbye,Au revoir\n")
    assert tells(look("Hello there,Bonjour\nBye,Salut\n")[2], ("Hello there", "Bonjour"))


@pytest.mark.parametrize("written", ["1.50", "1e5", "12345678901234567890", "true", "1.0", "-0.0", "0.1", "1E-7"])
def test_a_number_of_json_becomes_the_text_of_its_file(written: str) -> None:
    text = f'[{{"question": "a b c?", "answer": {written}}}, {{"question": "d?", "answer": "e"}}]'
    assert pairs(read(text, "a.json"))[0][1] == written
    listed = text.replace(written, f"[{written}]")
    assert pairs(read(listed, "a.json"))[0][1] == written


ONE, TWO = '{"question": "one?", "answer": "1"}', '{"question": "two?", "answer": "2"}'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{ONE}\n\n{TWO}\n", ""),
        (f"# made by us\n{ONE}\n// the second\n{TWO}", "(line 1, line 3)"),
        (f"{ONE}\n{TWO}".replace(", ", ",\n  "), "2 objects"),
        (f"\ufeff[{ONE},\n{TWO}]", "byte-order"),
        (f'{{"test": [{ONE}], "train": [{ONE}, {TWO}]}}', "left out beside them: test"),
        (f"{ONE}\r\n{TWO}\r\n", ""),
    ],
)
def test_forms_of_json(text: str, told: str) -> None:
    reading = read(text, "a.json")
    assert pairs(reading) == ANSWERS
    repaired = [one.words for one in reading.repairs]
    assert told in "\n".join((*reading.warnings, *repaired))


def test_another_list_of_a_json_file_may_be_chosen() -> None:
    data = f'{{"test": [{TWO}], "train": [{ONE}, {TWO}]}}'.encode()
    offer = read_task(data, "a.json").offers[0]
    assert (offer.name, offer.chosen, [one.value for one in offer.options]) == ("part", "train", ["test", "train"])
    assert pairs(read_task(data, "a.json", read_as=ReadAs(part="test"))) == [("two?", "2")]


LETTERS = "ab ,;|\t\r\n\"'=+-@#\u2028\x0b\x85\ufeff😀é"
ODD = st.text(st.sampled_from(LETTERS), min_size=1, max_size=12).filter(str.strip)


def make_task(rows: list[tuple[str, str]]) -> Task:
    instances = tuple(Instruction(id=str(n), input=asked, output=(said,)) for n, (asked, said) in enumerate(rows))
    return Task(task_id="task1_x", definition="", instances=instances, origin=Origin(format="x"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(ODD, ODD), min_size=2, max_size=4))
def test_a_table_that_a_studio_wrote_comes_back_equal(rows: list[tuple[str, str]]) -> None:
    name, text = write_task(make_task(rows), "csv")
    assert pairs(read(text, name)) == rows


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(ODD, ODD), min_size=2, max_size=4), st.sampled_from(["v2", "alpaca"]))
def test_other_forms_come_back_equal(rows: list[tuple[str, str]], form: str) -> None:
    name, text = write_task(make_task(rows), form)
    assert pairs(read(text, name)) == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('input,output\r\n"x,y\nz",w\r\na,b\r\n', [("x,y\nz", "w"), ("a", "b")]),
        ('input,output\na,b\n"c\n\nd",e\n,f\n', [("a", "b"), ("c\n\nd", "e"), ("", "f")]),
        ("input,output\r\n'=1+1,'-x\r\n''+y,b\r\n", [("=1+1", "-x"), ("'+y", "b")]),
        ("question,answer\na,'=1+1\n", [("a", "'=1+1")]),
    ],
)
def test_quotes_and_marks_of_tables(text: str, rows: list[tuple[str, str]]) -> None:
    assert pairs(read(text)) == rows
