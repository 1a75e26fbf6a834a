"""Where a table begins and ends among rows of cells, and whether its first row names the columns.

Goes by form over all rows: title lines and comments are above a header, notes below the last row; a header is unlike
what is under it. That one value equals its column's name says little. Knows neither files nor what a column means.
"""

import re
from collections import Counter
from statistics import median
from typing import NamedTuple

from studio.tasks.cell import Notes

Line = tuple[int, list[str]]
"""A row with the line it begins in."""

_LOOKED_AT = 500
_MOST_ABOVE = 30
_MOST_BELOW = 10
_USUAL = frozenset(
    "answer answers article body category chosen class completion content context date description document id input "
    "inputs instruction instructions label labels language message messages name note notes output outputs prompt "
    "query question questions rating rejected response review score sentence source split summary system target "
    "targets text title topic translation type url value".split()
)
"""Names that people give columns, whatever they mean by them."""
_NUMBER = re.compile(r"[-+]?[$€£¥]?\d[\d.,' ]*([eE][-+]?\d+)?\s?[%€$]?")
_DATE = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([ T]\d.*)?|\d{1,2}:\d{2}(:\d{2})?")


class Frame(NamedTuple):
    """The names of the columns, or as many blanks where the file names none; and the rows below."""

    header: list[str]
    body: list[Line]


def find_frame(lines: list[Line], notes: Notes, place: str = "line") -> Frame:
    """Part a table from what is around it; `lines` hold something, and blank ones are skipped."""
    width = _usual_width(lines)
    lines = _cut_below(lines, width, notes, place)
    filled = [line for line in lines if any(map(str.strip, line[1]))]
    if len(filled) < len(lines):
        for number, cells in lines:
            if cells and not any(map(str.strip, cells)):
                notes.tally("A row of blank cells was left out", f"{place} {number}")
    comment, lines = _cut_above(filled, width, notes, place)
    header, body = lines[0][1], lines[1:]
    if comment and len(comment) == len(header) and weigh_header(header, body) < 0:
        return Frame(comment, lines)
    found = weigh_header(header, body)
    if found < 0:
        notes.say(
            f"The first {place} holds values ({', '.join(header)[:60]}) where the names of the columns are expected; "
            "it was read as a row, and the columns were numbered. Write a first line such as input,output."
        )
        return Frame([""] * len(header), lines)
    if found == 0 and any(header):
        notes.say(f"The first {place} ({', '.join(header)[:60]}) was read as the names of the columns.")
    return Frame(header, body)


def _count(cells: list[str]) -> int:
    return sum(bool(cell.strip()) for cell in cells)


def _usual_width(lines: list[Line]) -> int:
    """How many cells of a row are usually filled."""
    counts = Counter(count for _, cells in lines[:_LOOKED_AT] if (count := _count(cells)))
    most = max(counts.values(), default=0)
    return max((width for width, count in counts.items() if count == most), default=0)


def _cut_below(lines: list[Line], width: int, notes: Notes, place: str) -> list[Line]:
    """Leave out single cells that are below the table, after a blank row."""
    for number in range(len(lines) - 1, max(0, len(lines) - 1 - _MOST_BELOW), -1):
        skipped = place == "row" and lines[number][0] - lines[number - 1][0] > 1  # a text's blank lines are among them
        gap = skipped or not _count(lines[number - 1][1])
        if width < 2 or _count(lines[number][1]) > 1:
            break
        if gap and _count(lines[number][1]):
            for line, cells in lines[number:]:
                if _count(cells):
                    notes.tally("A note below the table was left out", f"{place} {line}: {_first(cells)}")
            return lines[:number]
    return lines


def _cut_above(lines: list[Line], width: int, notes: Notes, place: str) -> tuple[list[str], list[Line]]:
    """Leave out comments and title lines above the table; returns the last comment's cells, which may be its header."""
    comment: list[str] = []
    start = 0
    for line, cells in lines[: min(_MOST_ABOVE, len(lines) - 1)]:
        is_comment = cells[0].lstrip().startswith("#") and not _count(cells) == width == 1
        if not is_comment and (width < 2 or _count(cells) >= max(2, (width + 1) // 2)):
            break
        if (
            is_comment
            and weigh_header([cells[0].lstrip("# "), *cells[1:]], lines[start + 1 :]) > 0
            and _fits(cells, lines[start + 1 :], width)
        ):
            break
        comment = [cells[0].lstrip("# "), *cells[1:]] if is_comment else comment
        notes.tally("A line above the table was left out", f"{place} {line}: {_first(cells)}")
        start += 1
    return comment, lines[start:]


def _fits(cells: list[str], below: list[Line], width: int) -> bool:
    """Whether a line that begins with # is the header: as wide as the table, and no header is below it."""
    return _count(cells) == width and bool(below) and weigh_header(below[0][1], below[1:]) <= 0


def _first(cells: list[str]) -> str:
    return next((cell.strip()[:60] for cell in cells if cell.strip()), "")


def has_usual_names(lines: list[Line]) -> bool:
    """Say whether a row near the top holds two names that people give columns."""
    return any(sum(_is_usual(cell) for cell in cells) > 1 for _, cells in lines[:_MOST_ABOVE])


def _is_usual(name: str) -> bool:
    return re.sub(r"[^a-z]", "", name.lower()) in _USUAL


def weigh_header(header: list[str], body: list[Line]) -> int:
    """Return how much the first row looks like names of columns: below 0 it looks like the rows under it."""
    score = 0
    for n, cell in enumerate(header):
        if cell.strip():
            below = [text for _, cells in body[:_LOOKED_AT] if n < len(cells) and (text := cells[n].strip())]
            score += _weigh(cell.strip(), below)
    return score


def _weigh(name: str, below: list[str]) -> int:
    form = _form(name)
    if len(name) > 80 or form != "words":
        return -3
    score = 3 if _is_usual(name) else 0
    if not below:
        return score
    if sum(_form(text) != "words" for text in below) > 0.8 * len(below):
        return score + 2
    words, usual = len(name.split()), median(len(text.split()) for text in below)
    if words <= 2 and usual >= 2 * words + 1 and min(len(text.split()) for text in below) > words:
        score += 2
    elif words <= 3 and usual >= words + 2:
        score += 1
    elif words >= 4 and words >= 0.7 * usual:
        score -= 1
    if name[-1] in ".!?" and sum(text[-1] == name[-1] for text in below) > 0.5 * len(below):
        score -= 2
    if name in below:
        repeats = len(set(below)) <= 0.5 * len(below) and below.count(name) > 1
        score -= 2 if repeats else 1
    return score


def _form(text: str) -> str:
    if _NUMBER.fullmatch(text):
        return "number"
    if _DATE.fullmatch(text):
        return "date"
    return "words" if text.lower() not in ("true", "false") else "verdict"
