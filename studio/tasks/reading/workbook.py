"""Excel workbooks become tables: which sheet holds one, and every cell as its sheet shows it.

Reads the parts of the file itself, for what openpyxl loses: escapes such as `_x000D_` and those that mean themselves
(`_x005F_x000D_`), hidden rows, merged cells, what a formula last showed. Knows no roles and no tasks.
"""

import io
import re
import zipfile
from typing import Any, NamedTuple
from xml.etree import ElementTree as xml

from studio.errors import TaskError
from studio.tasks.cell import Notes
from studio.tasks.read_as import Offer, Option
from studio.tasks.reading.archive import check_zip
from studio.tasks.reading.header import Line, find_frame, has_usual_names
from studio.tasks.reading.limits import check_cells, check_columns, check_letters
from studio.tasks.reading.number_format import is_date_format, show_general, show_number, show_plain_date, show_text
from studio.tasks.reading.table import MOST_ROWS, Row, Table, name_columns, tell_of_spreadsheets

_ESCAPE = re.compile("_x([0-9A-Fa-f]{4})_")
_LONGEST_COLUMN = 6
"""Letters of a column's name; Excel's last is XFD."""
_SYSTEM_DATES = (14, 22, *range(27, 37), *range(50, 59))
"""Built-in formats that each computer shows in its own way."""


class Sheet(NamedTuple):
    """A sheet of a workbook: its name, its part of the file, and whether it is hidden."""

    title: str
    part: str
    is_hidden: bool


class Book(NamedTuple):
    """What all sheets of a workbook share."""

    file: zipfile.ZipFile
    sheets: list[Sheet]
    texts: list[str]
    formats: list[tuple[int, str]]
    from_1904: bool


class Grid(NamedTuple):
    """The rows of a sheet that hold something, each with its number, and what should be said of it."""

    lines: list[Line]
    notes: Notes


def read_excel(data: bytes, name: str, notes: Notes, sheet: str = "") -> Table:
    """Return the table of a workbook's sheet; without a name, of the first visible one that holds a table.

    The other sheets are offered in `notes`. Raises TaskError in words.
    """
    check_zip(data, name)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            book = _open_book(file)
            grids = {sheet.title: _read_grid(book, sheet, name) for sheet in book.sheets}
    except TaskError:
        raise
    except Exception as error:  # a damaged part raises whatever it makes the reader raise
        raise TaskError(
            f"{name}: the Excel workbook is damaged ({str(error)[:100]}). Open it in Excel and save it again, or save "
            "it as CSV (UTF-8).",
            field="file",
        ) from None
    hidden = [one.title for one in book.sheets if one.is_hidden and grids[one.title].lines]
    filled = [one.title for one in book.sheets if not one.is_hidden and grids[one.title].lines]
    if sheet and sheet not in grids:
        raise TaskError(
            f"{name}: there is no sheet {sheet[:60]!r}; found {', '.join(grids)[:200]}. Choose one of these.",
            field="part",
        )
    wide = [title for title in filled if _is_table(grids[title].lines)]
    named = [title for title in wide if has_usual_names(grids[title].lines)]
    chosen = (
        sheet or next(iter(named or wide), "") or next((title for title in filled if len(grids[title].lines) > 1), "")
    )
    if not chosen or len(grids[chosen].lines) < 2:
        also = f" Hidden sheets ({', '.join(hidden)[:100]}) are not read unless they are chosen." if hidden else ""
        raise TaskError(
            f"{name}: the workbook has no sheet with a header and rows. Put the names of the columns into the first "
            f"row, and the examples below.{also}",
            field="file",
        )
    others = [title for title in filled if title != chosen]
    if others:
        notes.say(
            f"Of the sheets, {chosen!r} was read; left out: {', '.join(others)[:200]}. Choose another if that is meant."
        )
    if hidden and chosen not in hidden:
        notes.say(f"Hidden sheets were left out: {', '.join(hidden)[:200]}.")
    notes.take(grids[chosen].notes)
    if len(filled) > 1 or hidden:
        options = tuple(
            Option(value=title, title=title, line=_show_sheet(grids[title].lines, title in hidden))
            for title in dict.fromkeys([chosen, *filled, *hidden])
        )
        notes.offers.append(Offer(name="part", chosen=chosen, options=options))
    return _make_table(grids[chosen].lines, notes)


def _show_sheet(lines: list[Line], is_hidden: bool) -> str:
    """The beginning of a sheet, by which it can be told from the others."""
    first = max(lines[:5], key=lambda line: sum(bool(cell) for cell in line[1]))[1]
    shown = ", ".join(cell for cell in first if cell)[:60]
    return f"{len(lines):,} rows{', hidden' if is_hidden else ''}: {shown}"


def _is_table(lines: list[Line]) -> bool:
    """Whether a sheet holds rows of two cells or more, rather than a title and some sentences."""
    broad = [cells for _, cells in lines if sum(bool(cell.strip()) for cell in cells) > 1]
    return len(broad) > 1 and len(broad) >= 0.5 * len(lines)


def _make_table(lines: list[Line], notes: Notes) -> Table:
    width = max(len(cells) for _, cells in lines)
    header, body = find_frame([(number, cells + [""] * (width - len(cells))) for number, cells in lines], notes, "row")
    body = [(number, cells) for number, cells in body if any(cell.strip() for cell in cells)]
    columns = name_columns(header, [cells for _, cells in body], notes)
    found = [Row(f"row {number}", {column: cells[n] for n, column in columns.items()}) for number, cells in body]
    tell_of_spreadsheets(found, notes)
    return Table(list(columns.values()), found)


# ---- the parts of the file


def _open_book(file: zipfile.ZipFile) -> Book:
    root = xml.fromstring(file.read("xl/workbook.xml"))
    parts = {
        relation.get("Id"): (relation.get("Type") or "", relation.get("Target") or "")
        for relation in xml.fromstring(file.read("xl/_rels/workbook.xml.rels"))
    }
    sheets: list[Sheet] = []
    from_1904 = False
    for node in root.iter():
        kind = _local(node.tag)
        if kind == "workbookPr":
            from_1904 = node.get("date1904") in ("1", "true")
        elif kind == "sheet":
            relation = next(value for key, value in node.attrib.items() if _local(key) == "id")
            type, target = parts[relation]
            if type.endswith("/worksheet"):
                part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
                sheets.append(Sheet(node.get("name") or "", part, node.get("state") in ("hidden", "veryHidden")))
    names = {type.rsplit("/", 1)[-1]: target for type, target in parts.values()}
    return Book(file, sheets, _read_shared(file, names), _read_formats(file, names), from_1904)


def _local(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]


def _open_part(file: zipfile.ZipFile, names: dict[str, str], kind: str) -> Any:
    target = names.get(kind)
    return xml.fromstring(file.read(target.lstrip("/") if target.startswith("/") else f"xl/{target}")) if target else ()


def _read_shared(file: zipfile.ZipFile, names: dict[str, str]) -> list[str]:
    return [_text_of(node) for node in _open_part(file, names, "sharedStrings")]


def _text_of(node: Any) -> str:
    """The text of a cell, its runs of other fonts joined; the readings of East Asian signs are no part of it."""
    found: list[str] = []
    for part in node:
        kind = _local(part.tag)
        if kind == "t":
            found.append(part.text or "")
        elif kind == "r":
            found += [run.text or "" for run in part if _local(run.tag) == "t"]
    return undo_escapes("".join(found))


def undo_escapes(text: str) -> str:
    """Return a text with the letters that Excel writes as `_x000D_`; `_x005F_x000D_` means `_x000D_` itself."""
    if "_x" not in text:
        return text
    undone = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return undone.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # the two halves of an emoji


def _read_formats(file: zipfile.ZipFile, names: dict[str, str]) -> list[tuple[int, str]]:
    """The number and code of the format of each cell style."""
    from openpyxl.styles.numbers import BUILTIN_FORMATS

    own: dict[int, str] = {}
    found: list[tuple[int, str]] = []
    for node in _open_part(file, names, "styles"):
        if _local(node.tag) == "numFmts":
            own = {int(one.get("numFmtId")): one.get("formatCode") or "" for one in node}
        elif _local(node.tag) == "cellXfs":
            for style in node:
                number = int(style.get("numFmtId") or 0)
                found.append((number, own.get(number, BUILTIN_FORMATS.get(number, ""))))
    return found


def _read_grid(book: Book, sheet: Sheet, name: str) -> Grid:
    notes = Notes()
    lines: list[Line] = []
    width = letters = 0
    hidden_rows = hidden_columns = 0
    merged: list[tuple[int, int, int, int]] = []
    number = 0
    with book.file.open(sheet.part) as file:
        for _, node in xml.iterparse(file, events=("end",)):
            kind = _local(node.tag)
            if kind == "row":
                number = int(node.get("r") or number + 1)
                cells = _read_cells(node, number, book, notes, name)
                if any(cells):
                    lines.append((number, cells))
                    width, letters = max(width, len(cells)), letters + sum(map(len, cells))
                    check_cells(width * len(lines), name)
                    check_letters(letters, name)
                    hidden_rows += node.get("hidden") in ("1", "true")
                if len(lines) > MOST_ROWS + 1:
                    raise TaskError(
                        f"{name}: the sheet {sheet.title!r} has more than {MOST_ROWS:,} rows, the most that become one "
                        "task. Save it as CSV and import it as a collection.",
                        field="file",
                    )
                node.clear()
            elif kind == "col" and node.get("hidden") in ("1", "true"):
                hidden_columns += min(100, int(node.get("max") or 1) - int(node.get("min") or 1) + 1)
            elif kind == "mergeCell":
                merged.append(_read_area(node.get("ref") or "A1"))
    if hidden_rows:
        notes.say(f"{hidden_rows:,} hidden row{'s' * (hidden_rows > 1)} of the sheet were read like the others.")
    if hidden_columns:
        notes.say(
            f"{hidden_columns:,} hidden column{'s' * (hidden_columns > 1)} of the sheet were read like the others."
        )
    return Grid(_trim(_spread(lines, merged, notes)), notes)


def _trim(lines: list[Line]) -> list[Line]:
    """Rows without the blank columns before the first that holds something."""
    first = min((next(n for n, cell in enumerate(cells) if cell) for _, cells in lines), default=0)
    return [(number, cells[first:]) for number, cells in lines]


def _spread(lines: list[Line], merged: list[tuple[int, int, int, int]], notes: Notes) -> list[Line]:
    """Give every row of a merged area its value: the sheet shows it beside all of them."""
    at = {number: cells for number, cells in lines}
    last = max(at, default=0)
    for left, top, right, bottom in merged:
        if left != right or top not in at or len(at[top]) <= left or not (value := at[top][left]):
            continue  # merged across columns: a title
        for number in range(top + 1, min(bottom, last) + 1):
            if number in at:
                cells = at[number]
                cells.extend([""] * (left + 1 - len(cells)))
                if not cells[left]:
                    cells[left] = value
                    notes.tally("A merged cell's value was read in each of its rows", f"row {number}")
    return lines


def _column(reference: str) -> int:
    number = 0
    for letter in reference[:_LONGEST_COLUMN]:
        if not letter.isalpha():
            break
        number = number * 26 + ord(letter.upper()) - 64
    return number - 1


def _read_area(reference: str) -> tuple[int, int, int, int]:
    first, _, last = reference.partition(":")
    last = last or first
    rows = [int(re.sub(r"\D", "", corner) or 1) for corner in (first, last)]
    return _column(first), rows[0], _column(last), rows[1]


# ---- cells


def _read_cells(row: Any, number: int, book: Book, notes: Notes, name: str) -> list[str]:
    cells: list[str] = []
    for node in row:
        if _local(node.tag) != "c":
            continue
        reference = node.get("r")
        place = _column(reference) if reference else len(cells)
        text = _read_cell(node, book, notes, reference or f"row {number}")
        if text:
            check_columns(place + 1, name)
            cells.extend([""] * (place - len(cells)))
            cells.append(text)
    return cells


def _read_cell(node: Any, book: Book, notes: Notes, place: str) -> str:
    """What the sheet shows in one cell."""
    kind, value, formula, inline = node.get("t") or "n", None, None, ""
    for part in node:
        tag = _local(part.tag)
        if tag == "v":
            value = part.text
        elif tag == "f":
            formula = part.text or ""
        elif tag == "is":
            inline = _text_of(part)
    if formula is not None and not value:
        if kind == "str":
            return ""  # a formula that last showed an empty text
        notes.tally("A formula without a saved value was read as it is written", f"{place}: ={formula[:40]}")
        return f"={formula}"
    if formula is not None:
        notes.tally("A formula was read as the value that it last showed", f"{place}: ={formula[:40]}")
    number, code = _format_of(node, book)
    if kind == "inlineStr":
        return show_text(inline, code)
    if value is None:
        return ""
    if kind == "s":
        return show_text(book.texts[int(value)], code)
    if kind == "str":
        return show_text(undo_escapes(value), code)
    if kind == "b":
        return "TRUE" if value.strip() in ("1", "true") else "FALSE"
    if kind == "e":
        notes.tally("A cell holds an error of its formula, which was read as it shows", f"{place}: {value[:20]}")
        return value
    if kind == "d":
        return value.removesuffix("T00:00:00").replace("T", " ")
    return _show(value, number, code, book.from_1904, notes, place)


def _format_of(node: Any, book: Book) -> tuple[int, str]:
    style = int(node.get("s") or 0)
    return book.formats[style] if style < len(book.formats) else (0, "General")


def _show(written: str, number: int, code: str, from_1904: bool, notes: Notes, place: str) -> str:
    value = _to_number(written)
    if number in _SYSTEM_DATES or (code and is_date_format(code)):
        shown = None if number in _SYSTEM_DATES else show_number(value, code, from_1904)
        plain = show_plain_date(value, from_1904)
        if shown is None and plain is not None:
            notes.tally(
                "A date that each computer shows in its own way was written as year-month-day", f"{place}: {plain}"
            )
        shown = shown if shown is not None else plain
    else:
        shown = show_general(value) if code in ("", "General", "@") else show_number(value, code, from_1904)
    if shown is None:
        shown = show_general(value)
        notes.tally(
            "A number's format isn't known here, so the number was written without it",
            f"{place}: {shown} ({code[:30]})",
        )
    return shown


def _to_number(written: str) -> int | float:
    text = written.strip()
    return int(text) if re.fullmatch(r"-?\d{1,15}", text) else float(text)
