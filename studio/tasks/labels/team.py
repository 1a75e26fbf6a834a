"""Who labels a task, how much of it two people get, and what was settled: lines that are only added, beside the labels.

tasks/<task_id>/team.jsonl      {"name": ...} for each who joined, {"overlap": ...} when it was changed
tasks/<task_id>/settled.jsonl   {"id", "output", "by", "at"}; without an output it is open again
"""

import time
from pathlib import Path
from typing import NamedTuple

from studio.errors import InputError
from studio.journal import append_lines, read_lines
from studio.tasks.cell import check_text

LONGEST_NAME = 80
OVERLAP = 0.2
_TEAM, _SETTLED = "team.jsonl", "settled.jsonl"


class Team(NamedTuple):
    """The people who label a task, in the order they came, and the share that two of them get."""

    people: tuple[str, ...] = ()
    overlap: float = OVERLAP


def read_name(name: object) -> str:
    """Return the name of a person who labels. Raises InputError in words."""
    words = " ".join(check_text(name, "person").split()) if isinstance(name, str) else ""
    if not words or len(words) > LONGEST_NAME:
        raise InputError(
            f"A name has 1 to {LONGEST_NAME} characters, so that several people can label one task. Write yours.",
            field="person",
        )
    return words


def read_team(folder: Path) -> Team:
    """Return who labels the task that is kept in `folder`."""
    people: dict[str, None] = {}
    overlap = OVERLAP
    for line in read_lines(folder / _TEAM):
        if isinstance(line.get("name"), str):
            people[line["name"]] = None
        if isinstance(line.get("overlap"), int | float):
            overlap = float(line["overlap"])
    return Team(tuple(people), overlap)


def join_team(folder: Path, person: str) -> None:
    """Add a person to those who label, once."""
    if person not in read_team(folder).people:
        append_lines(folder / _TEAM, [{"name": person, "at": time.time()}])


def set_overlap(folder: Path, overlap: float, by: str) -> None:
    """Change which share goes to two people. Raises InputError in words."""
    if not 0 <= overlap <= 1:
        raise InputError(f"overlap must be between 0 and 1, not {overlap}. Try {OVERLAP}.", field="overlap")
    append_lines(folder / _TEAM, [{"overlap": overlap, "by": by, "at": time.time()}])


def read_settled(folder: Path) -> dict[str, str]:
    """Return instance -> the answer that was settled on where people differed."""
    found: dict[str, str] = {}
    for line in read_lines(folder / _SETTLED):
        if isinstance(line.get("output"), str):
            found[str(line.get("id"))] = line["output"]
        else:
            found.pop(str(line.get("id")), None)
    return found


def settle(folder: Path, id: str, output: str | None, by: str) -> None:
    """Settle on an answer where people differed; without one it is open again. Raises InputError in words."""
    if output is not None and not check_text(output, "output").strip():
        raise InputError("The answer is blank. Choose one of the labels, or write one.", field="output")
    append_lines(folder / _SETTLED, [{"id": id, "output": output, "by": by, "at": time.time()}])
