"""Instruction data: an input and every output that counts as right, as Natural Instructions has them."""

from typing import Any, ClassVar, Self

from pydantic import Field

from studio.tasks.dialogue import Dialogue, write_pair_dialogue
from studio.tasks.instance import Change, Form, Instance
from studio.tasks.task import Task


class Instruction(Instance):
    """One input with its right outputs; what to do with it is the task's definition."""

    name: ClassVar[str] = "instruction"
    title: ClassVar[str] = "Instructions"
    words: ClassVar[str] = "inputs with their answers"
    position: ClassVar[int] = 1
    forms: ClassVar[tuple[Form, ...]] = ("answer", "dialogue")
    needs_definition: ClassVar[bool] = True
    takes_references: ClassVar[bool] = True

    input: str
    output: tuple[str, ...] = Field(min_length=1)

    @classmethod
    def make(cls, id: str, input: str, output: tuple[str, ...], extra: dict[str, Any] | None = None) -> Self:
        """Return the instance."""
        return cls(id=id, input=input, output=output, extra=extra or {})

    @property
    def key(self) -> str:
        """The input."""
        return self.input.strip()

    def list_texts(self) -> list[str]:
        """Return input and outputs."""
        return [self.input, *self.output]

    def map_texts(self, change: Change, place: str = "") -> Self:
        """Change input and outputs."""
        input = change(self.input, f"{place}.input")
        changed = self if input == self.input else self.model_copy(update={"input": input})
        return changed.map_answers(change, place)

    def map_answers(self, change: Change, place: str = "") -> Self:
        """Change the outputs."""
        output = tuple(change(text, f"{place}.output[{n}]") for n, text in enumerate(self.output))
        return self if output == self.output else self.model_copy(update={"output": output})

    def write_dialogue(self, task: Task, positive_examples: int = 0) -> Dialogue:
        """Return definition and input by the user, and the answer."""
        return write_pair_dialogue(task, self.input, self.output[0], positive_examples)
