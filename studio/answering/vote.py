"""Votes: which answers a person liked better, kept beside the run, a line a pair; the last word on a pair counts.

A ranking of two to four answers is as many pairs as it tells something about. Lines that an older edition wrote, of
base and tuned alone, are read as such pairs; a line that can't be read is passed over.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from studio.answering.column import MOST
from studio.answering.question import LONGEST_CONVERSATION, ROLES
from studio.declaration import show
from studio.errors import InputError
from studio.journal import append_lines, read_lines
from studio.tasks.prompt import Turn
from studio.workspace import disk_errors_in_words

Better = Literal["first", "same", "second", "bad", "none"]
"""Which of a pair was liked better; "bad": both are too bad to choose; "none" takes an earlier word back."""
BASE_AND_TUNED = (0, 1)
PERSON = "person"
"""Stands for a model where a person wrote the answer."""
NO_COLUMNS = (MOST, MOST + 1)
OLDER: dict[str, Better] = {"base": "first", "same": "same", "tuned": "second", "bad": "bad"}
"""The choices of a vote on base and tuned alone."""
LONGEST_TEXT = 20_000
ABOUT_AS_LONG = 1.25
"""An answer is about as long as one that is at most so many times as long: people like the longer one better."""
MOST_BYTES = 1 << 20
MOST_TURNS = 200

RULES = {
    "rating": "a whole number from 1 to 5",
    "columns": f'a list of two to four {{"model", "answer"}}, an answer of at most {LONGEST_TEXT:,} characters',
    "ranks": f"a list of ranks from 1 to {MOST}, null for an answer of which nothing is said",
    "step": "the number of the step whose answer it was",
    "messages": 'the turns before the prompt, {"role", "content"} each',
}
"""What a field of what is sent has to be; any other is a text."""

Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Address = Annotated[str, Field(max_length=1000)]
Pair = Annotated[tuple[Text, Text], Field(strict=False)]


def _check_turns(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Refuse turns that nobody says, that are too long, or that no file can hold."""
    try:
        text = json.dumps(turns, ensure_ascii=False, default=str)
    except RecursionError:
        raise ValueError("The turns are nested too deep.") from None
    if len(text) > LONGEST_CONVERSATION or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("The turns are too long, or hold half a letter.")
    if not all(turn.get("role") in ROLES for turn in turns):
        raise ValueError("A turn is of nobody.")
    return turns


Turns = Annotated[tuple[Turn, ...], Field(max_length=MOST_TURNS, strict=False), AfterValidator(_check_turns)]
V = TypeVar("V", bound=BaseModel)


class Strict(BaseModel):
    """Head of what a browser may send about answers: frozen, and of exactly these types."""

    model_config = ConfigDict(frozen=True, strict=True)


class Vote(Strict):
    """One vote: on two answers to a prompt, by the models of two columns; `step` is the tuned column's.

    `models` are the addresses of the two, () in votes of before there were any; `places` are their columns; `messages`
    the turns before the prompt.
    """

    prompt: Text
    step: int = Field(ge=0, lt=10**9)
    answers: Pair
    models: tuple[Address, ...] = Field((), max_length=2, strict=False)
    places: Annotated[tuple[int, int], Field(strict=False)] = BASE_AND_TUNED
    better: Better
    messages: Turns = ()

    @model_validator(mode="before")
    @classmethod
    def _read_older(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "choice" not in data:
            return data
        kept = {name: data[name] for name in ("prompt", "step", "models", "messages") if name in data}
        return {**kept, "answers": (data.get("base"), data.get("tuned")), "better": OLDER.get(str(data["choice"]))}

    @property
    def pair(self) -> tuple[object, ...]:
        """What was voted on, whichever column was first: equal for votes of which the last one counts."""
        asked = (self.prompt, json.dumps(self.messages, sort_keys=True)) if self.messages else (self.prompt,)
        if self.places == BASE_AND_TUNED:
            return (*asked, self.step, self.answers)
        return (*asked, frozenset(zip(self.models, self.answers, strict=False)))


class Answered(Strict):
    """What one column said: the address of its model, and its answer."""

    model: Address
    answer: Text


class Ranking(Strict):
    """How good the answers of all columns were: 1 is best, equal ranks are about the same, None says nothing of one.

    The first two columns are base and tuned of the run. A ranking that `takes_back` unsays what was said of the pairs
    that it says nothing of; where `all_bad`, none is worth choosing, whatever the ranks.
    """

    prompt: Text
    step: int = Field(ge=0, lt=10**9)
    columns: tuple[Answered, ...] = Field(min_length=2, max_length=MOST, strict=False)
    ranks: tuple[Annotated[int, Field(ge=1, le=MOST)] | None, ...] = Field(max_length=MOST, strict=False)
    takes_back: bool = False
    all_bad: bool = False
    messages: Turns = ()

    def list_votes(self) -> list[Vote]:
        """Return a vote for each pair that it tells something about; what is ranked is better than what isn't."""
        votes = [
            Vote(
                prompt=self.prompt,
                step=self.step,
                answers=(self.columns[left].answer, self.columns[right].answer),
                models=(self.columns[left].model, self.columns[right].model),
                places=(left, right),
                better="bad" if self.all_bad else _compare(self.ranks[left], self.ranks[right]),
                messages=self.messages,
            )
            for left, right in combinations(range(len(self.columns)), 2)
        ]
        return [vote for vote in votes if vote.better != "none" or self.takes_back]


class Correction(Strict):
    """What a person would have answered in place of what `model` did: it is better than that answer."""

    prompt: Text
    step: int = Field(ge=0, lt=10**9)
    model: Address
    answer: Text
    correction: Text
    messages: Turns = ()

    def list_votes(self) -> list[Vote]:
        """Return the vote for the correction, which stands in no column."""
        return [
            Vote(
                prompt=self.prompt,
                step=self.step,
                answers=(self.correction, self.answer),
                models=(PERSON, self.model),
                places=NO_COLUMNS,
                better="first",
                messages=self.messages,
            )
        ]


class Standing(BaseModel, frozen=True):
    """In how many pairs the answer of a model was better, and in how many it was compared."""

    model: str
    won: int
    of: int


class Marked(BaseModel, frozen=True):
    """The mean of `count` marks, from 1 to 5, on the answers of a model."""

    model: str
    mean: float
    count: int


class Tally(BaseModel, frozen=True):
    """How often base, tuned or neither was liked better, or both were `bad`, and how each model did.

    `alike` is (base, tuned) once more, of answers that are about as long; so many answers were corrected; `marks` are
    what single answers got.
    """

    base: int = 0
    same: int = 0
    tuned: int = 0
    bad: int = 0
    models: tuple[Standing, ...] = ()
    alike: tuple[int, int] = (0, 0)
    corrections: int = 0
    marks: tuple[Marked, ...] = ()


def read_votes(data: object) -> list[Vote]:
    """Return the votes in what was sent: a ranking, a correction, or one vote on base and tuned. Raises InputError."""
    if isinstance(data, dict) and "ranks" in data:
        ranking = validate(Ranking, data)
        if len(ranking.ranks) != len(ranking.columns):
            raise InputError("A ranking has a rank, or nothing, for each answer.", field="ranks")
        return _check(ranking.list_votes())
    if isinstance(data, dict) and "correction" in data:
        return _check_correction(validate(Correction, data)).list_votes()
    choice = data.get("choice") if isinstance(data, dict) else None
    if not isinstance(choice, str) or choice not in OLDER:
        raise InputError(f"A vote is for base, same, tuned or bad, not {show(choice)}.", field="choice")
    return _check([validate(Vote, data)])


def _check(votes: list[Vote]) -> list[Vote]:
    """Votes that are on something. Raises InputError in words."""
    for vote in votes:
        check_asked(vote.prompt, vote.messages)
        if not any(map(str.strip, vote.answers)) and vote.better not in ("bad", "none"):
            raise InputError(
                "Both answers are empty, so none can be better. Ask again, or say that both are bad.", field="choice"
            )
    return votes


def _check_correction(said: Correction) -> Correction:
    """A correction that corrects something. Raises InputError in words."""
    check_asked(said.prompt, said.messages)
    if not said.correction.strip():
        raise InputError("The correction is empty. Write what should have been answered.", field="correction")
    if said.correction.strip() == said.answer.strip():
        raise InputError(
            "The correction is the same as the answer. Write what should have been answered, or rate the answer 5.",
            field="correction",
        )
    return said


def check_asked(prompt: str, messages: Sequence[Turn]) -> None:
    """Raise InputError in words where what was said is of an answer to nothing."""
    if not prompt.strip() and not messages:
        raise InputError("Nothing was asked, so there is nothing to vote on. Ask, then vote.", field="prompt")


def append_votes(file: Path, votes: Iterable[Vote]) -> None:
    """Keep what votes say that isn't said yet.

    Raises InputError when there are far too many, WorkspaceError when the disk refuses.
    """
    known = {pair: vote.better for pair, vote in _read_last_words(file).items()}
    append_said(
        file, [vote.model_dump(exclude_defaults=True) for vote in votes if known.get(vote.pair, "none") != vote.better]
    )


def append_said(file: Path, new: Sequence[dict[str, Any]]) -> None:
    """Add lines of what a person said. Raises InputError when there are far too many, WorkspaceError of the disk."""
    with disk_errors_in_words(file.parent):
        if file.exists() and file.stat().st_size + sum(len(str(vote)) for vote in new) > MOST_BYTES:
            raise InputError("This run has more votes than can be kept; it keeps those it has.", field="choice")
    if new:
        append_lines(file, [{"at": round(time.time(), 3), **vote} for vote in new])


def count_votes(file: Path) -> Tally:
    """Return how often each was chosen, counting the last vote on each pair of answers."""
    sides: Counter[str] = Counter()
    won: Counter[str] = Counter()
    stood: Counter[str] = Counter()
    alike: Counter[str] = Counter()
    corrections = 0
    for vote in list_votes(file):
        if PERSON in vote.models:  # a correction is no choice between models
            corrections += 1
            continue
        if vote.places == BASE_AND_TUNED:
            sides[vote.better] += 1
            alike[vote.better] += are_alike(*vote.answers)
        if len(set(vote.models)) == 2:  # what was there twice isn't better than itself
            stood.update(vote.models)
            won.update(vote.models[:1] if vote.better == "first" else ())
            won.update(vote.models[1:] if vote.better == "second" else ())
    models = tuple(Standing(model=model, won=won[model], of=count) for model, count in stood.items())
    base, same, tuned, bad = (sides[better] for better in OLDER.values())
    return Tally(
        base=base, same=same, tuned=tuned, bad=bad, models=models, alike=(alike["first"], alike["second"]),
        corrections=corrections,
    )  # fmt: skip


def are_alike(one: str, other: str) -> bool:
    """Whether two answers are about as long."""
    short, long = sorted((len(one), len(other)))
    return long <= ABOUT_AS_LONG * short


def list_votes(file: Path) -> list[Vote]:
    """Return the last word on each pair of answers, the oldest first; what was taken back is left out."""
    return [vote for vote in _read_last_words(file).values() if vote.better != "none"]


def _compare(left: int | None, right: int | None) -> Better:
    if left is None or right is None:
        return "none" if left == right else "first" if right is None else "second"
    return "same" if left == right else "first" if left < right else "second"


def _read_last_words(file: Path) -> dict[tuple[object, ...], Vote]:
    votes = {}
    for line in read_lines(file):
        try:
            vote = Vote.model_validate({name: value for name, value in line.items() if name != "at"})
        except ValidationError:
            continue
        votes[vote.pair] = vote
    return votes


def validate(kind: type[V], data: object) -> V:
    """Return what was sent, as one of its kind. Raises InputError in words."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first, *rest = error.errors()[0]["loc"] or ("choice",)
        field = ("base", "tuned")[int(rest[0])] if first == "answers" and rest else str(first)[:20]
        given = data.get(field) if isinstance(data, dict) else data
        rule = RULES.get(field, f"a text of at most {LONGEST_TEXT:,} characters")
        raise InputError(f"{field} is {rule}, not {show(given)}. Ask again, then vote.", field=field) from None
