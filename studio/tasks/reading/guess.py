"""Which columns seem to play which part: a proposal, and whether it may be used unasked.

A shape that is known is only sure where every other column is known to be harmless (`column.py`). Else a person is
asked, and the proposal uses what looks like text to read and names what it leaves out. Knows neither files nor what
becomes of a row (`row.py`).
"""

import re
from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from studio.tasks.mapping import Mapping
from studio.tasks.reading.column import COUNTS, IDS, SYSTEM, Column, Rows, name_plainly
from studio.tasks.reading.role import find_choices, get_value
from studio.tasks.reading.shape import ABOUT_A_TEXT, Roles, Shape, are_labels, find_shape, in_order
from studio.tasks.tool import load_json

_TELLING = 8
"""Letters of a text that can't be in another by chance."""
_LONGEST_LABEL = 40


class Guess(BaseModel):
    """A proposed mapping, what the form of the data is called, and whether it needs to be confirmed.

    `unused` are the columns that it leaves out, `repeated` those among them that only say again what others do.
    `definition` says what to do, where the answers are few labels and nothing else says so.
    """

    model_config = ConfigDict(frozen=True)

    mapping: Mapping | None
    format: str
    sure: bool = False
    unused: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    definition: str = ""


def guess_mapping(rows: Rows, columns: Sequence[str] | None = None) -> Guess:
    """Propose roles for the columns of some rows; `mapping` is None when nothing looks like an answer."""
    names = list(columns) if columns is not None else list(dict.fromkeys(key for row in rows for key in row))
    plain = name_plainly(names)
    return _Guesser([Column(name, plain[name], rows) for name in names], rows).guess()


def propose_definition(mapping: Mapping, rows: Rows) -> str:
    """Return an instruction that names the labels; "" where the answers aren't labels, or the rows say what to do."""
    if mapping.kind != "instruction" or len(mapping.output) != 1 or mapping.instruction or mapping.system:
        return ""
    if any(find_choices(dict(row), mapping.input) for row in rows[:1]):
        return "Answer with the letter of the right choice."
    values = [str(value) for row in rows if (value := get_value(dict(row), mapping.output[0])) not in (None, "")]
    labels = sorted({value.strip() for value in values})
    if not are_labels(values) or any(len(label) > _LONGEST_LABEL for label in labels):
        return ""
    return f"Answer with one of: {', '.join(labels)}."


class _Guesser:
    """Looks at the columns of one table."""

    def __init__(self, columns: list[Column], rows: Rows) -> None:
        self.columns, self.rows = columns, rows
        self.by_name = {column.name: column for column in columns}

    def guess(self) -> Guess:
        shape = find_shape(self.columns)
        if shape is None:
            return Guess(mapping=None, format="a table", unused=tuple(self.by_name))
        roles = self._add_companions(shape.roles)
        used = {name for columns in roles.values() for name in columns}
        others = [column for column in self.columns if column.name not in used]
        repeated = [column for column in others if not column.is_empty and self._repeats(column, used)]
        rest = [column for column in others if column not in repeated and not self._is_harmless(column, shape)]
        roles = self._use(roles, [column for column in rest if self._can_be_read(column)])
        mapping = Mapping(**roles)
        unused = tuple(name for name in self.by_name if name not in mapping.columns)
        exact = all("." not in name and _is_called(self.by_name[name]) for name in used)
        return Guess(
            mapping=mapping,
            format=shape.format,
            sure=shape.sure and exact and not rest,
            unused=unused,
            repeated=tuple(column.name for column in repeated),
        )

    def _add_companions(self, roles: Roles) -> Roles:
        """Add what is known by its name: an id, and beside turns and answers a system text, a history, tools."""
        roles = dict(roles)
        used = {name for columns in roles.values() for name in columns}
        free = [column for column in self.columns if column.name not in used]
        for column in free:
            role = ""
            if column.plain in IDS:
                role = "id"
            elif "text" in roles:
                continue
            elif column.plain in SYSTEM or (column.plain in ("instruction", "instructions") and "messages" in roles):
                role = "system" if not self._repeats(column, used) else ""
            elif column.are_tools and not column.is_empty:
                role = "tools"
            elif column.is_history and "messages" not in roles:
                role = "history"
            elif column.plain in COUNTS and "messages" in roles and column.are_numbers:
                role = "counts"
            if role and role not in roles:
                roles[role] = (column.name,)
        return roles

    def _is_harmless(self, column: Column, shape: Shape) -> bool:
        return (
            column.is_harmless
            or column.is_numbered
            or (shape.format == "running text" and column.plain in ABOUT_A_TEXT)
        )

    def _can_be_read(self, column: Column) -> bool:
        letters = [other for other in self.columns if re.fullmatch("[a-h]", other.plain)]
        is_option = column in letters and len(letters) > 2
        read = column.is_input or column.is_text or is_option
        return read and not column.is_answer_side and not column.is_chat

    def _use(self, roles: Roles, more: list[Column]) -> Roles:
        """Let what looks like text to read be read: before a chat by the system text, else as a part of the input."""
        if not more or "text" in roles:
            return roles
        is_asked = "input" in roles and not any(self.by_name[name].is_chat for name in roles["input"])
        if {"messages", "rejected", "history"} & set(roles) and not is_asked:
            return roles if "system" in roles else {**roles, "system": tuple(column.name for column in more)}
        own = [self.by_name[name] for name in roles.get("input", ())]
        places = {column.name: place for place, column in enumerate(self.columns)}
        return {**roles, "input": in_order(sorted([*own, *more], key=lambda column: places[column.name]))}

    def _repeats(self, column: Column, used: set[str]) -> bool:
        """Whether a column only says what the used ones say: its texts are in theirs, or all of theirs in it."""
        names = [name for name in used if self.by_name[name].plain not in IDS]
        checked = False
        for row in self.rows:
            texts = _list_texts(row.get(column.name))
            others = [text for name in names for text in _list_texts(row.get(name))]
            if not texts:
                continue
            whole, own = "\n".join(others), "\n".join(texts)
            fits = all(text in others or (len(text) >= _TELLING and text in whole) for text in texts)
            if not fits and not (others and all(text in own for text in others)):
                return False
            checked = True
        return checked


def _is_called(column: Column) -> bool:
    """Whether a column is called what it is taken for, and not only much like it."""
    return "".join(filter(str.isalnum, column.name.lower())) == column.plain.replace("_", "")


def _list_texts(value: Any) -> list[str]:
    """The texts in a value, each as one line; of turns what they say."""
    if isinstance(value, str):
        parsed = load_json(value)
        if not isinstance(parsed, str):
            return _list_texts(parsed)
        return [" ".join(value.split())] if value.strip() else []
    if isinstance(value, Dictionary):
        return [text for key, item in value.items() if key not in ("role", "from") for text in _list_texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _list_texts(item)]
    return [] if value is None else [str(value)]
