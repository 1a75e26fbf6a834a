"""Running text, for continued pre-training: read and learnt from beginning to end."""

from typing import Any, ClassVar, Self

from pydantic import Field

from studio.tasks.dialogue import Dialogue
from studio.tasks.instance import Change, Form, Instance
from studio.tasks.task import Task


class Text(Instance):
    """One piece of running text, which is its output; it has no input."""

    name: ClassVar[str] = "text"
    title: ClassVar[str] = "Running text"
    words: ClassVar[str] = "running text"
    position: ClassVar[int] = 2
    forms: ClassVar[tuple[Form, ...]] = ("text",)
    role: ClassVar[str] = "text"
    enough: ClassVar[str] = (
        "{letters:,} characters of running text; a million or more are a good start for continued pre-training."
    )

    output: tuple[str, ...] = Field(min_length=1)

    @classmethod
    def make(cls, id: str, input: str, output: tuple[str, ...], extra: dict[str, Any] | None = None) -> Self:
        """Return the text; what it was asked for doesn't belong to it."""
        return cls(id=id, output=output, extra=extra or {})

    @property
    def key(self) -> str:
        """The text."""
        return self.output[0].strip()

    def map_texts(self, change: Change, place: str = "") -> Self:
        """Change the text."""
        output = tuple(change(text, f"{place}.output[{n}]") for n, text in enumerate(self.output))
        return self if output == self.output else self.model_copy(update={"output": output})

    def map_answers(self, change: Change, place: str = "") -> Self:
        """Change the text."""
        return self.map_texts(change, place)

    def write_dialogue(self, task: Task, positive_examples: int = 0) -> Dialogue:
        """Return the text as what the model says unasked."""
        return Dialogue(({"role": "assistant", "content": self.output[0]},), (True,))
