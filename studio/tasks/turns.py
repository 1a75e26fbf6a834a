"""Turns of a conversation: which is the answer, what a turn says, and instances that are made of turns.

A chat, a preference and a rating may each be a whole conversation: `Spoken` is what they share. Knows no form in which
people write conversations down (`conversation.py`) and no tokens.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import Field, model_validator

from studio.errors import InputError
from studio.tasks.dialogue import Dialogue, write_pair_dialogue
from studio.tasks.instance import Change, Instance, Message
from studio.tasks.prompt import say_turns, write_turn
from studio.tasks.task import Task


def find_answer(messages: Sequence[Message]) -> int:
    """Return the place of the last answer that counts; of the last one where none does. Raises ValueError."""
    answers = [place for place, turn in enumerate(messages) if turn.role == "assistant"]
    if not answers:
        raise ValueError("the conversation has no assistant turn, so there is nothing to learn")
    return max((place for place in answers if messages[place].counts), default=answers[-1])


def find_question(messages: Sequence[Message]) -> str:
    """Return what the last answer was given to; "" where the model speaks unasked."""
    asked = (turn for turn in reversed(messages[: find_answer(messages)]) if turn.role in ("user", "tool"))
    return next((turn.content for turn in asked), "")


def say(message: Message) -> str:
    """Return a turn as text: what it says, or the tools it calls."""
    return write_turn({**message.extra, "content": message.content})


def write_key(messages: Sequence[Message]) -> str:
    """Return what is said before an answer as one text; a question alone is its own text."""
    if [turn.role for turn in messages] == ["user"]:
        return say(messages[0]).strip()
    return "\n".join(f"{turn.role}: {say(turn).strip()}" for turn in messages)


def map_turns(messages: tuple[Message, ...], change: Change, place: str) -> tuple[Message, ...]:
    """Return the turns with each text put through `change`; the same ones if none is another then."""
    changed = tuple(
        change_turn(turn, change(turn.content, f"{place}[{number}]")) for number, turn in enumerate(messages)
    )
    return messages if changed == messages else changed


def change_turn(turn: Message, content: str) -> Message:
    """Return a turn that says something else; parts that were kept beside its text would contradict it, and go."""
    if content == turn.content:
        return turn
    extra = {key: value for key, value in turn.extra.items() if key != "content"}
    return turn.model_copy(update={"content": content, "extra": extra})


def message_to_json(message: Message) -> dict[str, Any]:
    """Return a turn as it stands in a v2 file."""
    more = {"counts": False} if not message.counts else {}
    return (
        {"role": message.role, "content": message.content} | more | ({"extra": message.extra} if message.extra else {})
    )


class Spoken(Instance):
    """An instance that may be a whole conversation: then input and output are read off its turns."""

    input: str = ""
    output: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    tools: tuple[dict[str, Any], ...] = Field(default=())

    @model_validator(mode="after")
    def _reads_its_turns(self) -> Self:
        if not self.messages and not self.output:
            raise ValueError("there is neither a conversation nor an answer")
        self._read_turns()
        return self

    def _read_turns(self) -> None:
        if self.messages:
            self.__dict__["input"] = find_question(self.messages)
            self.__dict__["output"] = (say(self.messages[find_answer(self.messages)]),)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with changes; input and output are those of its turns."""
        copy = super().model_copy(update=update, deep=deep)
        copy._read_turns()
        return copy

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
        if self.messages:
            return write_key(self.messages[: find_answer(self.messages)])
        return self.input.strip()

    def list_texts(self) -> list[str]:
        """Return what each turn says."""
        if self.messages:
            return [turn.content for turn in self.messages]
        return [self.input, *self.output]

    def map_texts(self, change: Change, place: str = "") -> Self:
        """Change each turn, or input and outputs."""
        update: dict[str, Any]
        if self.messages:
            update = {"messages": map_turns(self.messages, change, f"{place}.messages")}
        else:
            update = {
                "input": change(self.input, f"{place}.input"),
                "output": tuple(change(text, f"{place}.output[{n}]") for n, text in enumerate(self.output)),
            }
        return self._update(update)

    def _update(self, update: dict[str, Any]) -> Self:
        """A copy where something is another than it was, else the very same."""
        if all(getattr(self, key) == value for key, value in update.items()):
            return self
        return self.model_copy(update=update)

    def write_dialogue(self, task: Task, positive_examples: int = 0) -> Dialogue:
        """Return the conversation, or definition and input by the user and the answer after them."""
        if not self.messages:
            return write_pair_dialogue(task, self.input, self.output[0], positive_examples)
        counts = tuple(turn.role == "assistant" and turn.counts for turn in self.messages)
        return Dialogue(say_turns(self.messages), counts, self.tools)
