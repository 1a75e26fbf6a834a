"""What people said of a run's answers as tasks: votes as pairs, corrections as answers, marks as verdicts.

Ties and pairs that were both bad prefer nothing; of equal pairs one is kept. Each instance says whose answers it holds.
Knows values alone.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from studio.answering.mark import Mark
from studio.answering.vote import PERSON, Vote
from studio.errors import InputError
from studio.tasks.instance import Instance, Message
from studio.tasks.kinds import KINDS
from studio.tasks.kinds.preference import Preference
from studio.tasks.kinds.rating import Rating
from studio.tasks.prompt import Turn
from studio.tasks.task import Origin, Task

LONGEST_ID = 60
LIKED, DISLIKED = 4, 2
"""A mark from here up is thumbs up, one from here down is thumbs down; what is between says neither."""


class Preferences(NamedTuple):
    """The task of some votes or marks; `left_out` of them say neither, or say again what another says."""

    task: Task
    left_out: int


def write_preferences(task: Task, votes: Sequence[Vote], run_id: str) -> Preferences:
    """Return the task of the votes on answers to a task's inputs. Raises InputError where no vote prefers an answer."""
    found: dict[str, Preference] = {}
    for vote in votes:
        if vote.better in ("first", "second") and len({text.strip() for text in vote.answers} - {""}) == 2:
            one = _write(vote, run_id)
            found.setdefault(one.id, one)
    if not found:
        raise InputError(
            f"No vote on this run prefers an answer ({len(votes):,} votes). Ask something in Compare and vote.",
            field="run_id",
        )
    made = _derive(task, "Votes on", Preference.name, found.values())
    return Preferences(made, len(votes) - len(found))


def write_corrections(task: Task, votes: Sequence[Vote], run_id: str) -> Task:
    """Return the task of the answers that a person corrected, the corrections being its answers.

    Raises InputError where nothing was corrected.
    """
    mine = [vote for vote in votes if PERSON in vote.models]
    if not mine:
        raise InputError(
            "No answer of this run was corrected yet. Write the answer you want in Compare.", field="run_id"
        )
    pairs = [_write(vote, run_id) for vote in mine]
    kind = KINDS.find("chat" if any(pair.messages for pair in pairs) else "instruction")
    instances: dict[str, Instance] = {}
    for pair in pairs:
        one = kind.make(pair.id, pair.input, pair.output, dict(pair.extra))
        instances[one.id] = one.model_copy(update={"messages": pair.messages}) if pair.messages else one
    return _derive(task, "Corrections of", kind.name, instances.values())


def write_ratings(task: Task, marks: Sequence[Mark], run_id: str) -> Preferences:
    """Return the task of the marks on answers, as thumbs up and down. Raises InputError where no mark is either."""
    said = [mark for mark in marks if mark.rating >= LIKED or mark.rating <= DISLIKED]
    if not said:
        raise InputError(
            f"No answer of this run is rated {LIKED} or more, or {DISLIKED} or less ({len(marks):,} are rated). Rate "
            "some in Compare.",
            field="run_id",
        )
    made = _derive(task, "Ratings of", Rating.name, [_write_rating(mark, run_id) for mark in said])
    return Preferences(made, len(marks) - len(said))


def _write_rating(mark: Mark, run_id: str) -> Rating:
    said = json.dumps(mark.subject, ensure_ascii=False)
    known: dict[str, Any] = {
        "id": _name(said),
        "input": mark.prompt,
        "output": (mark.answer,),
        "liked": mark.rating >= LIKED,
        "extra": {"model": mark.model, "run": run_id, "rating": str(mark.rating)},
    }
    if not mark.messages:
        return Rating(**known)
    turns = _list_turns(mark.messages, mark.prompt)
    return Rating(**{**known, "input": ""}, messages=(*turns, Message(role="assistant", content=mark.answer)))


def _derive(task: Task, what: str, kind: str, instances: Iterable[Instance]) -> Task:
    """Return the task that people's votes on another came to; `what` it is begins its title and its id."""
    changes = {
        "task_id": f"{what.lower().replace(' ', '_')}_{task.task_id}"[:LONGEST_ID].rstrip("_-"),
        "title": f"{what} {task.heading}",
        "kind": kind,
        "instances": tuple(instances),
        "origin": Origin(format="votes"),
        "split": "hash",
    }
    return task.model_copy(update=changes)


def _write(vote: Vote, run_id: str) -> Preference:
    """One vote that prefers an answer, whichever stood first."""
    models = vote.models if len(vote.models) == 2 else ("", "")
    told = list(zip(vote.answers, models, strict=True))
    (better, its), (worse, other) = told if vote.better == "first" else reversed(told)
    said = json.dumps([vote.messages, vote.prompt, better, worse], sort_keys=True, ensure_ascii=False)
    whose = {"better_model": its, "rejected_model": other, "run": run_id}
    known: dict[str, Any] = {
        "id": _name(said),
        "input": vote.prompt,
        "output": (better,),
        "rejected": worse,
        "extra": {name: text for name, text in whose.items() if text},
    }
    if not vote.messages:
        return Preference(**known)
    turns = _list_turns(vote.messages, vote.prompt)
    ends = (Message(role="assistant", content=text) for text in (better, worse))
    messages, rejected = ((*turns, end) for end in ends)
    return Preference(**{**known, "input": ""}, messages=messages, rejected_messages=rejected)


def _name(said: str) -> str:
    return f"vote-{hashlib.sha256(said.encode('utf-8', 'replace')).hexdigest()[:12]}"


def _list_turns(messages: Sequence[Turn], prompt: str) -> list[Message]:
    """The turns before an answer, the prompt the last of them."""
    turns = [_read_turn(turn) for turn in messages]
    if not (turns and turns[-1].role in ("user", "tool") and turns[-1].content == prompt):
        turns.append(Message(role="user", content=prompt))
    return turns


def _read_turn(turn: dict[str, object]) -> Message:
    rest = {name: value for name, value in turn.items() if name not in ("role", "content")}
    return Message.model_validate({"role": turn["role"], "content": str(turn.get("content") or ""), "extra": rest})
