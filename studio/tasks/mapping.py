"""Which columns of a table, or keys of its rows, play which part: the choice that a person makes once.

Knows roles and the names people give to columns; the value is kept with the task. Knows neither files (`table.py`) nor
what becomes of a row (`row.py`); which columns seem to be what is guessed in `guess.py`.
"""

from collections.abc import Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from studio.errors import TaskError
from studio.tasks.kinds import KINDS

ROLES = {
    "instruction": "what to do, where each row says it itself",
    "input": "what the model reads; several columns are joined",
    "output": "the right answer, or the better one of two",
    "rejected": "the worse answer of two",
    "messages": "a whole chat: a list of turns",
    "liked": "whether the answer was good: true or false",
    "text": "running text, for continued pre-training",
    "system": "what the model reads before a chat",
    "history": "earlier turns of a chat",
    "tools": "the tools that a chat offers",
    "counts": "whether the row is learnt: 0 or false leaves it out",
    "id": "the row's own name",
}
"""The roles that several kinds of rows have, with what each means, in the order of the form."""

Columns = tuple[str, ...]
_OF_SEVERAL = ("input", "output", "text", "system")


def list_own_roles() -> dict[str, str]:
    """Return the roles that a kind declares for itself, with what each means."""
    return {role: words for kind in KINDS.members.values() for role, words in kind.columns.items() if role not in ROLES}


class Mapping(BaseModel):
    """Role -> columns, those that a kind declares too. Raises TaskError in words when it makes no instance."""

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, Columns] = Field(init=False)

    instruction: Columns = ()
    input: Columns = ()
    output: Columns = ()
    rejected: Columns = ()
    messages: Columns = ()
    liked: Columns = ()
    text: Columns = ()
    system: Columns = ()
    history: Columns = ()
    tools: Columns = ()
    counts: Columns = ()
    id: Columns = ()

    @model_validator(mode="before")
    @classmethod
    def _reads_roles(cls, value: Any) -> Any:
        """One column is a list of one; a role that nobody has is refused."""
        if not isinstance(value, dict):
            return value
        if unknown := [role for role in value if role not in ROLES and role not in list_own_roles()]:
            raise ValueError(f"there is no role {str(unknown[0])[:60]!r}")
        return {role: (one,) if isinstance(one, str) and one else one or () for role, one in value.items()}

    @model_validator(mode="after")
    def _makes_an_instance(self) -> Self:
        for role, columns in self:
            if len(columns) > 1 and role in ROLES and role not in _OF_SEVERAL:
                raise TaskError(
                    f"The role {role} takes one column, and {len(columns)} were chosen: {', '.join(columns)}. "
                    "Choose one of them.",
                    field=f"mapping.{role}",
                )
        answers = self.output or self.messages
        if not answers and not self.text:
            raise TaskError(
                "No column was chosen that the model could learn to write. Choose a column for output (the answer), "
                "for messages (a whole chat) or for text (running text).",
                field="mapping.output",
            )
        if self.own and not self.output:
            raise TaskError(
                f"Rows with {', '.join(self.own)} have an input and an answer. Choose a column for output.",
                field="mapping.output",
            )
        if self.text and answers:
            raise TaskError(
                "Running text is learnt as a whole, so nothing beside it can be an answer. Choose a column for text, "
                "or columns for input and output.",
                field="mapping.text",
            )
        if self.rejected and not answers:
            raise TaskError("There is a worse answer but no better one. Choose a column for output.", field="mapping")
        return self

    @property
    def kind(self) -> str:
        """What the rows become: the last of the kinds of which a column was chosen that only it has, else the first."""
        names = [name for name, kind in KINDS.members.items() if kind.role and getattr(self, kind.role, None)]
        return names[-1] if names else next(iter(KINDS.members))

    @property
    def own(self) -> dict[str, Columns]:
        """The columns of roles that only the rows' kind has."""
        return {role: columns for role, columns in self.__pydantic_extra__.items() if columns}

    @property
    def columns(self) -> set[str]:
        """Every column that plays a part."""
        return {column for _, columns in self for column in columns}

    def check(self, there: Sequence[str]) -> None:
        """Raise TaskError if a chosen column isn't in the table."""
        for role, columns in self:
            for column in columns:
                if column not in there:
                    raise TaskError(
                        f"The column {column[:60]!r}, chosen for {role}, isn't in the table. Its columns: "
                        f"{', '.join(there)[:300]}. Choose one of them.",
                        field=f"mapping.{role}",
                    )

    def to_json(self) -> dict[str, list[str]]:
        """Return the roles that are filled, as they are kept with the task."""
        return {role: list(columns) for role, columns in self if columns}


def read_mapping(data: object) -> Mapping:
    """Make a mapping of JSON: `{"input": ["question"], "output": ["answer"]}`. Raises TaskError naming the role."""
    try:
        return Mapping.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])[:60]
        raise TaskError(
            f"This is no mapping: {place or 'it'}: {first['msg'][:100]}. A mapping names columns for roles, such as "
            "input and output.",
            field="mapping",
        ) from None
