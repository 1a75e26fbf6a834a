"""What chats, preferences and ratings share: each may be a whole conversation, or an input with its answer.

Knows turns (`turns.py`) and no form in which people write them down.
"""

from collections.abc import Callable, Mapping
from typing import Any, Self

from pydantic import model_validator

from studio.errors import InputError
from studio.tasks.cell import Notes
from studio.tasks.dialogue import Dialogue, write_pair_dialogue
from studio.tasks.instance import Change, Instance, Message
from studio.tasks.prompt import say_turns
from studio.tasks.task import Task
from studio.tasks.turns import change_turn, find_answer, find_question, map_turns, message_to_json, say, write_key
from studio.tasks.written_turn import find_flag


class Spoken(Instance):
    """An instance that may be a whole conversation: then input and output are read off its turns."""

    input: str = ""
    output: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    tools: tuple[dict[str, Any], ...] = ()

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.messages and not self.output:
            raise ValueError("there is neither a conversation nor an answer")
        self._read_turns()
        return self

    @classmethod
    def read(cls, data: dict[str, Any], place: str) -> Self:
        """Read it as `write` wrote it; an answer that an older edition kept with a flag counts as the flag says."""
        flagged = {"messages", "rejected_messages"} & set(data)
        return super().read({**data, **{key: _read_flags(data[key]) for key in flagged}}, place)

    def _read_turns(self) -> None:
        if self.messages:
            self.__dict__["input"] = find_question(self.messages)
            self.__dict__["output"] = (say(self.messages[find_answer(self.messages)]),)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with changes; input and output are those of its turns."""
        copy = super().model_copy(update=update, deep=deep)
        copy._read_turns()
        return copy

    def write_more(self) -> dict[str, Any]:
        """Return the turns and the tools."""
        data: dict[str, Any] = {}
        if self.messages:
            data["messages"] = [message_to_json(message) for message in self.messages]
        if self.tools:
            data["tools"] = list(self.tools)
        return data

    @property
    def key(self) -> str:
        """The whole conversation before the last answer, or the input."""
        return write_key(self.before) if self.messages else self.input.strip()

    @property
    def before(self) -> tuple[Message, ...]:
        """The turns before the last answer."""
        return self.messages[: find_answer(self.messages)] if self.messages else ()

    @property
    def learnt(self) -> tuple[str, ...]:
        """Every answer that counts."""
        if not self.messages:
            return self.output[:1]
        return tuple(
            turn.content for turn in self.messages if turn.role == "assistant" and turn.counts and turn.content
        )

    def map_texts(self, change: Change, place: str = "") -> Self:
        """Change each turn, or input and outputs."""
        return self._map(change, place, lambda turn: True)

    def map_answers(self, change: Change, place: str = "") -> Self:
        """Change each answer."""
        return self._map(change, place, lambda turn: turn.role == "assistant")

    def _map(self, change: Change, place: str, wanted: Callable[[Message], bool]) -> Self:
        if self.messages:
            return self._update({"messages": map_turns(self.messages, change, f"{place}.messages", wanted)})
        asked = Message(role="user", content=self.input)
        input = change(self.input, f"{place}.input") if wanted(asked) and self.input else self.input
        output = tuple(change(text, f"{place}.output[{n}]") for n, text in enumerate(self.output))
        return self._update({"input": input, "output": output})

    def _update(self, update: dict[str, Any]) -> Self:
        """A copy where something is another than it was, else the very same."""
        if all(getattr(self, key) == value for key, value in update.items()):
            return self
        return self.model_copy(update=update)

    def change(self, field: str, value: Any) -> Self:
        """Change one of its parts; of a conversation, the answer it is read from."""
        if not self.messages or field not in ("input", "output"):
            return super().change(field, value)
        if field == "input":
            raise InputError("This instance is a chat. Edit the turn instead (set_turn).", field="input")
        return self.change_turn(find_answer(self.messages), value[0])

    def change_turn(self, number: int, content: str) -> Self:
        """Change what one turn says."""
        turns = list(self.messages)
        turns[number] = change_turn(turns[number], content)
        return self.model_copy(update={"messages": tuple(turns)})

    def write_dialogue(self, task: Task, positive_examples: int = 0) -> Dialogue:
        """Return the conversation, or definition and input by the user and the answer after them."""
        if not self.messages:
            return write_pair_dialogue(task, self.input, self.output[0], positive_examples)
        counts = tuple(turn.role == "assistant" and turn.counts for turn in self.messages)
        return Dialogue(say_turns(self.messages), counts, self.tools)


def _read_flags(turns: Any) -> Any:
    return [_read_flag(turn) for turn in turns] if isinstance(turns, list) else turns


def _read_flag(turn: Any) -> Any:
    if not isinstance(turn, dict) or not isinstance(turn.get("extra"), dict):
        return turn
    return {"counts": find_flag(turn.get("role", "user"), turn["extra"], "", Notes()), **turn}
