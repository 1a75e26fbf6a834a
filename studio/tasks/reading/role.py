"""What is under each role of one row: the texts and turns that are asked and answered, tools, a system text.

A key that may be left out is as good as an empty one; a value that is no text is written as one, and that is told.
White space stays. Knows roles (`mapping.py`), and not which kind of instance comes of them (`row.py`).
"""

import json
from typing import Any

from studio.errors import TaskError
from studio.tasks.cell import Notes, check_extra, check_text, describe
from studio.tasks.instance import Message
from studio.tasks.mapping import Columns, Mapping
from studio.tasks.reading.choice import Choices, read_choices
from studio.tasks.reading.conversation import looks_like_turns, read_messages
from studio.tasks.tool import read_calls, read_tools
from studio.tasks.written_turn import read_turn


class NoAnswer(TaskError):
    """A row has no answer; `asked` is what it asks, once that was read."""

    asked: str = ""


NOTHING: tuple[Any, ...] = (None, "", [], {})
"""What is as good as a key that is left out."""
Values = dict[str, Any]
Turns = tuple[Message, ...]


def get_value(row: Values, column: str) -> Any:
    """Return what is in a column, or under a key within one: `data.question`. None if nothing does."""
    if column in row:
        return row[column]
    value: Any = row
    for key in column.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def find_choices(row: Values, columns: Columns) -> Choices | None:
    """Return the answers to choose from, where a column holds some."""
    found = (read_choices(column, get_value(row, column)) for column in columns)
    return next((choices for choices in found if choices), None)


class RoleReader:
    """Reads the columns that a mapping names, of one row after the other."""

    def __init__(self, mapping: Mapping, notes: Notes, one_instruction: bool, first_choice: int) -> None:
        self.mapping, self.notes = mapping, notes
        self.one_instruction, self.first_choice = one_instruction, first_choice

    # Turns

    def read_turns(self, row: Values, column: str, place: str, after: Turns = ()) -> Turns:
        """Return the turns of a column, with those before them; a prompt that the column repeats is taken once."""
        value = get_value(row, column)
        if value is None:
            raise self._missing(row, column, "messages", place)
        turns = read_messages(value, f"{place}.{column}", self.notes)
        system = after[:1] if after and after[0].role == "system" else ()
        asked = after[len(system) :]
        for start in (0, len(system)):
            if asked and _are_same(turns[start : start + len(asked)], asked) and len(turns) > start + len(asked):
                self.notes.tally(f"{column} repeats the prompt; it is read once", f"{place}.{column}")
                return turns if start or not system else system + turns
        return after + turns

    def read_before(self, row: Values, place: str) -> Turns:
        """Return the system text and the earlier turns, where the row has them."""
        turns: Turns = ()
        told = [(column, get_value(row, column)) for column in self.mapping.system]
        if self.mapping.kind != "instruction" and self.mapping.messages:
            told += [(column, get_value(row, column)) for column in self.mapping.instruction]
        for column, value in told:
            if value not in NOTHING:
                turns += read_turn({"role": "system", "content": value}, f"{place}.{column}", self.notes)
        if len(turns) > 1:
            turns = (Message(role="system", content="\n\n".join(turn.content for turn in turns)),)
        for column in self.mapping.history:
            if (value := get_value(row, column)) not in NOTHING:
                ends_with = "assistant" if self.mapping.input or self.mapping.instruction else "user"
                turns += read_messages(value, f"{place}.{column}", self.notes, ends_with)
        return turns

    def read_exchange(self, row: Values, place: str) -> Turns:
        """Return what is asked last, and the answer to it, where the mapping names columns for them."""
        turns: Turns = ()
        if self.mapping.input or (self.mapping.instruction and not self.mapping.messages):
            turns += self.read_asked(row, place)
        if not self.mapping.output:
            return turns
        column = self.mapping.output[0]
        value = get_value(row, column)
        if looks_like_turns(value):
            return turns + read_messages(value, f"{place}.{column}", self.notes)
        calls = read_calls(value) if self.mapping.tools and value else None
        if calls:
            return (*turns, Message(role="assistant", extra={"tool_calls": calls}))
        return (*turns, Message(role="assistant", content=self.read_answers(row, self.mapping.output, place)[0]))

    def read_prompt(self, row: Values, place: str) -> Turns:
        """Return the turns before the two answers; none if the answers hold them."""
        before = self.read_before(row, place)
        if self.mapping.messages:
            return before + self.read_turns(row, self.mapping.messages[0], place)
        if not self.mapping.input and not self.mapping.instruction:
            return before
        return before + self.read_asked(row, place)

    def read_asked(self, row: Values, place: str) -> Turns:
        """Return what is asked last: a text is what the user says, turns are themselves."""
        columns = self.mapping.input
        value = get_value(row, columns[0]) if len(columns) == 1 else None
        if looks_like_turns(value) or (isinstance(value, dict) and "messages" in value):
            return read_messages(value, f"{place}.{columns[0]}", self.notes)
        text = self.read_input(row, place)[0]
        has_history = any(get_value(row, column) not in NOTHING for column in self.mapping.history)
        return () if has_history and not text.strip() else (Message(role="user", content=text),)

    def read_tools(self, row: Values, place: str) -> tuple[dict[str, Any], ...]:
        """Return the tools that the row offers, in a column of their own or beside the turns of its input."""
        columns = self.mapping.tools
        if columns:
            return read_tools(get_value(row, columns[0]), f"{place}.{columns[0]}", self.notes)
        value = get_value(row, self.mapping.input[0]) if len(self.mapping.input) == 1 else None
        return read_tools(value.get("tools"), f"{place}.tools", self.notes) if isinstance(value, dict) else ()

    # Texts

    def read_input(self, row: Values, place: str) -> tuple[str, str]:
        """Return what the model reads, and the part of it that was apart from an instruction."""
        own = self._join(row, self.mapping.input, place, "input") if self.mapping.input else ""
        if not self.mapping.instruction or self.one_instruction:
            return own, ""
        column = self.mapping.instruction[0]
        said = self._text(get_value(row, column), column, place)
        if not said.strip() and not own.strip():
            raise TaskError(
                f"{place}.{column}: the instruction is blank. Write what to do, or delete this row.",
                field=f"{place}.{column}",
            )
        return (f"{said}\n\n{own}", own) if own.strip() and said.strip() else (said if said.strip() else own, "")

    def read_answers(self, row: Values, columns: Columns, place: str) -> tuple[str, ...]:
        """Return every right answer; a list holds several."""
        value = get_value(row, columns[0])
        choices = find_choices(row, self.mapping.input) if len(columns) == 1 else None
        texts: tuple[str, ...]
        if choices and (named := choices.name_answer(value, self.first_choice)):
            self.notes.repair("choices", "The number of a choice was read as its letter", place, value, named)
            texts = (named,)
        elif len(columns) == 1 and isinstance(value, list):
            texts = tuple(
                self._text(item, columns[0], f"{place}.{columns[0]}[{n}]", "") for n, item in enumerate(value)
            )
        else:
            texts = (self._join(row, columns, place, "output"),)
        spoken = tuple(text for text in texts if text.strip())
        if not spoken:
            raise NoAnswer(
                f"{place}.{columns[0]}: the answer is blank, so there is nothing to learn. Write it, or delete this "
                "row.",
                field=f"{place}.{columns[0]}",
            )
        return spoken

    def _join(self, row: Values, columns: Columns, place: str, role: str) -> str:
        """The texts of columns, each with its name where there are several; an empty one is left out."""
        if len(columns) == 1:
            value = get_value(row, columns[0])
            if value is None and columns[0] not in row and not (role == "input" and self.mapping.instruction):
                raise self._missing(row, columns[0], role, place)
            return self._text(value, columns[0], place)
        texts = [(column, self._text(get_value(row, column), column, place)) for column in columns]
        said = [(column, text) for column, text in texts if text.strip()]
        if not said and role == "output":
            raise self._missing(row, columns[0], role, place)
        # What goes over several lines begins on a line of its own.
        names = (_shorten(column, columns) for column, _ in said)
        return "\n".join(
            f"{name}:{chr(10) if chr(10) in text else ' '}{text}" for name, (_, text) in zip(names, said, strict=True)
        )

    def _missing(self, row: Values, column: str, role: str, place: str) -> TaskError:
        found = ", ".join(map(str, row))[:100] or "none"
        what = "is empty (null)" if column in row else f"is missing; found {found}"
        kind = NoAnswer if role == "output" else TaskError
        return kind(f"{place}: the key {column} ({role}) {what}. Add it, or delete this row.", field=place)

    def _text(self, value: Any, column: str, place: str, spot: str | None = None) -> str:
        """A value as text. What is no text is written as one, and that is told."""
        where = f"{place}.{column}" if spot is None else place
        if value is None:
            return ""
        if isinstance(value, str):
            return check_text(value, where)
        if isinstance(value, int | float):
            self.notes.repair("texts", "A number was read as a text", where, value, describe(value).split()[-1])
            return str(value).lower() if isinstance(value, bool) else str(value)
        check_extra(value, where)
        if choices := read_choices(column, value):
            return str(choices)
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            self.notes.tally("A list of texts was read as its lines", where)
            return "\n".join(value)
        self.notes.tally("A value with parts was written as JSON", where)
        return check_text(json.dumps(value, ensure_ascii=False), where)


def _shorten(column: str, columns: Columns) -> str:
    """The last part of a nested key, if no other chosen one has the same."""
    last = column.rpartition(".")[2]
    return last if [other.rpartition(".")[2] for other in columns].count(last) == 1 else column


def _are_same(turns: Turns, others: Turns) -> bool:
    return [(turn.role, turn.content.strip()) for turn in turns] == [
        (turn.role, turn.content.strip()) for turn in others
    ]
