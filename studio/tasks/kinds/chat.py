"""Chats: whole conversations, of which every answer that counts is learnt."""

from typing import Any, ClassVar, Self

from pydantic import Field

from studio.tasks.instance import Form, Message
from studio.tasks.spoken import Spoken


class Chat(Spoken):
    """A conversation: all its turns, the last answer included, and the tools it offers."""

    name: ClassVar[str] = "chat"
    title: ClassVar[str] = "Chats"
    words: ClassVar[str] = "conversations"
    position: ClassVar[int] = 3
    forms: ClassVar[tuple[Form, ...]] = ("dialogue",)
    role: ClassVar[str] = "messages"
    keys: ClassVar[tuple[str, ...]] = ("messages", "tools")

    messages: tuple[Message, ...] = Field(min_length=1)

    @classmethod
    def make(cls, id: str, input: str, output: tuple[str, ...], extra: dict[str, Any] | None = None) -> Self:
        """Return the chat of one question and its first answer."""
        turns = (Message(role="user", content=input), Message(role="assistant", content=output[0]))
        return cls(id=id, messages=turns, extra=extra or {})
