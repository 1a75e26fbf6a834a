"""One row of a table, whatever its columns are called, becomes an instance: an input with its answer, a chat, a pair.

Knows roles (`mapping.py`) and what may stand under each. What plays no part is kept in `extra`. Knows no files.
"""

from collections.abc import Callable
from typing import Any, Protocol

from studio.errors import TaskError
from studio.tasks.cell import Notes, check_extra, check_text, describe, wrong
from studio.tasks.conversation import check_turns, read_messages
from studio.tasks.kinds import list_keys
from studio.tasks.kinds.chat import Chat
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.kinds.preference import Preference
from studio.tasks.kinds.rating import Rating
from studio.tasks.kinds.text import Text
from studio.tasks.mapping import Mapping
from studio.tasks.schema import Ids
from studio.tasks.task import Instance, Message

OWN_INPUT = "own_input"
"""In `extra`: the part of an input that stood apart from its instruction, as in Alpaca."""

_LIKED = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class IdChooser(Protocol):
    """Gives every row an id."""

    def choose(self, given: Any, text: str, output: tuple[str, ...], place: str) -> str:
        """Return the id that was given, or another."""
        ...


class RowReader:
    """Makes instances of rows by one mapping; `as_chat` makes chats of rows that have a system text or a history."""

    def __init__(self, mapping: Mapping, task_id: str, notes: Notes, one_instruction: bool, as_chat: bool) -> None:
        self.mapping = mapping
        self.notes = notes
        self.one_instruction = one_instruction
        self.as_chat = as_chat
        # A format without ids has nothing to repair, so only a chosen column's are told.
        self.ids: IdChooser = Ids(task_id, notes if mapping.id else Notes())

    def read(self, row: dict[str, Any], place: str) -> Instance:
        """Return the row's instance. Raises TaskError naming row and column."""
        makers: dict[str, Callable[[dict[str, Any], str], Instance]] = {
            "instruction": self._read_pair,
            "chat": self._read_chat,
            "preference": self._read_preference,
            "rating": self._read_rating,
            "text": self._read_running_text,
        }
        instance = makers[self.mapping.kind](row, place)
        given = row.get(self.mapping.id[0]) if self.mapping.id else None
        taken = list_keys()
        rest = {
            f"{key} (column)" if key in taken else key: check_extra(value, f"{place}.{key}")
            for key, value in row.items()
            if key not in self.mapping.columns
        }
        return instance.model_copy(
            update={
                "id": self.ids.choose(given, instance.input, instance.output, place),
                "extra": {**rest, **instance.extra},
            }
        )

    def _read_pair(self, row: dict[str, Any], place: str) -> Instruction | Chat:
        text, own = self._read_input(row, place)
        output = self._read_answers(row, self.mapping.output, place)
        extra = {OWN_INPUT: own} if own else {}
        if not self.as_chat:
            return Instruction(id="-", input=text, output=output, extra=extra)
        turns = self._read_before(row, place) + (Message(role="user", content=text),)
        return Chat(id="-", messages=(*turns, Message(role="assistant", content=output[0])), extra=extra)

    def _read_running_text(self, row: dict[str, Any], place: str) -> Instance:
        return Text(id="-", output=self._read_answers(row, self.mapping.text, place))

    def _read_chat(self, row: dict[str, Any], place: str) -> Chat:
        column = self.mapping.messages[0]
        messages = self._read_before(row, place) + read_messages(row.get(column), f"{place}.{column}", self.notes)
        check_turns(messages, f"{place}.{column}", self.notes)
        return Chat(id="-", messages=messages)

    def _read_rating(self, row: dict[str, Any], place: str) -> Instance:
        column = self.mapping.liked[0]
        found = row.get(column)
        liked = found if isinstance(found, bool) else _LIKED.get(str(found).strip().lower())
        if liked is None or isinstance(found, float):
            raise wrong(f"{place}.{column}", found, "true or false", "Write true for a good answer, false for a bad.")
        if not isinstance(found, bool):
            self.notes.mend("labels", "A verdict was read as true or false", f"{place}.{column}", found, liked)
        if self.mapping.messages:
            return Rating(id="-", messages=self._read_chat(row, place).messages, liked=liked)
        completion = row.get(self.mapping.output[0])
        if isinstance(completion, list) and completion and isinstance(completion[0], dict):
            prompt = self._read_prompt(row, place)
            answer = read_messages(completion, f"{place}.{self.mapping.output[0]}", self.notes)
            return Rating(id="-", messages=prompt + answer, liked=liked)
        pair = self._read_pair(row, place)
        return Rating(id="-", input=pair.input, output=pair.output, liked=liked, extra=pair.extra)

    def _read_preference(self, row: dict[str, Any], place: str) -> Instance:
        better, worse = self.mapping.output[0], self.mapping.rejected[0]
        for column in (better, worse):
            if row.get(column) in (None, "", [], {}):
                raise TaskError(
                    f"{place}.{column}: found {describe(row.get(column))}, expected an answer; a preference needs a "
                    "better and a worse one. Write it, or delete this row.",
                    field=f"{place}.{column}",
                )
        if row[better] == row[worse]:
            raise TaskError(
                f"{place}: {better} and {worse} are equal ({describe(row[better])}), so there is nothing to prefer. "
                "Change one, or delete this row.",
                field=place,
            )
        prompt = self._read_prompt(row, place)
        if isinstance(row[better], str) != isinstance(row[worse], str):
            raise TaskError(
                f"{place}: {better} is {describe(row[better])} and {worse} is {describe(row[worse])}; both are "
                "expected in the same form. Write both as texts or both as lists of turns.",
                field=place,
            )
        if isinstance(row[better], str):
            return self._read_texts_pair(row, prompt, place)
        chosen = read_messages(row[better], f"{place}.{better}", self.notes)
        rejected = read_messages(row[worse], f"{place}.{worse}", self.notes)
        if prompt and len(chosen) > len(prompt) and chosen[: len(prompt)] == prompt:
            raise self._prompt_twice(place)
        for turns, column in ((chosen, better), (rejected, worse)):
            check_turns(prompt + turns, f"{place}.{column}", self.notes)
        return Preference(id="-", messages=prompt + chosen, rejected_messages=prompt + rejected)

    def _read_texts_pair(self, row: dict[str, Any], prompt: tuple[Message, ...], place: str) -> Instance:
        better, worse = self.mapping.output[0], self.mapping.rejected[0]
        chosen = check_text(row[better], f"{place}.{better}")
        rejected = check_text(row[worse], f"{place}.{worse}")
        for text, column in ((chosen, better), (rejected, worse)):
            if not text.strip():
                raise TaskError(
                    f"{place}.{column}: the answer is blank. Write it, or delete this row.", field=f"{place}.{column}"
                )
        asked = prompt[-1].content if prompt else ""
        if len(asked.strip()) > 3 and chosen.startswith(asked) and rejected.startswith(asked):
            raise self._prompt_twice(place)
        if len(prompt) > 1 or (prompt and prompt[0].role != "user"):
            turns = (*prompt, Message(role="assistant", content=chosen))
            other = (*prompt, Message(role="assistant", content=rejected))
            check_turns(turns, place, self.notes)
            return Preference(id="-", messages=turns, rejected_messages=other)
        own = self._read_input(row, place)[1] if self.mapping.instruction else ""
        extra = {OWN_INPUT: own} if own else {}
        return Preference(id="-", input=asked, output=(chosen,), rejected=rejected, extra=extra)

    def _prompt_twice(self, place: str) -> TaskError:
        better, worse = self.mapping.output[0], self.mapping.rejected[0]
        return TaskError(
            f"{place}: {better} and {worse} hold the whole conversation, and the prompt is given beside them too, so "
            f"it would be read twice. Delete the prompt, or leave only the answers in {better} and {worse}.",
            field=place,
        )

    def _read_prompt(self, row: dict[str, Any], place: str) -> tuple[Message, ...]:
        """The turns before the two answers; none if the answers hold them."""
        before = self._read_before(row, place)
        columns = self.mapping.messages or self.mapping.input[:1]
        value = row.get(columns[0]) if columns else None
        if isinstance(value, list | dict):
            return before + read_messages(value, f"{place}.{columns[0]}", self.notes)
        if not columns and not self.mapping.instruction:
            return before
        return (*before, Message(role="user", content=self._read_input(row, place)[0]))

    def _read_before(self, row: dict[str, Any], place: str) -> tuple[Message, ...]:
        """The system text and the earlier turns, where the row has them."""
        turns: list[Message] = []
        system = row.get(self.mapping.system[0]) if self.mapping.system else None
        if system:
            turns.append(Message(role="system", content=check_text(system, f"{place}.{self.mapping.system[0]}")))
        history = row.get(self.mapping.history[0]) if self.mapping.history else None
        for number, pair in enumerate(history or []):
            spot = f"{place}.{self.mapping.history[0]}[{number}]"
            if not isinstance(pair, list | tuple) or len(pair) != 2:
                raise wrong(spot, pair, "a question and its answer", 'Write it like ["question", "answer"].')
            turns.append(Message(role="user", content=check_text(pair[0], f"{spot}[0]")))
            turns.append(Message(role="assistant", content=check_text(pair[1], f"{spot}[1]")))
        return tuple(turns)

    def _read_input(self, row: dict[str, Any], place: str) -> tuple[str, str]:
        """What the model reads, and the part of it that stood apart from an instruction."""
        own = self._join(row, self.mapping.input, place, "input") if self.mapping.input else ""
        if not self.mapping.instruction or self.one_instruction:
            return own, ""
        column = self.mapping.instruction[0]
        said = self._text(row.get(column), f"{place}.{column}")
        if not said.strip():
            raise TaskError(
                f"{place}.{column}: the instruction is blank. Write what to do, or delete this row.",
                field=f"{place}.{column}",
            )
        return (f"{said}\n\n{own}", own) if own else (said, "")

    def _read_answers(self, row: dict[str, Any], columns: tuple[str, ...], place: str) -> tuple[str, ...]:
        """Every right answer; a list holds several."""
        value = row.get(columns[0])
        if len(columns) == 1 and isinstance(value, list):
            spot = f"{place}.{columns[0]}"
            texts = tuple(self._text(item, f"{spot}[{n}]") for n, item in enumerate(value))
        else:
            texts = (self._join(row, columns, place, "output"),)
        spoken = tuple(text for text in texts if text.strip())
        if not spoken:
            raise TaskError(
                f"{place}.{columns[0]}: the answer is blank, so there is nothing to learn. Write it, or delete this "
                "row.",
                field=f"{place}.{columns[0]}",
            )
        return spoken

    def _join(self, row: dict[str, Any], columns: tuple[str, ...], place: str, role: str) -> str:
        texts = []
        for column in columns:
            if column not in row:
                raise TaskError(
                    f"{place}: the key {column} ({role}) is missing; found {', '.join(map(str, row))[:100] or 'none'}. "
                    "Add it, or delete this row.",
                    field=place,
                )
            texts.append(self._text(row[column], f"{place}.{column}"))
        if len(columns) == 1:
            return texts[0]
        return "\n".join(f"{column}: {text}" for column, text in zip(columns, texts, strict=True))

    def _text(self, value: Any, place: str) -> str:
        if value is None:
            return ""
        if isinstance(value, int | float):
            self.notes.mend("texts", "A number was read as a text", place, value, describe(value).split()[-1])
            return str(value).lower() if isinstance(value, bool) else str(value)
        return check_text(value, place)
