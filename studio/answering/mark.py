"""Marks: how good a person finds one answer, from 1 to 5; kept in the file of the run's votes, and the last one counts.

Knows that file's lines alone: a line that is no mark is somebody's vote, and is passed over here as marks are there.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from pydantic import Field, ValidationError

from studio.answering.vote import Address, Marked, Strict, Text, Turns, append_said, check_asked, validate
from studio.journal import read_lines

BEST = 5


class Mark(Strict):
    """What one answer of `model` to a prompt is worth: 1 is useless, 5 as one would have written it."""

    prompt: Text
    step: int = Field(ge=0, lt=10**9)
    model: Address
    answer: Text
    rating: int = Field(ge=1, le=BEST)
    messages: Turns = ()

    @property
    def subject(self) -> tuple[str, ...]:
        """What was marked: equal for marks of which the last one counts."""
        return (self.prompt, json.dumps(self.messages, sort_keys=True), self.model, self.answer)


def read_mark(data: object) -> Mark:
    """Return the mark in what was sent. Raises InputError in words."""
    mark = validate(Mark, data)
    check_asked(mark.prompt, mark.messages)
    return mark


def append_marks(file: Path, marks: Iterable[Mark]) -> None:
    """Keep the marks that aren't kept yet. Raises InputError of far too many, WorkspaceError when the disk refuses."""
    known = list_marks(file)
    append_said(file, [mark.model_dump(exclude_defaults=True) for mark in marks if mark not in known])


def list_marks(file: Path) -> list[Mark]:
    """Return the last mark of each answer, the oldest first."""
    found = {}
    for line in read_lines(file):
        try:
            mark = Mark.model_validate({name: value for name, value in line.items() if name != "at"})
        except ValidationError:
            continue
        found[mark.subject] = mark
    return list(found.values())


def count_marks(marks: Iterable[Mark]) -> tuple[Marked, ...]:
    """Return the mean of each model's marks."""
    given: dict[str, list[int]] = {}
    for mark in marks:
        given.setdefault(mark.model, []).append(mark.rating)
    return tuple(Marked(model=model, mean=sum(ones) / len(ones), count=len(ones)) for model, ones in given.items())
