"""Events: one line of JSON for each thing that happened in a run, in the past tense, a class each; append-only.

Written by the training child, and by the studio where there is none (it left the queue, it couldn't start, it died);
each line by one write(), never NaN. Read by anybody from a byte offset: only whole lines are taken, so a reader that
comes while a line is being written sees it the next time. What is written and what is read is checked by the same
classes; a kind of event that none of them knows, of a newer studio, is read as what all events are.
"""

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from studio.journal import PAGE_BYTES, read_page, write_line
from studio.runs.hold import take_hold
from studio.uncollected import uncollected
from studio.workspace import disk_errors_in_words

LARGEST = 10**18
"""No step, parameter or moment is larger; a number that is was written by hand."""
Number = Annotated[float, Field(strict=True, ge=-LARGEST, le=LARGEST)]
Whole = Annotated[int, Field(strict=True, ge=0, le=LARGEST)]
TERMINAL = frozenset({"finished", "stopped", "failed"})
WITH_JOULES = TERMINAL | {"evaluated", "saved"}
PHASES = (
    "Loading the libraries",
    "Loading the base model",
    "Turning the examples into tokens",
    "Taking the first step",
)


class Event(BaseModel):
    """Something that happened, `at` a moment in seconds since 1970. Keys that its class doesn't name are kept."""

    model_config = ConfigDict(frozen=True, extra="allow")

    event: str
    at: Number


class Started(Event):
    """A child took the run; the first `attempt` begins at the start, a later one at a checkpoint."""

    event: Literal["started"]
    pid: Whole | None = None
    attempt: Whole | None = None
    resumed_from: Whole | None = None
    note: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)
    python: str | None = None


class Phase(Event):
    """One of the parts of what comes before the first step began."""

    event: Literal["phase"]
    text: str | None = None
    part: Whole | None = None
    parts: Whole | None = None


class Prepared(Event):
    """The examples are tokens: how many to train on and to validate on (`held_out` in older events), and which fast
    `ways` of reading them were tried."""

    event: Literal["prepared"]
    examples: Whole | None = None
    validation: Whole | None = Field(None, validation_alias=AliasChoices("validation", "held_out"))
    left_out: Whole | None = None
    tokens: Whole | None = None
    ways: list[Any] = Field(default_factory=list)


class Counted(Event):
    """The method is attached: so many weights train, of all."""

    event: Literal["counted"]
    trainable: Whole | None = None
    total: Whole | None = None


class Stepped(Event):
    """Head of what happened at a step.

    `joules` is what the computer drew since this child started, by what drew it, told with what is in WITH_JOULES:
    nothing where it has no counter, None where nobody looked.
    """

    step: Whole | None = None
    joules: dict[str, Number] | None = None


class Progressed(Stepped):
    """A step `of` all that the work has was made."""

    event: Literal["progressed"]
    of: Whole | None = None
    seconds_left: Number | None = None


class Metrics(Stepped):
    """A step `of` all was made in training: its loss, and what else the objective measures, by name."""

    event: Literal["metrics"]
    of: Whole | None = None
    seconds_left: Number | None = None
    loss: Number | None = None
    measures: dict[str, Number | None] = Field(default_factory=dict)
    learning_rate: Number | None = None
    grad_norm: Number | None = None
    epoch: Number | None = None
    examples_per_second: Number | None = None


class Evaluated(Stepped):
    """The validation part was measured: its loss (`held_out_loss` in older events) and other measures, by name."""

    event: Literal["evaluated"]
    loss: Number | None = Field(None, validation_alias=AliasChoices("loss", "held_out_loss"))
    measures: dict[str, Number | None] = Field(default_factory=dict)


class Saved(Stepped):
    """A checkpoint is whole."""

    event: Literal["saved"]


class Sampled(Stepped):
    """A few prompts of the validation part were answered: input, wanted, base, tuned."""

    event: Literal["sampled"]
    samples: list[Any] = Field(default_factory=list)


class Scored(Stepped):
    """The run measured itself: a checkpoint on `n` instances of a part (`general`: on general text).

    `metric` came to `value`, between `low` and `high` with 95 % confidence; `values` are others by name. `model` is the
    base or what was tuned; `examples` stood in the prompt, which took so many `tokens`. Of general text: nats a token,
    `before` and `after`. `seconds` were spent on measuring so far in this attempt; in all attempts it was a `share` of
    the run's time. Where `n` is 0 nothing was measured, and `note` says why.
    """

    event: Literal["scored"]
    part: str | None = None
    model: Literal["base", "tuned"] = "tuned"
    examples: Whole = 0
    n: Whole | None = None
    of: Whole | None = None
    metric: str | None = None
    value: Number | None = None
    low: Number | None = None
    high: Number | None = None
    values: dict[str, Number | None] = Field(default_factory=dict)
    tokens: Number | None = None
    before: Number | None = None
    after: Number | None = None
    seconds: Number | None = None
    share: Number | None = None
    note: str | None = None


class Concluded(Event):
    """What came out of the work, in words."""

    event: Literal["concluded"]
    result: str | None = None


def _read_changes(value: Any) -> Any:
    """What is no change of a recipe is none; the run failed all the same."""
    return value if isinstance(value, dict) else None


class Ended(Stepped):
    """Head of last words; an error says what went wrong, what a person can do, and the change of the recipe that does
    it."""

    seconds: Number | None = None
    error: str | None = None
    remedy: str | None = None
    remedy_changes: Annotated[dict[str, Any] | None, BeforeValidator(_read_changes)] = None


class Finished(Ended):
    """It came to its last step."""

    event: Literal["finished"]


class Stopped(Ended):
    """A person stopped it."""

    event: Literal["stopped"]


class Failed(Ended):
    """It could not go on."""

    event: Literal["failed"]


class Died(Ended):
    """Its child ended without last words; the studio says what is known."""

    event: Literal["died"]


_Known = Annotated[
    Started
    | Phase
    | Prepared
    | Counted
    | Metrics
    | Progressed
    | Evaluated
    | Saved
    | Sampled
    | Scored
    | Concluded
    | Finished
    | Stopped
    | Failed
    | Died,
    Field(discriminator="event"),
]
_KNOWN: TypeAdapter[Event] = TypeAdapter(_Known)
_ALL_KNOWN: TypeAdapter[list[Event]] = TypeAdapter(list[_Known])


class EventPage(NamedTuple):
    """Whole events read from a file, and the byte offset to go on from."""

    events: list[Event]
    offset: int


class EventWriter:
    """Appends events to a run's file. If a crash left half a line, it is closed first, so that it spoils no other.

    If the file was deleted or replaced by hand, what follows is told in the one that has its name now.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._holds = path, False
        self.draw: Callable[[bool], dict[str, float]] | None = None  # the joules so far, looked at anew if asked to be
        self.step = 0  # the last one that was told
        self.took_a_step = False
        self._open()

    def _open(self) -> None:
        with disk_errors_in_words(self._path.parent):
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)

    def take_hold(self) -> bool:
        """Be the one who trains this run, until the writer is closed. Returns False if another process is."""
        self._holds = take_hold(self._file)
        return self._holds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)

    def append(self, event: str, **values: Any) -> None:
        """Append one event with the time it happened (seconds since 1970).

        Raises WorkspaceError when the disk refuses, ValueError for what an event of its kind doesn't hold.
        """
        self.step = values.get("step", self.step)
        self.took_a_step = self.took_a_step or event in ("metrics", "progressed")
        told = {"event": event, "at": round(time.time(), 3), **_finite(values)}
        if self.draw:
            joules = self.draw(event in WITH_JOULES)
            told |= {"joules": {of: round(drawn, 2) for of, drawn in joules.items()}} if event in WITH_JOULES else {}
        line = json.dumps(told, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
        if parse_event(line) is None:
            raise ValueError(f"An event {event!r} does not hold {values}.")
        self._follow_the_name()
        with disk_errors_in_words(self._path.parent):
            write_line(self._file, line + b"\n")

    def append_phase(self, part: int, phases: Sequence[str] = PHASES) -> None:
        """Append that the part-th of the phases before the first step begins, counting from 1."""
        self.append("phase", text=phases[part - 1], part=part, parts=len(phases))

    def _follow_the_name(self) -> None:
        old = self._file
        try:
            if os.path.samestat(os.stat(self._path), os.fstat(old)):
                return
        except FileNotFoundError:
            pass  # opening it again makes it, or says that the folder is gone
        self._open()
        os.close(old)
        if self._holds:
            take_hold(self._file)


def read_events(path: Path, offset: int = 0, most_bytes: int = PAGE_BYTES) -> EventPage:
    """Return the whole events after `offset` bytes, at most `most_bytes` of them; a broken line is passed over."""
    page = read_page(path, offset, most_bytes)
    return EventPage(parse_lines(page.lines), page.offset)


def parse_lines(lines: list[bytes]) -> list[Event]:
    """Return the events of lines, read all at once, which is sooner; one by one where one is no event that is known."""
    try:
        with uncollected():
            events = _ALL_KNOWN.validate_json(b"[%b]" % b",".join(lines))
    except ValidationError:
        events = []
    if len(events) == len(lines):
        return events
    return [event for line in lines if (event := parse_event(line))]


def parse_event(line: bytes) -> Event | None:
    """Return the event of a line; None if it is none, or says of something known what can't be so."""
    try:
        return _KNOWN.validate_json(line)
    except ValidationError as error:
        if error.errors(include_url=False, include_input=False)[0]["type"] != "union_tag_invalid":
            return None
    try:
        return Event.model_validate_json(line)
    except ValidationError:
        return None


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not abs(value) <= LARGEST:
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
