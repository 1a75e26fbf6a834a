"""Preferences: a better and a worse answer to the same input or conversation."""

from typing import Any, ClassVar, Self

from studio.tasks.instance import Change, Form, Message
from studio.tasks.turns import Spoken, change_turn, find_answer, map_turns, message_to_json, say


class Preference(Spoken):
    """The better answer is the output. `rejected` is the worse one, `rejected_messages` the conversation that ends in
    it."""

    name: ClassVar[str] = "preference"
    title: ClassVar[str] = "Preferences"
    words: ClassVar[str] = "pairs of a better and a worse answer"
    position: ClassVar[int] = 4
    forms: ClassVar[tuple[Form, ...]] = ("dialogue", "pair")
    role: ClassVar[str] = "rejected"
    keys: ClassVar[tuple[str, ...]] = ("messages", "tools", "rejected", "rejected_messages")

    rejected: str = ""
    rejected_messages: tuple[Message, ...] = ()

    def _read_turns(self) -> None:
        super()._read_turns()
        if self.rejected_messages:
            self.__dict__["rejected"] = say(self.rejected_messages[find_answer(self.rejected_messages)])

    def change(self, field: str, value: Any) -> Self:
        """Change one of its parts; of two conversations, the answer that each ends in."""
        if field != "rejected" or not self.rejected_messages:
            return super().change(field, value)
        turns, number = list(self.rejected_messages), find_answer(self.rejected_messages)
        turns[number] = change_turn(turns[number], value)
        return self.model_copy(update={"rejected_messages": tuple(turns)})

    @classmethod
    def make(cls, id: str, input: str, output: tuple[str, ...], extra: dict[str, Any] | None = None) -> Self:
        """Return the preference that has no worse answer yet."""
        return cls(id=id, input=input, output=output, extra=extra or {})

    def write_more(self) -> dict[str, Any]:
        """Return the turns, and the worse answer."""
        data = super().write_more()
        if self.rejected:
            data["rejected"] = self.rejected
        if self.rejected_messages:
            data["rejected_messages"] = [message_to_json(message) for message in self.rejected_messages]
        return data

    def list_texts(self) -> list[str]:
        """Return what both conversations say."""
        return [*super().list_texts(), *([turn.content for turn in self.rejected_messages] or [self.rejected])]

    def map_texts(self, change: Change, place: str = "") -> Self:
        """Change both answers, and what stands before each."""
        better = super().map_texts(change, place)
        if self.rejected_messages:
            turns = map_turns(self.rejected_messages, change, f"{place}.rejected_messages")
            return better._update({"rejected_messages": turns})
        return better._update({"rejected": change(self.rejected, f"{place}.rejected")})
