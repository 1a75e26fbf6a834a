"""The forms of data that are known by the names and values of columns, the surest first.

Knows which columns make a form and which part each plays in it. Knows nothing of the columns beside them (`guess.py`).
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from studio.tasks.reading.column import AFTER_A_QUESTION, BEFORE_A_QUESTION, IDS, OUTPUTS, QUESTIONS, SYSTEM, Column
from studio.tasks.reading.conversation import list_roles

ABOUT_A_TEXT = ("title", "name", "author")
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
_FEW_LABELS = 20
_SMALLEST_SHARE = 4

Roles = dict[str, tuple[str, ...]]


class Shape(NamedTuple):
    """A form that was recognised: its name, its roles, whether its names alone say so."""

    format: str
    roles: Roles
    sure: bool = True


def find_shape(columns: list[Column]) -> Shape | None:
    """Return the form that some columns have; None if nothing looks like an answer."""
    return _Finder(columns).find()


def are_labels(values: Sequence[Any]) -> bool:
    """Say whether values are few texts that come again and again."""
    texts = [value.strip().lower() for value in values if isinstance(value, str)]
    few = len(set(texts))
    return 2 <= few <= _FEW_LABELS and few * _SMALLEST_SHARE <= len(texts) == len(values)


def in_order(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return what is read: a context before the question about it, choices after it, the rest as it is."""
    asked = any(column.plain.startswith(QUESTIONS) for column in columns)

    def rank(column: Column) -> int:
        if not asked or column.plain.startswith(QUESTIONS):
            return 1
        return (
            0 if column.plain.startswith(BEFORE_A_QUESTION) else 2 if column.plain.startswith(AFTER_A_QUESTION) else 1
        )

    return tuple(column.name for column in sorted(columns, key=rank))


class _Finder:
    """Looks for one form after the other."""

    def __init__(self, columns: list[Column]) -> None:
        self.columns = columns
        self.chats = [column for column in columns if column.is_chat or column.may_be_chat]

    def find(self) -> Shape | None:
        return (
            self._find_preferences()
            or self._find_ratings()
            or self._find_chat()
            or self._find_instructions()
            or self._find_pair()
            or self._find_running_text()
            or self._find_by_name()
        )

    def _find(self, *names: str) -> Column | None:
        """The first column that is called so, and rather one that holds something."""
        found = [column for name in names for column in self.columns if column.plain == name]
        return next((column for column in found if not column.is_empty), found[0] if found else None)

    def _find_preferences(self) -> Shape | None:
        for better, worse in _PREFERRED + _LIKELY_PREFERRED:
            chosen, rejected = self._find(better), self._find(worse)
            if chosen and rejected:
                break
        else:
            return None
        roles: Roles = {"output": (chosen.name,), "rejected": (rejected.name,)}
        sure = (better, worse) in _PREFERRED
        if any(_begins_with_user(value) for value in chosen.values):
            return Shape("preferences with the prompt inside", roles, sure)
        if (input := self._find("input")) and any(isinstance(value, dict) for value in input.values):
            return Shape("OpenAI preferences", {"input": (input.name,), **roles}, sure)
        talks = [column for column in self.chats if column not in (chosen, rejected)]
        if talks and talks[0].plain != "prompt":
            return Shape("ShareGPT preferences", {"messages": (talks[0].name,), **roles}, sure and len(talks) == 1)
        if told := self._find("instruction"):
            return Shape("Alpaca preferences", {"instruction": (told.name,), **self._own_input(), **roles}, sure)
        if asked := self._find("prompt", "question", "query", "input"):
            return Shape("preferences", {"input": (asked.name,), **roles}, sure)
        return Shape("preferences with the prompt inside", roles, sure)

    def _find_ratings(self) -> Shape | None:
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
            return Shape("KTO", {"messages": (talks[0].name,), **verdict}, sure and len(talks) == 1)
        said = self._find("completion", "output", "response", "answer")
        if said and (told := self._find("instruction")):
            roles = {"instruction": (told.name,), **self._own_input(), "output": (said.name,), **verdict}
            return Shape("KTO", roles, sure)
        if said and (asked := self._find("prompt", "question")):
            return Shape("KTO", {"input": (asked.name,), "output": (said.name,), **verdict}, sure)
        return None

    def _find_chat(self) -> Shape | None:
        """A column of turns; beside an answer that isn't in it, it is the turns before."""
        said = self._find("completion", "response", "output", "answer")
        asked = next((column for column in self.chats if column.plain in QUESTIONS), None)
        asked = asked or (self._find(*QUESTIONS) if said in self.chats else None)
        if asked and said:
            return Shape("prompt and completion", {"input": (asked.name,), "output": (said.name,)})
        if not self.chats:
            return None
        talk = self.chats[0]
        if said and talk.is_history:
            shape = self._find_instructions() or self._find_pair()
            return shape or Shape("chat", {"history": (talk.name,), "output": (said.name,)}, False)
        roles: Roles = {"messages": (talk.name,)}
        if said and said is not talk and all(list_roles(value)[-1:] == ["user"] for value in talk.values):
            roles["output"] = (said.name,)
        sure = len(self.chats) == 1 and not talk.is_transcript
        return Shape(_CHAT_FORMATS.get(talk.plain, "chat"), roles, sure)

    def _find_instructions(self) -> Shape | None:
        told, said = self._find("instruction"), self._find("output", "response", "completion", "answer")
        if not told or not said:
            return None
        return Shape("Alpaca", {"instruction": (told.name,), **self._own_input(), "output": (said.name,)})

    def _own_input(self) -> Roles:
        own = self._find("input")
        return {"input": (own.name,)} if own else {}

    def _find_pair(self) -> Shape | None:
        for (asking, answering), format in {**_PAIRS, **_LIKELY_PAIRS}.items():
            asked, said = self._find(asking), self._find(answering)
            if asked and said and not (asked.is_empty or said.is_empty):
                sure = (asking, answering) in _PAIRS
                return Shape(format, {"input": (asked.name,), "output": (said.name,)}, sure)
        return None

    def _find_running_text(self) -> Shape | None:
        spoken = [column for column in self.columns if column.plain in _TEXTS]
        if len(spoken) != 1:
            return None
        text = spoken[0]
        others = [column for column in self.columns if column is not text]
        plain = all(column.is_harmless or column.plain in ABOUT_A_TEXT for column in others)
        if not plain or any(column.plain in OUTPUTS or column.may_be_label for column in others):
            return None
        if text.is_transcript:
            return Shape("chat", {"messages": (text.name,)}, False)
        return Shape("running text", {"text": (text.name,)})

    def _find_by_name(self) -> Shape | None:
        """An answer by its name or its values, and what can be read beside it."""
        columns = [column for column in self.columns if not (column.is_empty or column.are_roles)]
        columns = [column for column in columns if not column.is_numbered] or columns
        called = [column for name in OUTPUTS for column in columns if column.plain == name]
        called = [column for column in called if called[0].plain == column.plain]
        named = next((column for column in called if not column.are_numbers), called[0] if called else None)
        output = named or self._find_answer(columns)
        told = self._find("instruction", "instructions", "task_description")
        rest = [column for column in columns if column not in (output, told) and column.plain not in IDS + SYSTEM]
        if output is None:
            talk = [column for column in columns if column.are_lists]
            return Shape("chat", {"messages": (talk[0].name,)}, False) if len(talk) == 1 else None
        inputs = [column for column in rest if column.is_input and column.values != output.values]
        if len(inputs) == 1 and inputs[0].are_lists and not told:
            return Shape("chat", {"history": (inputs[0].name,), "output": (output.name,)}, False)
        others = [column for column in rest if not column.is_harmless]
        chosen = inputs or [column for column in others if column.is_text] or others or ([] if told else rest)
        if not (chosen or told):
            return None
        roles: Roles = {"output": (output.name,)}
        if chosen:
            roles["input"] = in_order(chosen)
        if told:
            roles["instruction"] = (told.name,)
        are_classes = output.are_numbers and output.plain in ("label", "labels", "class", "category")
        sure = named is not None and len(inputs) == 1 and not (told or are_classes or self._are_rated(output))
        return Shape("a table", roles, sure)

    def _are_rated(self, output: Column) -> bool:
        """Whether another column holds a number for each of several answers: then some are better than others."""
        sizes = [len(value) if isinstance(value, list) else 0 for value in output.values]
        return max(sizes, default=0) > 1 and any(
            [len(value) if _are_numbers(value) else -1 for value in column.values] == sizes for column in self.columns
        )

    def _find_answer(self, columns: list[Column]) -> Column | None:
        """The answer by what the columns hold: few values that come again, or of two texts the shorter one."""
        columns = [column for column in columns if not column.is_harmless or column.may_be_label]
        labels = [column for column in columns if are_labels(column.values)]
        if len(columns) < 2 or len(labels) == 1:
            return labels[0] if len(columns) > 1 else None
        if len(columns) != 2 or any(column.are_lists for column in columns):
            return None
        if all(_LANGUAGE.fullmatch(column.plain) for column in columns):
            return columns[1]
        for sign in ("is_answer", "are_questions"):
            signed = [column for column in columns if getattr(column, sign)]
            if len(signed) == 1:
                return signed[0] if sign == "is_answer" else next(one for one in columns if one is not signed[0])
        unread = [column for column in columns if not column.is_input]
        if len(unread) == 1 and not unread[0].are_numbers:
            return unread[0]
        shorter = min(columns, key=lambda column: column.size)
        return None if shorter.are_numbers and not shorter.may_be_label else shorter


def _begins_with_user(value: Any) -> bool:
    """Whether a value is a conversation from its beginning, and no answer that goes on over several turns."""
    return next((role for role in list_roles(value) if role != "system"), "") == "user"


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, int | float) for item in value)
