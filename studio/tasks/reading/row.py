"""One row of a table, whatever its columns are called, becomes an instance: an input with its answer, a chat, a pair.

Knows the kinds of instances and what each is made of. What plays no part is kept in `extra`. Leaves what is in the
columns to `role.py`, and knows no files.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from studio.errors import TaskError
from studio.tasks.cell import Notes, check_extra, check_text, describe, wrong
from studio.tasks.instance import Instance, Message
from studio.tasks.kinds import KINDS, list_keys
from studio.tasks.kinds.chat import Chat
from studio.tasks.kinds.instruction import Instruction
from studio.tasks.kinds.preference import Preference
from studio.tasks.kinds.rating import Rating
from studio.tasks.kinds.text import Text
from studio.tasks.mapping import Mapping
from studio.tasks.reading.choice import find_first
from studio.tasks.reading.conversation import finish_turns, looks_like_turns
from studio.tasks.reading.role import NOTHING, NoAnswer, RoleReader, Turns, Values, find_choices, get_value
from studio.tasks.reading.schema import Ids
from studio.tasks.reading.transcript import read_transcript
from studio.tasks.tool import drop_padding
from studio.tasks.written_turn import says_no

OWN_INPUT = "own_input"
"""In `extra`: the part of an input that was apart from its instruction, as in Alpaca."""

_LIKED = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class NothingToLearn(TaskError):
    """The file itself says that nothing of a row is to be learnt."""


class IdChooser(Protocol):
    """Gives every row an id."""

    def choose(self, given: Any, text: str, output: tuple[str, ...], place: str) -> str:
        """Return the id that was given, or another."""
        ...


def are_chats(mapping: Mapping, rows: Iterable[Values]) -> bool:
    """Say whether rows of inputs and outputs are chats: they have turns, a system text, a history or tools."""
    if mapping.kind != "instruction":
        return False
    before, said = mapping.system + mapping.history + mapping.tools, mapping.input + mapping.output
    return any(
        any(get_value(row, column) not in NOTHING for column in before)
        or any(looks_like_turns(get_value(row, column)) for column in said)
        for row in rows
    )


def find_first_choice(mapping: Mapping, rows: Iterable[Values]) -> int:
    """Return from which number the answers of a multiple choice are counted."""
    pairs = ((find_choices(row, mapping.input), get_value(row, mapping.output[0])) for row in rows if mapping.output)
    return find_first((choices, answer) for choices, answer in pairs if choices)


class RowReader:
    """Makes instances of rows by one mapping; `as_chat` makes chats of rows of inputs and outputs."""

    def __init__(
        self, mapping: Mapping, task_id: str, notes: Notes, one_instruction: bool, as_chat: bool, first_choice: int = 0
    ) -> None:
        self.mapping = mapping
        self.notes = notes
        self.as_chat = as_chat
        self.roles = RoleReader(mapping, notes, one_instruction, first_choice)
        makers: dict[str, Callable[[Values, str], Instance]] = {
            "instruction": self._read_pair,
            "chat": self._read_chat,
            "preference": self._read_preference,
            "rating": self._read_rating,
            "text": self._read_running_text,
        }
        self._make = makers.get(mapping.kind, self._read_other)
        self._columns, self._taken = mapping.columns, set(list_keys())
        # A format without ids has nothing to repair, so only a chosen column's are told.
        self.ids: IdChooser = Ids(task_id, notes if mapping.id else Notes())

    def read(self, row: Values, place: str) -> Instance:
        """Return the row's instance. Raises TaskError naming row and column, NothingToLearn if the row says so.

        Where only the answer is missing, NoAnswer holds what is asked.
        """
        for column in self.mapping.counts:
            if says_no(get_value(row, column)):
                raise NothingToLearn(f"{place}.{column}: the row is marked as not to be learnt.", field=place)
        instance = self._make(row, place)
        given = get_value(row, self.mapping.id[0]) if self.mapping.id else None
        asked = instance.key if instance.messages else instance.input
        rest = {
            f"{key} (column)" if key in self._taken else key: check_extra(value, f"{place}.{key}")
            for key, value in _take_out(row, self._columns).items()
        }
        return instance.model_copy(
            update={
                "id": self.ids.choose(given, asked, instance.output, place),
                "extra": {**rest, **instance.extra},
            }
        )

    def _read_pair(self, row: Values, place: str) -> Instance:
        if self.as_chat:
            turns = self.roles.read_before(row, place) + self.roles.read_exchange(row, place)
            return self._make_chat(turns, row, place)
        text, own = self.roles.read_input(row, place)
        try:
            output = self.roles.read_answers(row, self.mapping.output, place)
        except NoAnswer as error:
            error.asked = text.strip()
            raise
        return Instruction(id="-", input=text, output=output, extra={OWN_INPUT: own} if own else {})

    def _read_other(self, row: Values, place: str) -> Instance:
        """An instance of a kind that isn't known here: input, answers, and the columns that it declares."""
        kind = KINDS.find(self.mapping.kind)
        text, own = self.roles.read_input(row, place)
        data: dict[str, Any] = {"id": "-", "input": text, "output": ()}
        data["output"] = self.roles.read_answers(row, self.mapping.output, place)
        for role, columns in self.mapping.own.items():
            found = [value for column in columns if (value := get_value(row, column)) not in NOTHING]
            if found:
                data[role] = found[0] if len(columns) == 1 else found
        return kind.read({**data, "extra": {OWN_INPUT: own} if own else {}}, place)

    def _read_running_text(self, row: Values, place: str) -> Text:
        return Text(id="-", output=self.roles.read_answers(row, self.mapping.text, place))

    def _read_chat(self, row: Values, place: str) -> Chat:
        turns = self.roles.read_before(row, place) + self.roles.read_turns(row, self.mapping.messages[0], place)
        return self._make_chat(turns + self.roles.read_exchange(row, place), row, place)

    def _make_chat(self, turns: Turns, row: Values, place: str) -> Chat:
        spot = f"{place}.{self.mapping.messages[0]}" if self.mapping.messages else place
        tools = self.roles.read_tools(row, place)
        turns = self._finish(turns, tools, spot)
        if not any(turn.counts for turn in turns if turn.role == "assistant"):
            raise NothingToLearn(f"{spot}: every answer is marked as not to be learnt.", field=spot)
        return Chat(id="-", messages=turns, tools=tools)

    def _finish(self, turns: Turns, tools: tuple[dict[str, Any], ...], place: str) -> Turns:
        """The turns that can be learnt, their calls without null arguments that the called tool doesn't have."""
        turns = finish_turns(turns, place, self.notes)
        if not tools:
            return turns
        return tuple(
            turn.model_copy(update={"extra": {**turn.extra, "tool_calls": drop_padding(calls, tools)}})
            if isinstance(calls := turn.extra.get("tool_calls"), list)
            else turn
            for turn in turns
        )

    def _read_rating(self, row: Values, place: str) -> Rating:
        column = self.mapping.liked[0]
        found = get_value(row, column)
        liked = found if isinstance(found, bool) else _LIKED.get(str(found).strip().lower())
        if liked is None or isinstance(found, float):
            raise wrong(f"{place}.{column}", found, "true or false", "Write true for a good answer, false for a bad.")
        if not isinstance(found, bool):
            self.notes.repair("labels", "A verdict was read as true or false", f"{place}.{column}", found, liked)
        said = (get_value(row, column) for column in self.mapping.input + self.mapping.output)
        before = self.roles.read_before(row, place)
        if self.mapping.messages or before or any(map(looks_like_turns, said)):
            turns = before + self.roles.read_exchange(row, place)
            chat = self._read_chat(row, place) if self.mapping.messages else self._make_chat(turns, row, place)
            return Rating(id="-", messages=chat.messages, tools=chat.tools, liked=liked)
        text, own = self.roles.read_input(row, place)
        output = self.roles.read_answers(row, self.mapping.output, place)
        return Rating(id="-", input=text, output=output, liked=liked, extra={OWN_INPUT: own} if own else {})

    def _read_preference(self, row: Values, place: str) -> Preference:
        better, worse = self.mapping.output[0], self.mapping.rejected[0]
        answers = [get_value(row, column) for column in (better, worse)]
        for column, answer in zip((better, worse), answers, strict=True):
            if answer in NOTHING:
                raise TaskError(
                    f"{place}.{column}: found {describe(answer)}, expected an answer; a preference needs a better and "
                    "a worse one. Write it, or delete this row.",
                    field=f"{place}.{column}",
                )
        if answers[0] == answers[1]:
            raise TaskError(
                f"{place}: {better} and {worse} are equal ({describe(answers[0])}), so there is nothing to prefer. "
                "Change one, or delete this row.",
                field=place,
            )
        if isinstance(answers[0], str) != isinstance(answers[1], str):
            raise TaskError(
                f"{place}: {better} is {describe(answers[0])} and {worse} is {describe(answers[1])}; both are "
                "expected in the same form. Write both as texts or both as lists of turns.",
                field=place,
            )
        prompt = self.roles.read_prompt(row, place)
        if all(self._are_turns(answer, not prompt) for answer in answers):
            chosen, rejected = (self.roles.read_turns(row, column, place, after=prompt) for column in (better, worse))
            return self._make_preference(chosen, rejected, row, place)
        return self._read_texts_pair(row, prompt, place)

    def _are_turns(self, answer: Any, alone: bool) -> bool:
        return not isinstance(answer, str) or looks_like_turns(answer) or (alone and bool(read_transcript(answer)))

    def _read_texts_pair(self, row: Values, prompt: Turns, place: str) -> Preference:
        better, worse = self.mapping.output[0], self.mapping.rejected[0]
        chosen, rejected = (check_text(get_value(row, column), f"{place}.{column}") for column in (better, worse))
        for text, column in ((chosen, better), (rejected, worse)):
            if not text.strip():
                raise TaskError(
                    f"{place}.{column}: the answer is blank. Write it, or delete this row.", field=f"{place}.{column}"
                )
        asked = prompt[-1].content if prompt else ""
        if len(asked.strip()) > 3 and chosen.startswith(asked) and rejected.startswith(asked):
            raise TaskError(
                f"{place}: {better} and {worse} hold the whole conversation, and the prompt is given beside them too, "
                f"so it would be read twice. Delete the prompt, or leave only the answers in {better} and {worse}.",
                field=place,
            )
        if len(prompt) > 1 or (prompt and prompt[0].role != "user") or self.roles.read_tools(row, place):
            other = (*prompt, Message(role="assistant", content=rejected))
            turns = (*prompt, Message(role="assistant", content=chosen))
            return self._make_preference(turns, other, row, place)
        own = self.roles.read_input(row, place)[1] if self.mapping.instruction else ""
        extra = {OWN_INPUT: own} if own else {}
        return Preference(id="-", input=asked, output=(chosen,), rejected=rejected, extra=extra)

    def _make_preference(self, chosen: Turns, rejected: Turns, row: Values, place: str) -> Preference:
        tools = self.roles.read_tools(row, place)
        better = self._finish(chosen, tools, f"{place}.{self.mapping.output[0]}")
        worse = self._finish(rejected, tools, f"{place}.{self.mapping.rejected[0]}")
        return Preference(id="-", messages=better, rejected_messages=worse, tools=tools)


def _take_out(row: Values, columns: Iterable[str]) -> Values:
    """A row without some columns, or keys within them; an object of which nothing is left goes too."""
    rest = dict(row)
    for column in columns:
        if column in rest:
            del rest[column]
            continue
        first, _, inner = column.partition(".")
        if inner and isinstance(rest.get(first), dict):
            rest[first] = _take_out(rest[first], [inner])
            if not rest[first]:
                del rest[first]
    return rest
