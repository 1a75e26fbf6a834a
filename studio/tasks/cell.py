"""One value of a task file: is it a text that can be kept, shown and trained on?

Knows what was found, what was expected and how to say so. `Notes` gathers what was accepted but should be said, so that
a slip made in 6,500 instances is one sentence.
"""

import json
from typing import Any

from studio.errors import TaskError
from studio.tasks.read_as import Offer
from studio.tasks.repair import Ledger

LONGEST_TEXT = 200_000
"""Characters of one text; upstream's longest is 35,029."""
DEEPEST = 20
"""Levels of nesting in a key that the schema doesn't name."""


class Notes:
    """What should be said about a file that was accepted; the same thing in many places is said once.

    `offers` are the other ways in which it could be read, `unanswered` what its rows ask that have no answer.
    """

    def __init__(self) -> None:
        self._said: dict[str, list[str]] = {}
        self.ledger = Ledger()
        self.offers: list[Offer] = []
        self.unanswered: list[str] = []

    def say(self, text: str) -> None:
        """Say one thing about the file."""
        self._said.setdefault(text, [])

    def tally(self, text: str, place: str) -> None:
        """Say a thing about one place of many."""
        self._said.setdefault(text, []).append(place)

    def repair(self, name: str, text: str, place: str, before: Any = "", after: Any = "") -> None:
        """Say a repair called `name` in one place of many, with what was there and what was read."""
        self.tally(text, place)
        self.ledger.add(name, text, place, _show(before), _show(after))

    def take(self, others: "Notes") -> None:
        """Say what others say, too; the repairs they gathered stay with them."""
        for text, places in others._said.items():
            self._said.setdefault(text, []).extend(places)

    def texts(self) -> tuple[str, ...]:
        """Return the sentences, each with its places."""
        return tuple(text + _list_places(places) for text, places in self._said.items())


def _show(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _list_places(places: list[str]) -> str:
    if not places:
        return ""
    more = f" and {len(places) - 3:,} more" if len(places) > 3 else ""
    return f" ({', '.join(places[:3])}{more})"


def describe(value: Any) -> str:
    """Say in words what a JSON value is: "the number 3", "nothing (null)", "a list of 2"."""
    if value is None:
        return "nothing (null)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value!s:.40}"
    if isinstance(value, str):
        return f"the text {value[:40]!r}" if value else "an empty text"
    if isinstance(value, list):
        return f"a list of {len(value):,}"
    keys = ", ".join(str(key)[:20] for key in list(value)[:4])
    return f"an object with the keys {keys}" if keys else "an empty object"


def wrong(place: str, found: Any, expected: str, way: str, label: str = "") -> TaskError:
    """An error at `place`; `label` says more about the place, such as an id."""
    return TaskError(f"{place}{label}: found {describe(found)}, expected {expected}. {way}", field=place)


def check_text(value: Any, place: str, label: str = "") -> str:
    """Return `value` if it is a text that can be kept. Raises TaskError."""
    if not isinstance(value, str):
        raise wrong(
            place,
            value,
            "a text",
            "Put it in double quotes." if isinstance(value, int | float) else "Write a text in double quotes.",
            label,
        )
    if len(value) > LONGEST_TEXT:
        raise TaskError(
            f"{place}{label}: the text has {len(value):,} characters; one text may have at most {LONGEST_TEXT:,}. "
            "Perhaps a whole document is in one cell: split it.",
            field=place,
        )
    if "\x00" in value:
        raise TaskError(
            f"{place}{label}: the text holds a NUL character (\\u0000, at {value.index(chr(0)):,}), which no text "
            "should. Delete it.",
            field=place,
        )
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise TaskError(
                f"{place}{label}: the text holds half a letter (\\u{ord(value[error.start]):04x}, at "
                f"{error.start:,}), as when an emoji was cut in two. Delete it, or write the whole letter.",
                field=place,
            ) from None
    return value


def is_plain(value: Any) -> bool:
    """Say whether a value is a text that says something and of which nothing has to be said."""
    if type(value) is not str or len(value) > LONGEST_TEXT or not value or value.isspace() or "\x00" in value:
        return False
    if value.isascii():
        return True
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def read_texts(value: Any, place: str, notes: Notes) -> tuple[str, ...]:
    """Return a list of texts; takes a single text too, and numbers as texts, and leaves out what is nothing."""
    if value is None:
        return ()
    if isinstance(value, str):
        notes.repair(
            "lists", "A text was found where a list is usual; it was read as a list of one", place, value, [value]
        )
        value = [value]
    if not isinstance(value, list):
        raise wrong(place, value, "a list of texts", 'Write it like ["English"].')
    texts = []
    for number, item in enumerate(value):
        if item is None:
            notes.repair("nothing", "Left out, since it holds nothing (null)", f"{place}[{number}]", None)
        elif isinstance(item, int | float):
            texts.append(str(item).lower() if isinstance(item, bool) else str(item))
            notes.repair("texts", "A number was read as a text", f"{place}[{number}]", item, texts[-1])
        else:
            texts.append(check_text(item, f"{place}[{number}]"))
    return tuple(texts)


def read_text(value: Any, place: str) -> str:
    """Return one text; takes nothing as "", and a list of texts as its lines."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "\n".join(check_text(item, f"{place}[{number}]") for number, item in enumerate(value))
    return check_text(value, place)


def check_extras(values: dict[str, Any], place: str) -> dict[str, Any]:
    """Return keys that the schema doesn't name and what is under them, if it can be kept. Raises TaskError."""
    return {
        check_text(key, f"{place}, a key"): check_extra(value, f"{place}.{key[:40]}") for key, value in values.items()
    }


def check_extra(value: Any, place: str, depth: int = 0) -> Any:
    """Return a value under a key the schema doesn't name, if it can be kept as it is. Raises TaskError."""
    if depth > DEEPEST:
        raise TaskError(
            f"{place[:40]}: brackets are nested more than {DEEPEST} deep. Make it flatter, or leave the key out.",
            field=place,
        )
    if isinstance(value, str):
        return check_text(value, place)
    if isinstance(value, dict):
        for key, item in value.items():
            check_text(key, place)
            check_extra(item, f"{place}.{key[:40]}", depth + 1)
    if isinstance(value, list):
        for number, item in enumerate(value):
            check_extra(item, f"{place}[{number}]", depth + 1)
    return value
