"""What every instance of a task has, whatever its kind, and the turn that conversations are made of.

A kind of data is the class of its instances, one file each in `studio/tasks/kinds/`. This head says what a kind has to
say; whoever splits, checks, repairs, shows, writes or trains asks for these and never for the kind. Knows no file, no
model and no task but as something that an instance is rendered with.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studio.errors import TaskError
from studio.plugins import Named

if TYPE_CHECKING:
    from studio.tasks.dialogue import Dialogue
    from studio.tasks.task import Task

Form = Literal["answer", "dialogue", "pair", "verdict", "text"]
"""What an instance can be learnt or written as: two texts, turns that end in a right answer, a better and a worse
answer, an answer with a verdict on it, running text."""

Change = Callable[[str, str], str]
"""What is done to each text of an instance: (text, its place) to the text that is there then."""


class Frozen(BaseModel):
    """The root of every value of a task."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(Frozen):
    """One turn of a chat; `extra` holds what else it came with, such as tool calls or a name.

    `counts` is False for an answer that its file marks as not to be learnt: it is read and never written.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    counts: bool = True
    extra: dict[str, Any] = Field(default_factory=dict)


class Instance(Named, Frozen):
    """One thing to learn from. A subclass with a `name` is a kind.

    `input`, `output` (every answer that counts as right, the first being the one that is trained on), `messages`,
    `tools`, `rejected`, `rejected_messages` and `liked` can be read of every instance; what its kind doesn't have reads
    as nothing.
    """

    words: ClassVar[str]  # many of them, as people say
    position: ClassVar[int] = 100
    forms: ClassVar[tuple[Form, ...]]  # the first holds all that an instance says
    role: ClassVar[str] = ""  # of a column that only rows of this kind have
    columns: ClassVar[dict[str, str]] = {}  # roles that no other kind has, with what each means
    keys: ClassVar[tuple[str, ...]] = ()  # in a v2 file, beside id, input and output
    enough: ClassVar[str] = ""  # of them, in a sentence about {count} and {letters}; "" where the answers say it
    needs_definition: ClassVar[bool] = False  # a task of plain v2 that has none says nothing
    takes_references: ClassVar[bool] = False  # several outputs may be right

    id: str = Field(min_length=1)
    extra: dict[str, Any] = Field(default_factory=dict)

    if TYPE_CHECKING:

        @property
        def input(self) -> str: ...
        @property
        def output(self) -> tuple[str, ...]: ...
        @property
        def messages(self) -> tuple[Message, ...]: ...
        @property
        def tools(self) -> tuple[dict[str, Any], ...]: ...
        @property
        def rejected(self) -> str: ...
        @property
        def rejected_messages(self) -> tuple[Message, ...]: ...
        @property
        def liked(self) -> bool | None: ...

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Let what this kind doesn't have read as nothing."""
        super().__pydantic_init_subclass__(**kwargs)
        if "name" in vars(cls):
            for key, nothing in _NOTHING.items():
                if key not in cls.model_fields and not hasattr(cls, key):
                    setattr(cls, key, nothing)

    @classmethod
    @abstractmethod
    def make(cls, id: str, input: str, output: tuple[str, ...], extra: dict[str, Any] | None = None) -> Self:
        """Return the instance of an input and its right answers; what else this kind has is missing."""

    def check_whole(self) -> None:
        """Raise InputError if it lacks what its kind needs, such as the worse one of two answers."""

    @classmethod
    def read(cls, data: dict[str, Any], place: str) -> Self:
        """Return the instance that `write` wrote, its unknown keys under `extra`. Raises TaskError naming the place."""
        known = {key: value for key, value in data.items() if key in cls.model_fields}
        output = data.get("output", ())
        try:
            if any(key in data for key in cls.keys):
                return cls.model_validate(known)
            if not isinstance(output, list | tuple):
                raise TaskError(f"{place}.output: a list of texts is expected.", field=f"{place}.output")
            return cls.make(data["id"], data.get("input", ""), tuple(output), data.get("extra"))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            spot = ".".join([place, *map(str, first["loc"])])
            raise TaskError(f"{spot}: {first['msg']}. Write it as the studio does.", field=spot) from None

    def write(self) -> dict[str, Any]:
        """Return the instance as it is in a v2 file, its extra keys last."""
        return {"id": self.id, "input": self.input, "output": list(self.output), **self.write_more(), **self.extra}

    def write_more(self) -> dict[str, Any]:
        """Return what is in a v2 file beside id, input, output and the extra keys, where it says something."""
        return {}

    @property
    @abstractmethod
    def key(self) -> str:
        """What is asked, as one text: instances of equal keys are the same to a model, and stay in one part."""

    @property
    def lessons(self) -> frozenset[str]:
        """What is taught about `key`; an instance whose lessons others of its key teach is a duplicate."""
        return frozenset(self.output)

    @property
    def learnt(self) -> tuple[str, ...]:
        """The answers that are trained on."""
        return self.output[:1]

    @property
    def before(self) -> tuple[Message, ...]:
        """The turns before the answer, where it has turns."""
        return ()

    def list_texts(self) -> list[str]:
        """Return every text that a model may read or write: those that `map_texts` changes."""
        found: list[str] = []

        def note(text: str, place: str) -> str:
            found.append(text)
            return text

        self.map_texts(note)
        return found

    @abstractmethod
    def map_texts(self, change: Change, place: str = "") -> Self:
        """Return the instance with each of its texts put through `change`; itself if none is another then."""

    @abstractmethod
    def map_answers(self, change: Change, place: str = "") -> Self:
        """The same with its answers alone, right and wrong ones."""

    def change(self, field: str, value: Any) -> Self:
        """Return the instance with another value of one of its fields, such as its output."""
        return self.model_copy(update={field: value})

    @abstractmethod
    def write_dialogue(self, task: "Task", positive_examples: int = 0) -> "Dialogue":
        """Return what is said before and in the answer."""

    def write_choices(self, task: "Task", positive_examples: int = 0) -> "tuple[Dialogue, ...]":
        """Return it with each of the answers that it compares, the best first; of what both say, nothing counts."""
        return (self.write_dialogue(task, positive_examples),)


_NOTHING: dict[str, Any] = {
    "input": "",
    "output": (),
    "messages": (),
    "tools": (),
    "rejected": "",
    "rejected_messages": (),
    "liked": None,
}
