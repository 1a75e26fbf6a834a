"""What is read of workbooks: cells as their sheet shows them, the sheet that holds a table, and nothing in silence."""

import io
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from telling import tells

from studio.errors import TaskError
from studio.tasks.read_as import ReadAs, Reading
from studio.tasks.reading.rows import MappingNeeded
from studio.tasks.reading.task_file import read_task

Fill = Callable[[Any], None]


def save(book: Any, change: Callable[[str, bytes], bytes] | None = None) -> bytes:
    """The bytes of a workbook; `change` edits its parts as another program would have written them."""
    buffer = io.BytesIO()
    book.save(buffer)
    if change is None:
        return buffer.getvalue()
    changed = io.BytesIO()
    with zipfile.ZipFile(buffer) as before, zipfile.ZipFile(changed, "w") as after:
        for name in before.namelist():
            after.writestr(name, change(name, before.read(name)))
    return changed.getvalue()


def make(rows: list[list[Any]], fill: Fill | None = None) -> Any:
    book = Workbook()
    for row in rows:
        book.active.append(row)
    if fill:
        fill(book)
    return book


def read(book: Any, name: str = "a.xlsx") -> Reading:
    return read_task(book if isinstance(book, bytes) else save(book), name)


def pairs(reading: Reading) -> list[tuple[str, str]]:
    return [(one.input, one.output[0]) for one in reading.task.instances]


def said(reading: Reading) -> str:
    return "\n".join(reading.warnings)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("one_x000D_\ntwo", "one\r\ntwo"), ("a_x0009_b", "a\tb"), ("_x005F_x000D_", "_x000D_"), ("x_x00e9_", "xé"),
     ("_xD83D__xDE00_", "😀"), ("snake_x_case", "snake_x_case"), ("_x12_", "_x12_"), ("  ends  ", "  ends  "),
     ("a\nb", "a\nb")],
)  # fmt: skip
def test_escapes_are_undone(written: str, meant: str) -> None:
    book = save(make([["question", "answer"], ["Which?", "PLACE"], ["And?", "b"]]), lambda name, data: (
        data.replace(b"<t>PLACE</t>", f'<t xml:space="preserve">{written}</t>'.encode())
    ))  # fmt: skip
    assert pairs(read(book)) == [("Which?", meant), ("And?", "b")]


def test_runs_of_other_fonts_are_one_text_without_readings() -> None:
    rich = b"<r><rPr><b/></rPr><t>bo</t></r><r><t>ld</t></r><rPh sb='0' eb='1'><t>yomi</t></rPh>"
    book = save(make([["question", "answer"], ["Which?", "PLACE"]]), lambda name, data: (
        data.replace(b"<t>PLACE</t>", rich)
    ))  # fmt: skip
    assert pairs(read(book)) == [("Which?", "bold")]


VALUES: list[tuple[Any, str, str]] = [
    (datetime(2024, 3, 1), "DD.MM.YYYY", "01.03.2024"),
    (date(2024, 3, 1), "yyyy-mm-dd", "2024-03-01"),
    (datetime(2024, 3, 1, 9, 5), "yyyy-mm-dd hh:mm", "2024-03-01 09:05"),
    (time(9, 5), "hh:mm", "09:05"),
    (timedelta(hours=30), "[h]:mm", "30:00"),
    (7, "00000", "00007"),
    (0.25, "0%", "25%"),
    (3.5, "0.00", "3.50"),
    (1234.5, "#,##0.00", "1,234.50"),
    (1234.5, '"$"#,##0.00', "$1,234.50"),
    (12345678901234, "General", "12345678901234"),
    (True, "General", "TRUE"),
    (0.1 + 0.2, "General", "0.3"),
]


@pytest.mark.parametrize(("value", "code", "shown"), VALUES)
def test_a_cell_is_what_its_sheet_shows(value: Any, code: str, shown: str) -> None:
    book = make([["question", "answer"], ["Which?", "x"], ["Other?", "y"]])
    book.active["B2"] = value
    book.active["B2"].number_format = code
    assert pairs(read(book))[0] == ("Which?", shown)


@pytest.mark.parametrize(
    ("code", "shown", "words"),
    [("mm-dd-yy", "2024-03-01", "each computer shows"), ("[$-407]d. mmmm yyyy", "2024-03-01", "each computer shows"),
     ("[$-411]ggge", "2024-03-01", "each computer"), ("[DBNum1]0", "45352", "format isn't known")],
)  # fmt: skip
def test_a_format_that_is_not_known_is_told(code: str, shown: str, words: str) -> None:
    book = make([["question", "answer"], ["Which?", 45352], ["Other?", "y"]])
    book.active["B2"].number_format = code
    reading = read(book)
    assert pairs(reading)[0][1] == shown
    assert tells(said(reading), words) and "B2" in said(reading)


def test_days_count_from_1904_where_the_workbook_says_so() -> None:
    book = make([["question", "answer"], ["Which?", 45352 - 1462], ["Other?", "y"]])
    book.active["B2"].number_format = "yyyy-mm-dd"
    book.epoch = CALENDAR_MAC_1904
    assert pairs(read(book))[0][1] == "2024-03-01"


def with_value(formula: bytes, inner: bytes) -> bytes:
    """A workbook whose cell B2 holds a formula and what it last showed."""
    pattern = rb'<c r="B2"[^>]*><f>' + re.escape(formula) + rb"</f><v */?>(</v>)?</c>"
    rows = [["question", "answer"], ["Which?", "=" + formula.decode()], ["Other?", "y"]]
    return save(make(rows), lambda name, data: re.sub(pattern, inner, data))


def test_a_formula_is_read_by_what_it_last_showed() -> None:
    reading = read(with_value(b"1+1", b'<c r="B2"><f>1+1</f><v>2</v></c>'))
    assert pairs(reading)[0][1] == "2"
    assert "last showed (B2: =1+1)" in said(reading)
    reading = read(with_value(b"1+1", b'<c r="B2"><f>1+1</f></c>'))
    assert pairs(reading)[0][1] == "=1+1"
    assert tells(said(reading), "value")
    reading = read(with_value(b"1/0", b'<c r="B2" t="e"><f>1/0</f><v>#DIV/0!</v></c>'))
    assert pairs(reading)[0][1] == "#DIV/0!"
    assert "an error" in said(reading) and "B2: #DIV/0!" in said(reading)
    reading = read(with_value(b"A2", b'<c r="B2" t="str"><f>A2</f><v>a_x000D_b</v></c>'))
    assert pairs(reading)[0][1] == "a\rb"


ROWS = [["question", "answer"], ["Which?", "this"], ["Other?", "that"], ["Third?", "more"]]
PAIRS = [("Which?", "this"), ("Other?", "that"), ("Third?", "more")]


def test_a_cover_sheet_before_the_data() -> None:
    def fill(book: Any) -> None:
        cover = book.create_sheet("About", 0)
        cover["B2"], cover["B4"], cover["B5"] = "My data", "Made by the team.", "Ask before you share it."
        book.create_sheet("Empty", 0)

    reading = read(make(ROWS, fill))
    assert pairs(reading) == PAIRS
    assert tells(said(reading), "Sheet")


def test_a_cover_sheet_of_two_columns_and_another_sheet_by_name() -> None:
    def fill(book: Any) -> None:
        cover = book.create_sheet("About", 0)
        for row in (["Made by", "the team"], ["Date", "May"], ["Version", "two"]):
            cover.append(row)
        more = book.create_sheet("More")
        for row in (["question", "answer"], ["Else?", "yes"], ["More?", "no"]):
            more.append(row)

    data = save(make(ROWS, fill))
    reading = read(data)
    assert pairs(reading) == PAIRS
    offer = reading.offers[0]
    assert (offer.name, offer.chosen, {one.value for one in offer.options}) == (
        "part",
        "Sheet",
        {"Sheet", "About", "More"},
    )
    assert pairs(read_task(data, "a.xlsx", read_as=ReadAs(part="More"))) == [("Else?", "yes"), ("More?", "no")]
    with pytest.raises(MappingNeeded) as asked:
        read_task(data, "a.xlsx", read_as=ReadAs(part="About"))
    assert asked.value.preview.offers[0].chosen == "About"
    with pytest.raises(TaskError) as wrong:
        read_task(data, "a.xlsx", read_as=ReadAs(part="None"))
    assert wrong.value.field == "part" and "More" in str(wrong.value)


def test_hidden_sheets_rows_and_columns_are_told() -> None:
    def fill(book: Any) -> None:
        lists = book.create_sheet("Lists", 0)
        for row in (["question", "answer"], ["hidden", "hidden"], ["no", "no"]):
            lists.append(row)
        lists.sheet_state = "hidden"
        book["Sheet"].row_dimensions[3].hidden = True
        book["Sheet"].column_dimensions["D"].hidden = True

    reading = read(make(ROWS, fill))
    assert pairs(reading) == PAIRS
    assert tells(said(reading), "Hidden Lists")
    assert "1 hidden row of the sheet" in said(reading) and "1 hidden column of the sheet" in said(reading)


def test_a_table_need_not_begin_in_the_corner_nor_end_with_the_sheet() -> None:
    book = Workbook()
    sheet = book.active
    sheet["C2"] = "Questions of the year"
    for place, row in enumerate(ROWS, start=4):
        sheet.cell(place, 3, row[0])
        sheet.cell(place, 4, row[1])
    sheet["C10"] = "Source: our own."
    reading = read(book)
    assert pairs(reading) == PAIRS
    assert tells(said(reading), "2")
    assert tells(said(reading), "10")


def test_a_merged_cell_stands_in_each_of_its_rows() -> None:
    book = make([["question", "answer"], ["Which?", "a"], [None, "b"], ["Other?", "c"]])
    book.active.merge_cells("A2:A3")
    reading = read(book)
    assert pairs(reading) == [("Which?", "a"), ("Which?", "b"), ("Other?", "c")]
    assert "merged" in said(reading) and "row 3" in said(reading)


def test_a_column_without_a_name_is_told_not_dropped() -> None:
    reading = read(make([["question", "answer"], ["a b c?", "d", "e"], ["f g h?", "i", None]]))
    assert reading.task.instances[0].extra == {"column 3": "e"}


@pytest.mark.parametrize(
    ("data", "kind"),
    [(b"\xd0\xcf\x11\xe0" + bytes(600), ".xls"), (b"PK\x03\x04" + bytes(26) +
      b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet", ".ods"),
     (b"PK\x03\x04" + bytes(26) + b"xl/workbook.bin", ".xlsb")],
)  # fmt: skip
def test_other_workbooks_are_refused_with_the_way_out(data: bytes, kind: str) -> None:
    with pytest.raises(TaskError) as caught:
        read_task(data, "a")
    assert caught.value.field == "file" and kind in str(caught.value) and ".xlsx" in str(caught.value)
