"""Preferences: a better and a worse answer to the same input or conversation."""

from collections.abc import Callable
from typing import Any, ClassVar, Self

from studio.errors import InputError
from studio.tasks.dialogue import Dialogue, write_pair_dialogue
from studio.tasks.instance import Change, Form, Message
from studio.tasks.prompt import Turn, say_turns, write_messages, write_turns
from studio.tasks.spoken import Spoken
from studio.tasks.task import Task
from studio.tasks.turns import change_turn, find_answer, map_turns, message_to_json, say


class Preference(Spoken):
    """The better answer is the output. `rejected` is the worse one, `rejected_messages` the conversation that ends in
    it."""

    name: ClassVar[str] = "preference"
    title: ClassVar[str] = "Preferences"
    words: ClassVar[str] = "pairs of a better and a worse answer"
    position: ClassVar[int] = 4
    forms: ClassVar[tuple[Form, ...]] = ("pair", "dialogue")
    role: ClassVar[str] = "rejected"
    enough: ClassVar[str] = "{count:,} pairs; a few thousand are a good start."
    keys: ClassVar[tuple[str, ...]] = ("messages", "tools", "rejected", "rejected_messages")

    rejected: str = ""
    rejected_messages: tuple[Message, ...] = ()

    def check_whole(self) -> None:
        """Raise InputError where there is no worse answer."""
        if not self.rejected.strip():
            raise InputError(
                "A preference has a better and a worse answer, and only one is here. Import both in a file.",
                field="rejected",
            )

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

    def change_turn(self, number: int, content: str) -> Self:
        """Change what one turn says, in both conversations where it is in both."""
        changed = super().change_turn(number, content)
        others = list(self.rejected_messages)
        if others[number : number + 1] != [self.messages[number]]:
            return changed
        others[number] = changed.messages[number]
        return changed.model_copy(update={"rejected_messages": tuple(others)})

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

    @property
    def lessons(self) -> frozenset[str]:
        """Which answer is better than which."""
        return frozenset({f"{self.output[0]} > {self.rejected}"})

    def _map(self, change: Change, place: str, wanted: Callable[[Message], bool]) -> Self:
        """Both answers, and what is before each."""
        better = super()._map(change, place, wanted)
        if self.rejected_messages:
            turns = map_turns(self.rejected_messages, change, f"{place}.rejected_messages", wanted)
            return better._update({"rejected_messages": turns})
        rejected = change(self.rejected, f"{place}.rejected") if self.rejected else ""
        return better._update({"rejected": rejected})

    def write_pair(self, task: Task) -> tuple[list[Turn], list[Turn], list[Turn]]:
        """Return the turns before the answers, the better answer and the worse one; both begin with the model's turn.

        There is nothing before them where the two conversations differ from what the user says first.
        """
        if not self.messages:
            answers = (self.output[0], self.rejected)
            better, worse = ([{"role": "assistant", "content": text.strip()}] for text in answers)
            return write_messages(task, self.input), better, worse
        better, worse = write_turns(self.messages), write_turns(self.rejected_messages)
        shared = self._count_shared()
        while shared and not better[shared]["role"] == worse[shared]["role"] == "assistant":
            shared -= 1
        return better[:shared], better[shared:], worse[shared:]

    def write_choices(self, task: Task, positive_examples: int = 0) -> tuple[Dialogue, ...]:
        """Return the better answer after what is asked, and the worse one."""
        if not self.messages:
            return tuple(
                write_pair_dialogue(task, self.input, answer, positive_examples)
                for answer in (self.output[0], self.rejected)
            )
        shared = self._count_shared()
        return tuple(
            Dialogue(
                say_turns(turns),
                tuple(n >= shared and turn.role == "assistant" and turn.counts for n, turn in enumerate(turns)),
                self.tools,
            )
            for turns in (self.messages, self.rejected_messages)
        )

    def _count_shared(self) -> int:
        """How many turns both conversations begin with, the answers not among them."""
        better, worse = write_turns(self.messages), write_turns(self.rejected_messages)
        most = min(find_answer(self.messages), find_answer(self.rejected_messages))
        return next((n for n in range(most) if better[n] != worse[n]), most)
