"""Votes: which of two answers a person liked better, kept beside the run; the last word on a pair of answers counts.

One line of JSON each in the run's votes.jsonl, append-only. A line that can't be read is passed over.
"""

import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from studio.declaration import show
from studio.errors import InputError
from studio.journal import append_lines, read_lines
from studio.workspace import disk_errors_in_words

Choice = Literal["base", "same", "tuned"]
LONGEST_TEXT = 20_000
MOST_BYTES = 1 << 20


class Vote(BaseModel):
    """One vote: on what was answered to a prompt by base and by a checkpoint.

    `models` are the addresses of the two, () in votes of before there were any.
    """

    model_config = ConfigDict(frozen=True, strict=True)

    choice: Choice
    prompt: str = Field(max_length=LONGEST_TEXT)
    base: str = Field(max_length=LONGEST_TEXT)
    tuned: str = Field(max_length=LONGEST_TEXT)
    step: int = Field(ge=0, lt=10**9)
    models: tuple[Annotated[str, Field(max_length=1000)], ...] = Field((), max_length=2, strict=False)


class Tally(BaseModel, frozen=True):
    """How often each was chosen."""

    base: int = 0
    same: int = 0
    tuned: int = 0


def read_vote(data: object) -> Vote:
    """Return a vote that was sent. Raises InputError in words."""
    choice = data.get("choice") if isinstance(data, dict) else None
    if choice not in get_args(Choice):
        raise InputError(f"A vote is for base, same or tuned, not {show(choice)}.", field="choice")
    try:
        return Vote.model_validate(data)
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][0])[:20]
        raise InputError(f"The vote's {field} can't be kept as it is. Ask again, then vote.", field=field) from None


def append_vote(file: Path, vote: Vote) -> None:
    """Keep a vote. Raises InputError when there are far too many, WorkspaceError when the disk refuses."""
    with disk_errors_in_words(file.parent):
        if file.exists() and file.stat().st_size + len(vote.model_dump_json()) > MOST_BYTES:
            raise InputError("This run has more votes than can be kept; it keeps those it has.", field="choice")
    append_lines(file, [{"at": round(time.time(), 3), **vote.model_dump()}])


def count_votes(file: Path) -> Tally:
    """Return how often each was chosen, counting the last vote on each pair of answers."""
    votes: dict[tuple[str, str, str, int], Choice] = {}
    for line in read_lines(file):
        try:
            vote = Vote.model_validate({name: value for name, value in line.items() if name != "at"})
        except ValidationError:
            continue
        votes[vote.prompt, vote.base, vote.tuned, vote.step] = vote.choice
    counted = Counter(votes.values())
    return Tally(base=counted["base"], same=counted["same"], tuned=counted["tuned"])
