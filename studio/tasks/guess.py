"""Which columns seem to play which part: a proposal, and whether it may be used unasked.

A shape that is known is only sure where every other column is known to be harmless (`column.py`). Else a person is
asked, and the proposal uses what looks like text to read and names what it leaves out. Knows neither files nor what
becomes of a row (`row.py`).
"""

import re
from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from studio.tasks.column import (
    AFTER_A_QUESTION,
    BEFORE_A_QUESTION,
    COUNTS,
    IDS,
    OUTPUTS,
    QUESTIONS,
    SYSTEM,
    Column,
    Rows,
    name_plainly,
)
from studio.tasks.conversation import list_roles
from studio.tasks.mapping import Mapping
from studio.tasks.tool import load_json

_ABOUT_A_TEXT = ("title", "name", "author")
_TEXTS = ("text", "content", "body", "document", "raw_content")
_PAIRS = {
    ("prompt", "completion"): "prompt and completion",
    ("prompt", "response"): "prompt and completion",
    ("inputs", "targets"): "flattened rows",
    ("question", "answer"): "questions and answers",
    ("query", "answer"): "questions and answers",
    ("question", "response"): "questions and answers",
    ("query", "response"): "questions and answers",
    ("problem", "solution"): "questions and answers",
    ("user", "assistant"): "prompt and completion",
    ("input", "output"): "inputs and outputs",
}
_REVIEWS = ("review", "review_comment", "comment", "commit_message", "message", "docstring")
_LIKELY_PAIRS = {
    ("source", "target"): "inputs and outputs",
    ("src", "tgt"): "inputs and outputs",
    ("question", "query"): "questions and answers",
    ("question", "solution"): "questions and answers",
    **{(code, said): "inputs and outputs" for code in ("diff", "patch", "code") for said in _REVIEWS},
}
_PREFERRED = (("chosen", "rejected"), ("preferred_output", "non_preferred_output"))
_LIKELY_PREFERRED = (
    ("chosen_response", "rejected_response"), ("response_chosen", "response_rejected"), ("better", "worse"),
    ("accepted", "rejected"), ("preferred", "dispreferred"), ("good", "bad"), ("winner", "loser"),
)  # fmt: skip
_CHAT_FORMATS = {
    "conversations": "ShareGPT",
    "conversation": "ShareGPT",
    "messages": "OpenAI chat",
    "contents": "Gemini",
}
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[a-z]{2,4})?|english|german|french|spanish|italian|chinese|japanese|russian")
_TELLING = 8
"""Letters of a text that can't stand in another by chance."""
_FEW_LABELS = 20
_LONGEST_LABEL = 40
_SMALLEST_SHARE = 4


Roles = dict[str, tuple[str, ...]]


class Guess(BaseModel):
    """A proposed mapping, what the form of the data is called, and whether it needs to be confirmed.

    `unused` are the columns that it leaves out, `repeated` those among them that only say again what others do.
    `definition` says what to do, where the answers are few labels and nothing else says so.
    """

    model_config = ConfigDict(frozen=True)

    mapping: Mapping | None
    format: str
    sure: bool = False
    unused: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    definition: str = ""


class _Shape(NamedTuple):
    """A form that was recognised: its name, its roles, whether its names alone say so."""

    format: str
    roles: Roles
    sure: bool = True


def guess_mapping(rows: Rows, columns: Sequence[str] | None = None) -> Guess:
    """Propose roles for the columns of some rows; `mapping` is None when nothing looks like an answer."""
    names = list(columns) if columns is not None else list(dict.fromkeys(key for row in rows for key in row))
    plain = name_plainly(names)
    return _Guesser([Column(name, plain[name], rows) for name in names], rows).guess()


def propose_definition(mapping: Mapping, rows: Rows) -> str:
    """Return an instruction that names the labels; "" where the answers aren't labels, or the rows say what to do."""
    if mapping.kind != "instruction" or len(mapping.output) != 1 or mapping.instruction or mapping.system:
        return ""
    values = [value for row in rows if (value := row.get(mapping.output[0])) not in (None, "")]
    labels = list(dict.fromkeys(str(value).strip() for value in values if isinstance(value, str | int)))
    if not _are_labels([str(value) for value in values]) or any(len(label) > _LONGEST_LABEL for label in labels):
        return ""
    return f"Answer with one of: {', '.join(sorted(labels))}."


class _Guesser:
    """Looks at the columns of one table."""

    def __init__(self, columns: list[Column], rows: Rows) -> None:
        self.columns, self.rows = columns, rows
        self.by_name = {column.name: column for column in columns}
        self.chats = [column for column in columns if column.is_chat or column.may_be_chat]

    def guess(self) -> Guess:
        shape = (
            self._find_preferences()
            or self._find_ratings()
            or self._find_chat()
            or self._find_instructions()
            or self._find_pair()
            or self._find_running_text()
            or self._find_by_name()
        )
        if shape is None:
            return Guess(mapping=None, format="a table", unused=tuple(self.by_name))
        roles = self._add_companions(shape.roles)
        used = {name for columns in roles.values() for name in columns}
        others = [column for column in self.columns if column.name not in used]
        repeated = [column for column in others if not column.is_empty and self._repeats(column, used)]
        rest = [column for column in others if column not in repeated and not self._is_harmless(column, shape)]
        roles = self._use(roles, [column for column in rest if self._can_be_read(column)])
        mapping = Mapping(**roles)
        unused = tuple(name for name in self.by_name if name not in mapping.columns)
        exact = all("." not in name and _is_called(self.by_name[name]) for name in used)
        return Guess(
            mapping=mapping,
            format=shape.format,
            sure=shape.sure and exact and not rest,
            unused=unused,
            repeated=tuple(column.name for column in repeated),
        )

    def _find(self, *names: str) -> Column | None:
        """The first column that is called so, and rather one that holds something."""
        found = [column for name in names for column in self.columns if column.plain == name]
        return next((column for column in found if not column.is_empty), found[0] if found else None)

    # Shapes, the surest first

    def _find_preferences(self) -> _Shape | None:
        for better, worse in _PREFERRED + _LIKELY_PREFERRED:
            chosen, rejected = self._find(better), self._find(worse)
            if chosen and rejected:
                break
        else:
            return None
        roles: Roles = {"output": (chosen.name,), "rejected": (rejected.name,)}
        sure = (better, worse) in _PREFERRED
        if any("user" in list_roles(value) for value in chosen.values):
            return _Shape("preferences with the prompt inside", roles, sure)
        if (input := self._find("input")) and any(isinstance(value, dict) for value in input.values):
            return _Shape("OpenAI preferences", {"input": (input.name,), **roles}, sure)
        talks = [column for column in self.chats if column not in (chosen, rejected)]
        if talks and talks[0].plain != "prompt":
            return _Shape("ShareGPT preferences", {"messages": (talks[0].name,), **roles}, sure and len(talks) == 1)
        if told := self._find("instruction"):
            return _Shape("Alpaca preferences", {"instruction": (told.name,), **self._own_input(), **roles}, sure)
        if asked := self._find("prompt", "question", "query", "input"):
            return _Shape("preferences", {"input": (asked.name,), **roles}, sure)
        return _Shape("preferences with the prompt inside", roles, sure)

    def _find_ratings(self) -> _Shape | None:
        named = [column for name in ("kto_tag", "label", "liked", "thumbs_up") if (column := self._find(name))]
        liked = next((column for column in named if column.are_verdicts or column.plain == "kto_tag"), None)
        unsure = next(
            (column for column in named if column.values and set(map(str, column.values)) <= {"0", "1"}), None
        )
        sure = liked is not None
        if not (liked := liked or unsure):
            return None
        verdict: Roles = {"liked": (liked.name,)}
        talks = [column for column in self.chats if column.plain not in ("prompt", "completion")]
        if talks:
            return _Shape("KTO", {"messages": (talks[0].name,), **verdict}, sure and len(talks) == 1)
        said = self._find("completion", "output", "response", "answer")
        if said and (told := self._find("instruction")):
            roles = {"instruction": (told.name,), **self._own_input(), "output": (said.name,), **verdict}
            return _Shape("KTO", roles, sure)
        if said and (asked := self._find("prompt", "question")):
            return _Shape("KTO", {"input": (asked.name,), "output": (said.name,), **verdict}, sure)
        return None

    def _find_chat(self) -> _Shape | None:
        """A column of turns; beside an answer that isn't in it, it is the turns before."""
        said = self._find("completion", "response", "output", "answer")
        asked = next((column for column in self.chats if column.plain in QUESTIONS), None)
        asked = asked or (self._find(*QUESTIONS) if said in self.chats else None)
        if asked and said:
            return _Shape("prompt and completion", {"input": (asked.name,), "output": (said.name,)})
        if not self.chats:
            return None
        talk = self.chats[0]
        if said and talk.is_history:
            shape = self._find_instructions() or self._find_pair()
            return shape or _Shape("chat", {"history": (talk.name,), "output": (said.name,)}, False)
        roles: Roles = {"messages": (talk.name,)}
        if said and said is not talk and all(list_roles(value)[-1:] == ["user"] for value in talk.values):
            roles["output"] = (said.name,)
        sure = len(self.chats) == 1 and not talk.is_transcript
        return _Shape(_CHAT_FORMATS.get(talk.plain, "chat"), roles, sure)

    def _find_instructions(self) -> _Shape | None:
        told, said = self._find("instruction"), self._find("output", "response", "completion", "answer")
        if not told or not said:
            return None
        return _Shape("Alpaca", {"instruction": (told.name,), **self._own_input(), "output": (said.name,)})

    def _own_input(self) -> Roles:
        own = self._find("input")
        return {"input": (own.name,)} if own else {}

    def _find_pair(self) -> _Shape | None:
        for (asking, answering), format in {**_PAIRS, **_LIKELY_PAIRS}.items():
            asked, said = self._find(asking), self._find(answering)
            if asked and said and not (asked.is_empty or said.is_empty):
                sure = (asking, answering) in _PAIRS
                return _Shape(format, {"input": (asked.name,), "output": (said.name,)}, sure)
        return None

    def _find_running_text(self) -> _Shape | None:
        spoken = [column for column in self.columns if column.plain in _TEXTS]
        if len(spoken) != 1:
            return None
        text = spoken[0]
        others = [column for column in self.columns if column is not text]
        plain = all(column.is_harmless or column.plain in _ABOUT_A_TEXT for column in others)
        if not plain or any(column.plain in OUTPUTS or column.may_be_label for column in others):
            return None
        return _Shape("running text", {"text": (text.name,)}, not text.is_transcript)

    def _find_by_name(self) -> _Shape | None:
        """An answer by its name or its values, and what can be read beside it."""
        columns = [column for column in self.columns if not column.is_empty]
        columns = [column for column in columns if not _is_numbered(column)] or columns
        named = next((column for name in OUTPUTS for column in columns if column.plain == name), None)
        output = named or self._find_answer(columns)
        told = self._find("instruction", "instructions", "task_description")
        rest = [column for column in columns if column not in (output, told) and column.plain not in IDS + SYSTEM]
        if output is None:
            talk = [column for column in columns if column.are_lists]
            return _Shape("chat", {"messages": (talk[0].name,)}, False) if len(talk) == 1 else None
        inputs = [column for column in rest if column.is_input and column.values != output.values]
        if len(inputs) == 1 and inputs[0].are_lists and not told:
            return _Shape("chat", {"history": (inputs[0].name,), "output": (output.name,)}, False)
        others = [column for column in rest if not column.is_harmless]
        chosen = inputs or [column for column in others if column.is_text] or others or ([] if told else rest)
        if not (chosen or told):
            return None
        roles: Roles = {"output": (output.name,)}
        if chosen:
            roles["input"] = _in_order(chosen)
        if told:
            roles["instruction"] = (told.name,)
        are_classes = output.are_numbers and output.plain in ("label", "labels", "class", "category")
        return _Shape("a table", roles, named is not None and len(inputs) == 1 and not told and not are_classes)

    def _find_answer(self, columns: list[Column]) -> Column | None:
        """The answer by what the columns hold: few values that come again, or of two texts the shorter one."""
        columns = [column for column in columns if not column.is_harmless or column.may_be_label]
        labels = [column for column in columns if _are_labels(column.values)]
        if len(columns) < 2 or len(labels) == 1:
            return labels[0] if len(columns) > 1 else None
        if len(columns) != 2 or any(column.are_lists for column in columns):
            return None
        if all(_LANGUAGE.fullmatch(column.plain) for column in columns):
            return columns[1]
        unread = [column for column in columns if not column.is_input]
        if len(unread) == 1 and not unread[0].are_numbers:
            return unread[0]
        shorter = min(columns, key=lambda column: column.size)
        return None if shorter.are_numbers and not shorter.may_be_label else shorter

    # What stands beside a shape

    def _add_companions(self, roles: Roles) -> Roles:
        """Add what is known by its name: an id, and beside turns and answers a system text, a history, tools."""
        roles = dict(roles)
        used = {name for columns in roles.values() for name in columns}
        free = [column for column in self.columns if column.name not in used]
        for column in free:
            role = ""
            if column.plain in IDS:
                role = "id"
            elif "text" in roles:
                continue
            elif column.plain in SYSTEM or (column.plain == "instruction" and "messages" in roles):
                role = "system" if not self._repeats(column, used) else ""
            elif column.are_tools and not column.is_empty:
                role = "tools"
            elif column.is_history and "messages" not in roles:
                role = "history"
            elif column.plain in COUNTS and "messages" in roles and column.are_numbers:
                role = "counts"
            if role and role not in roles:
                roles[role] = (column.name,)
        return roles

    def _is_harmless(self, column: Column, shape: _Shape) -> bool:
        return (
            column.is_harmless
            or _is_numbered(column)
            or (shape.format == "running text" and column.plain in _ABOUT_A_TEXT)
        )

    def _can_be_read(self, column: Column) -> bool:
        letters = [other for other in self.columns if re.fullmatch("[a-h]", other.plain)]
        is_option = column in letters and len(letters) > 2
        read = column.is_input or column.is_text or is_option
        return read and not column.is_answer_side and not column.is_chat

    def _use(self, roles: Roles, more: list[Column]) -> Roles:
        """Let what looks like text to read be read: before a chat by the system text, else as a part of the input."""
        if not more or "text" in roles:
            return roles
        is_asked = "input" in roles and not any(self.by_name[name].is_chat for name in roles["input"])
        if {"messages", "rejected", "history"} & set(roles) and not is_asked:
            return roles if "system" in roles else {**roles, "system": tuple(column.name for column in more)}
        own = [self.by_name[name] for name in roles.get("input", ())]
        places = {column.name: place for place, column in enumerate(self.columns)}
        return {**roles, "input": _in_order(sorted([*own, *more], key=lambda column: places[column.name]))}

    def _repeats(self, column: Column, used: set[str]) -> bool:
        """Whether a column only says what the used ones say: its texts stand in theirs, or all of theirs in it."""
        names = [name for name in used if self.by_name[name].plain not in IDS]
        checked = False
        for row in self.rows:
            texts = _list_texts(row.get(column.name))
            others = [text for name in names for text in _list_texts(row.get(name))]
            if not texts:
                continue
            whole, own = "\n".join(others), "\n".join(texts)
            stands = all(text in others or (len(text) >= _TELLING and text in whole) for text in texts)
            if not stands and not (others and all(text in own for text in others)):
                return False
            checked = True
        return checked


def _is_called(column: Column) -> bool:
    """Whether a column is called what it is taken for, and not only much like it."""
    return "".join(filter(str.isalnum, column.name.lower())) == column.plain.replace("_", "")


def _is_numbered(column: Column) -> bool:
    return column.name.startswith("column ") and column.name[7:].isdigit()


def _in_order(columns: Sequence[Column]) -> tuple[str, ...]:
    """What is read: a context before the question about it, choices after it, the rest as it stands."""
    asked = any(column.plain.startswith(QUESTIONS) for column in columns)

    def rank(column: Column) -> int:
        if not asked or column.plain.startswith(QUESTIONS):
            return 1
        return (
            0 if column.plain.startswith(BEFORE_A_QUESTION) else 2 if column.plain.startswith(AFTER_A_QUESTION) else 1
        )

    return tuple(column.name for column in sorted(columns, key=rank))


def _are_labels(values: Sequence[Any]) -> bool:
    texts = [value.strip().lower() for value in values if isinstance(value, str)]
    few = len(set(texts))
    return 2 <= few <= _FEW_LABELS and few * _SMALLEST_SHARE <= len(texts) == len(values)


def _list_texts(value: Any) -> list[str]:
    """The texts in a value, each as one line; of turns what they say."""
    if isinstance(value, str):
        parsed = load_json(value)
        return (
            _list_texts(parsed) if not isinstance(parsed, str) else [" ".join(value.split())] if value.strip() else []
        )
    if isinstance(value, Dictionary):
        return [text for key, item in value.items() if key not in ("role", "from") for text in _list_texts(item)]
    if isinstance(value, list):
        return [text for item in value for text in _list_texts(item)]
    return [] if value is None else [str(value)]
