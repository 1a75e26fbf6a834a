"""Text to a JSON value, with words for every way in which it isn't JSON.

Knows the syntax of JSON and the slips people make in it: line, column, the line itself, and what to do. Knows nothing
of tasks. Two things that JSON forbids but Python writes are read with a warning: NaN (as null), and a key that is there
twice.
"""

import json
import math
import re
from collections import Counter
from typing import Any, NoReturn, Self

from studio.errors import TaskError
from studio.tasks.cell import Notes
from studio.tasks.reading.limits import MOST_COLUMNS

_WIDTH = 80
_LINE = re.compile(r"[^\n]*\S[^\n]*")
_COMMENT = re.compile(r"\s*(#|//)")


class Written(float):
    """A number that remembers how its file writes it, for where it becomes a text: 1.50, 1e5."""

    digits: str

    def __new__(cls, digits: str) -> Self:
        made = super().__new__(cls, digits)
        made.digits = digits
        return made

    def __str__(self) -> str:
        return self.digits

    def __reduce__(self) -> tuple[type[float], tuple[str]]:
        return float, (self.digits,)


def read_number(digits: str) -> float:
    """Return a number of JSON, which is written again as it was."""
    value = float(digits)
    return value if repr(value) == digits or not math.isfinite(value) else Written(digits)


def parse(text: str, name: str, notes: Notes) -> Any:
    """Return the value of a JSON text. Raises TaskError with line, column and the way out."""
    collector = _Collector()
    try:
        value = collector.load(text)
    except json.JSONDecodeError as error:
        several = _read_several(text, error, collector)
        if several is None:
            _explain(text, error, name)
        notes.say(f"{len(several):,} objects follow one another; they were read as a list.")
        value = several
    except RecursionError:
        raise TaskError(
            f"{name}: brackets are nested hundreds deep. A task file nests four deep: the file, Instances, one "
            "instance, its output. Write it again in that form.",
            field="file",
        ) from None
    except ValueError:
        raise TaskError(
            f"{name}: it holds a number with more than 4,300 digits, which can't be read. Put it in quotes, as text.",
            field="file",
        ) from None
    collector.tell(text, notes)
    return value


def _read_several(text: str, error: json.JSONDecodeError, collector: "_Collector") -> list[Any] | None:
    """The objects of a text that is nothing but objects, one after the other; None if it is something else."""
    if not error.msg.startswith("Extra data") or "\n" not in text.rstrip():
        return None
    collector.forget()
    found: list[Any] = []
    place = 0
    try:
        while place < len(text):
            value, end = collector.decoder.raw_decode(text, place)
            place = end + len(text[end:]) - len(text[end:].lstrip()) if end < len(text) else end
            found.append(value)
    except ValueError:
        return None
    return found if all(isinstance(value, dict) for value in found) else None


def parse_lines(text: str, name: str, notes: Notes) -> list[tuple[int, Any]] | None:
    """Return (line, value) of every line of JSON Lines; None if the text is something else. Raises TaskError."""
    first = next((found for found in _LINE.finditer(text) if not _COMMENT.match(found.group())), None)
    if first is None or not _LINE.search(text, first.end()) or not _is_object(first.group()):
        return None
    numbered = [(number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    comments = [f"line {number}" for number, line in numbered if _COMMENT.match(line)]
    numbered = [(number, line) for number, line in numbered if not _COMMENT.match(line)] if comments else numbered
    if len(numbered) < 2:
        return None
    for place in comments:
        notes.tally("A comment between the objects was left out", place)
    collector = _Collector()
    found: list[tuple[int, Any]] = []
    for number, line in numbered:
        try:
            value = collector.load(line)
        except json.JSONDecodeError as error:
            raise _explain_line(line, number, error, name, number == numbered[-1][0]) from None
        except (RecursionError, ValueError):
            raise TaskError(
                f"{name}, line {number:,}: brackets are nested hundreds deep, or a number has more than 4,300 digits. "
                "Write the line again.",
                field=f"line {number}",
            ) from None
        found.append((number, value))
    collector.tell(text, notes)
    return found


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _explain_line(line: str, number: int, error: json.JSONDecodeError, name: str, is_last: bool) -> TaskError:
    if error.msg.startswith("Extra data"):
        what = (
            "two objects are on one line, joined without a line break. JSON Lines has one object a line: begin a "
            "new line here."
        )
    elif is_last:
        what = "the end is missing: the last line stops before it is closed. Download or save the file again."
    elif line.strip() in ("{", "[") or not line.rstrip().endswith("}"):
        what = (
            "one object is spread over several lines, where JSON Lines has one object a line. Write it in one line; in "
            "Python, use json.dumps without indent."
        )
    else:
        what = _remedy(line, error, error.pos)
    shown = line[max(0, error.pos - _WIDTH // 2) : error.pos + _WIDTH // 2].strip()
    return TaskError(
        f"{name}, line {number:,}, column {error.pos + 1:,}: {what} The line is: {shown}", field=f"line {number}"
    )


class _Collector:
    """Listens while json reads, and remembers what JSON doesn't allow."""

    def __init__(self) -> None:
        self.decoder = json.JSONDecoder(
            object_pairs_hook=self.pairs, parse_constant=self.constant, parse_float=self.number
        )
        self.forget()

    def forget(self) -> None:
        """Start again."""
        self.doubled: dict[str, int] = {}
        self.odd: dict[str, int] = {}

    def load(self, text: str) -> Any:
        return self.decoder.decode(text)

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(pairs) > MOST_COLUMNS:
            raise TaskError(
                f"An object has {len(pairs):,} keys; one in a task has at most {MOST_COLUMNS:,}. Write a list of "
                "objects, one for each row.",
                field="file",
            )
        made = dict(pairs)
        if len(made) != len(pairs):
            for key, count in Counter(key for key, _ in pairs).items():
                if count > 1:
                    self.doubled[key] = self.doubled.get(key, 0) + 1
        return made

    def constant(self, word: str) -> None:
        self.odd[word] = self.odd.get(word, 0) + 1

    def number(self, digits: str) -> float | None:
        value = read_number(digits)
        if math.isfinite(value):
            return value
        self.odd[digits[:20]] = self.odd.get(digits[:20], 0) + 1
        return None

    def tell(self, text: str, notes: Notes) -> None:
        for word, count in self.odd.items():
            line = _line_of_word(text, word)
            notes.say(
                f'Line {line}: {word} is not JSON; it was read as "nothing" (null)'
                + (f", here and in {count - 1:,} other places." if count > 1 else ".")
            )
            words = "A value that JSON doesn't know was read as nothing (null)"
            notes.ledger.add("NaN", words, f"line {line}", word, "null", count)
        for key, count in self.doubled.items():
            notes.say(
                f"The key {key[:60]!r} appears twice in {'one object' if count == 1 else f'{count:,} objects'}; "
                "the last one was used."
            )


def _line_of_word(text: str, word: str) -> int:
    """The line of the first `word` outside quotes."""
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"|' + re.escape(word), text):
        if match[0] == word:
            return text.count("\n", 0, match.start()) + 1
    return 1


def _explain(text: str, error: json.JSONDecodeError, name: str) -> NoReturn:
    conflict = re.search(r"^(<{7}|>{7}|={7}$)", text, re.MULTILINE)
    if conflict:
        line = text.count("\n", 0, conflict.start()) + 1
        raise _at(
            text,
            name,
            line,
            1,
            f"{conflict[0]} is a conflict mark that Git left in the file. Open it, keep one of the "
            "two versions, delete the lines with <<<<<<<, ======= and >>>>>>>, and save.",
        )
    place = error.pos
    if error.msg.startswith(("Expecting property name", "Expecting value")):
        comma = _trailing_comma(text, place)
        place = place if comma is None else comma
    line, column = text.count("\n", 0, place) + 1, place - text.rfind("\n", 0, place)
    if _is_cut(text, error):
        raise TaskError(
            f"{name}: the end is missing. The text stops at line {text.rstrip().count(chr(10)) + 1} before every "
            "bracket and quotation mark that was opened is closed. Download or save the file again.",
            field=f"line {line}",
        )
    raise _at(text, name, line, column, _remedy(text, error, place))


def _is_cut(text: str, error: json.JSONDecodeError) -> bool:
    rest = text[error.pos :].strip()
    return (
        not rest
        or error.msg.startswith("Unterminated string")
        or re.fullmatch(r"[a-z0-9.-]{1,5}|\\?u?[0-9a-f]{0,3}", rest) is not None
    )


def _trailing_comma(text: str, place: int) -> int | None:
    """The place of the comma, if the thing that wasn't expected is a closing bracket after one."""
    if text[place : place + 1] not in ("]", "}"):
        return None
    before = text[:place].rstrip()
    return len(before) - 1 if before.endswith(",") else None


def _remedy(text: str, error: json.JSONDecodeError, place: int) -> str:
    """What is wrong at `place` and what to write instead."""
    found = text[place : place + 1]
    word = re.match(r"[A-Za-z_][\w ]{0,30}", text[place:])
    if found == ",":
        return "this comma has nothing after it but a closing bracket. Delete the comma."
    if found == "'":
        return "JSON wants double quotes (\") where this has single ones ('). Replace them; in Python, use json.dump."
    if found in "\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb" and found:
        return f'the curly quotation mark {found} was put in by a word processor. Replace it by a straight one (").'
    if found in ("/", "#"):
        return "JSON has no comments. Delete this one."
    if error.msg.startswith("Extra data"):
        return (
            "a second value begins here, after the end of the first. JSON Lines has one whole object a line: part them "
            "by line breaks, and write none inside them. Or put all into one list, separated by commas."
        )
    if error.msg.startswith("Invalid control character"):
        return "a line break or tab is between quotation marks, or the closing one is missing. Write \\n or \\t."
    if error.msg.startswith("Invalid \\"):
        return "this backslash begins nothing that JSON knows. Write two: \\\\."
    if word and word[0] in ("True", "False", "None", "undefined"):
        meant = {"True": "true", "False": "false"}.get(word[0], "null")
        return f"{word[0]} is Python's or JavaScript's word. JSON writes {meant}; in Python, save with json.dump."
    if word and error.msg.startswith("Expecting property name"):
        return f'the key {word[0].strip()} needs double quotes: "{word[0].strip()}".'
    if error.msg.startswith("Expecting ','"):
        return 'a comma is missing before this, or a quotation mark inside a text has no backslash before it (\\").'
    if error.msg.startswith("Expecting ':'"):
        return "a colon is missing between a key and its value."
    return f"a value was expected here ({error.msg}). Correct this place and save the file again."


def _at(text: str, name: str, line: int, column: int, what: str) -> TaskError:
    """An error that shows the line around the column."""
    content = text.split("\n", line)[line - 1]
    start = max(0, column - 1 - _WIDTH // 2)
    shown = content[start : start + _WIDTH].strip()
    return TaskError(f"{name}, line {line:,}, column {column:,}: {what} The line is: {shown}", field=f"line {line}")
