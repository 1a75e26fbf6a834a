"""Which columns of a table, or keys of its rows, play which part: the choice that a person makes once.

Knows roles and the names people give to columns; the value is kept with the task. Knows neither files (`table.py`) nor
what becomes of a row (`row.py`). A guess is only ever a proposal: `sure` says whether it may be used unasked.
"""

import re
from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

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
    "system": "what the model is told before a chat",
    "history": "earlier turns, as pairs of question and answer",
    "id": "the row's own name",
}
"""Every role with what it means, in the order of the form."""

Columns = tuple[str, ...]


class Mapping(BaseModel):
    """Role -> columns. Raises TaskError in words when it makes no instance."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    instruction: Columns = ()
    input: Columns = ()
    output: Columns = ()
    rejected: Columns = ()
    messages: Columns = ()
    liked: Columns = ()
    text: Columns = ()
    system: Columns = ()
    history: Columns = ()
    id: Columns = ()

    @field_validator("*", mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) and value else value or ()

    @model_validator(mode="after")
    def _makes_an_instance(self) -> Self:
        for role, columns in self:
            if len(columns) > 1 and role not in ("input", "output", "text"):
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
        if self.rejected and not answers:
            raise TaskError("There is a worse answer but no better one. Choose a column for output.", field="mapping")
        return self

    @property
    def kind(self) -> str:
        """What the rows become: the last of the kinds of which a column was chosen that only it has."""
        names = [name for name, kind in KINDS.members.items() if not kind.role or getattr(self, kind.role)]
        return names[-1]

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


class Guess(BaseModel):
    """A proposed mapping, what the form of the data is called, and whether it needs to be confirmed."""

    model_config = ConfigDict(frozen=True)

    mapping: Mapping | None
    format: str
    sure: bool = False


def _shape(format: str, **roles: str) -> tuple[str, dict[str, str]]:
    return format, roles


_SHAPES = (
    _shape("OpenAI preferences", input="input", output="preferred_output", rejected="non_preferred_output"),
    _shape("ShareGPT preferences", messages="conversations", output="chosen", rejected="rejected"),
    _shape("Alpaca preferences", instruction="instruction", output="chosen", rejected="rejected"),
    _shape("preferences", input="prompt", output="chosen", rejected="rejected"),
    _shape("preferences", input="question", output="chosen", rejected="rejected"),
    _shape("preferences with the prompt inside", output="chosen", rejected="rejected"),
    _shape("KTO", messages="messages", liked="label"),
    _shape("KTO", messages="messages", liked="kto_tag"),
    _shape("KTO", messages="conversations", liked="kto_tag"),
    _shape("KTO", input="prompt", output="completion", liked="label"),
    _shape("KTO", instruction="instruction", output="output", liked="kto_tag"),
    _shape("ShareGPT", messages="conversations"),
    _shape("OpenAI chat", messages="messages"),
    _shape("Alpaca", instruction="instruction", output="output"),
    _shape("prompt and completion", input="prompt", output="completion"),
    _shape("prompt and completion", input="prompt", output="response"),
    _shape("flattened rows", input="inputs", output="targets"),
    _shape("questions and answers", input="question", output="answer"),
    _shape("inputs and outputs", input="input", output="output"),
)
_COMPANIONS = {
    "Alpaca": {"input": "input", "system": "system", "history": "history"},
    "KTO": {"system": "system"},
    "ShareGPT": {"system": "system"},
    "ShareGPT preferences": {"system": "system"},
}
_OUTPUT_NAMES = (
    "output outputs answer label labels target targets response completion summary translation class category"
)
_INPUT_NAMES = "input inputs text sentence question prompt document review message content article context premise body"
_TEXT_NAMES = ("text", "content", "body", "document")
_ABOUT_A_TEXT = ("id", "meta", "metadata", "source", "url", "title", "timestamp", "date", "added", "created")


def guess_mapping(rows: Sequence[Dictionary[str, Any]], columns: Sequence[str] | None = None) -> Guess:
    """Propose roles for the columns of some rows; `mapping` is None when nothing looks like an answer."""
    names = list(columns) if columns is not None else list(dict.fromkeys(key for row in rows for key in row))
    for format, roles in _SHAPES:
        if set(roles.values()) <= set(names) and _fits(format, roles, rows):
            companions = _COMPANIONS["Alpaca"] if "instruction" in roles else _COMPANIONS.get(format, {})
            more = {role: name for role, name in companions.items() if name in names}
            if "id" in names:
                more["id"] = "id"
            return Guess(mapping=Mapping(**{**more, **roles}), format=format, sure=True)
    spoken = [name for name in names if name in _TEXT_NAMES]
    if len(spoken) == 1 and set(names) <= {*spoken, *_ABOUT_A_TEXT}:
        mapping = Mapping(text=(spoken[0],), id=("id",) if "id" in names else ())
        return Guess(mapping=mapping, format="running text", sure=True)
    return _guess_by_name(names, rows)


def _fits(format: str, roles: dict[str, str], rows: Sequence[Dictionary[str, Any]]) -> bool:
    """Whether the first rows hold what the shape's name promises, so that a column called label isn't taken for KTO."""
    first = next((row for row in rows if all(name in row for name in roles.values())), None)
    if first is None:
        return True
    if "liked" in roles and not isinstance(first[roles["liked"]], bool):
        return roles["liked"] == "kto_tag" or "messages" in roles
    if format == "OpenAI preferences":
        return isinstance(first["input"], dict) and "messages" in first["input"]
    if "messages" in roles:
        return not isinstance(first[roles["messages"]], str)
    return True


def _guess_by_name(names: list[str], rows: Sequence[Dictionary[str, Any]]) -> Guess:
    plain = {name: re.sub(r"[^a-z]", "", name.lower()) for name in names}
    named = next((name for wanted in _OUTPUT_NAMES.split() for name in names if plain[name] == wanted), None)
    output = named
    names = [name for name in names if not re.fullmatch(r"column \d+", name)] or names
    rest = [name for name in names if name != output]
    if output is None and len(names) == 2:
        # Of two columns, the one whose values repeat or are shorter is the answer: `v1,v2` of the SMS spam collection.
        output = min(names, key=lambda name: sum(len(str(row.get(name) or "")) for row in rows))
        rest = [name for name in names if name != output]
    if output is None or not rest:
        return Guess(mapping=None, format="a table")
    texts = [name for wanted in _INPUT_NAMES.split() for name in rest if plain[name].startswith(wanted)]
    ids = [name for name in rest if plain[name] in ("id", "uid", "guid", "index", "idx")]
    chosen = list(dict.fromkeys(texts)) or [name for name in rest if name not in ids]
    if not chosen:
        return Guess(mapping=None, format="a table")
    mapping = Mapping(input=tuple(chosen), output=(output,), id=tuple(ids[:1]))
    # Sure only where nothing is left to choose: one known name for each side, and no column over.
    sure = named is not None and len(texts) == 1 and set(names) <= {output, texts[0], *ids}
    return Guess(mapping=mapping, format="a table", sure=sure)
