"""The status of a run: never stored, always folded from its events and from "is that process alive".

A `Watch` folds only what is new since it last looked, so a status costs the same at step 10 and at step 100,000.
"""

import threading
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, computed_field

from studio.errors import WorkspaceError
from studio.launchers.launch import Launch
from studio.objectives import find_makes
from studio.objectives.measure import LOSS
from studio.runs.event import (
    TERMINAL,
    Concluded,
    Counted,
    Ended,
    Evaluated,
    Event,
    Phase,
    Progressed,
    Saved,
    Scored,
    Started,
)
from studio.runs.hold import is_held
from studio.runs.run import Run
from studio.runs.steps import Steps, read_in_bulk

Status = Literal["queued", "starting", "running", "finished", "stopped", "failed", "lost"]
ACTIVE = frozenset({"starting", "running"})


_MEASURED = ("of", "examples_per_second", "seconds_left")
_SAID = ("error", "remedy", "remedy_changes")
_LAST_WORDS = TERMINAL | {"died"}
"""A child's own last event, or the studio's of a child that wrote none."""


class ScoreCard(BaseModel, frozen=True):
    """What the run's best checkpoint came to on `n` of the test part's instances, `of` all, with its interval."""

    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    of: int = 0


class RunStatus(BaseModel, frozen=True):
    """What is true of a run now; times are in seconds, moments in seconds since 1970.

    `measures` are what its objective measured at the last step, and `validation` when the validation part was last
    measured, by their names, the loss among them. `remedy` says in words what a person can do about `error`,
    `remedy_changes` is the patch of the recipe that does it (to be merged deeply), `note` what was unusual and needs
    no action. `kind` is that of the work, `unit` what a step of it is, `about` the run it is about, `result` what came
    out, in words. `score` is the run's own on the test part, `forgetting` in nats a token at its last checkpoint;
    `measures_itself` says that it has begun to; `baseline` is what a better prompt would do, and `verdict` how tuned
    compares with base on the test part, in words; `won` how often its drawn answers are judged better than those of
    the start; `measuring` is the share of its time that it spent on that; `unmeasured` says by part why something was
    not. `attempt_seconds` is how long each attempt took, the first and each that went on after a stop;
    `elapsed_seconds` is their sum, None before there was one. `joules` are what the computer drew, by what drew it:
    nothing where it has no counter, None where nobody looked.
    """

    run_id: str
    name: str
    kind: str = "training"
    unit: str = "step"
    about: str = ""
    status: Status
    phase: str | None = None
    step: int = 0
    of: int | None = None
    measures: dict[str, float | None] = {}
    validation: dict[str, float | None] = {}
    trainable: int | None = None
    total: int | None = None
    examples_per_second: float | None = None
    seconds_left: float | None = None
    attempt_seconds: list[float] = []
    joules: dict[str, float] | None = None
    queued_at: float | None = None
    position: int | None = None
    wait_seconds: float | None = None
    error: str | None = None
    remedy: str | None = None
    remedy_changes: dict[str, Any] | None = None
    note: str | None = None
    result: str | None = None
    checkpoints: list[int] = []
    created_at: float
    finished_at: float | None = None
    heard_at: float | None = None
    score: ScoreCard | None = None
    forgetting: float | None = None
    measures_itself: bool = False
    baseline: str | None = None
    verdict: str | None = None
    won: str | None = None
    measuring: float | None = None
    unmeasured: dict[str, str] = {}
    title: str = ""
    sentence: str = ""
    recipe: dict[str, Any] = {}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def loss(self) -> float | None:
        """The loss of the last step."""
        return self.measures.get(LOSS.name)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def validation_loss(self) -> float | None:
        """The last loss of the validation part."""
        return self.validation.get(LOSS.name)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def elapsed_seconds(self) -> float | None:
        """How long it worked, in all its attempts, without what it waited between them."""
        return round(sum(self.attempt_seconds), 1) if self.attempt_seconds else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def watt_hours(self) -> float | None:
        """What whole processors and cards drew while it worked, in all its attempts; None where nothing counts it."""
        return sum(self.joules.values()) / 3600 if self.joules else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def held_out(self) -> dict[str, float | None]:
        """The older name of `validation`, which programs read."""
        return self.validation

    @computed_field  # type: ignore[prop-decorator]
    @property
    def held_out_loss(self) -> float | None:
        """The older name of `validation_loss`, which programs read."""
        return self.validation_loss

    @property
    def can_stop(self) -> bool:
        """Whether stopping it means something."""
        return self.status in ACTIVE or self.status == "queued"

    @property
    def can_resume(self) -> bool:
        """Whether it can go on: it was lost, or ended before its last step, or before that was saved."""
        early = self.of is None or self.step < self.of
        unsaved = self.status == "failed" and self.step not in self.checkpoints
        return self.status == "lost" or (self.status in ("stopped", "failed") and (early or unsaved))

    @property
    def can_ask(self) -> bool:
        """Whether there are weights to try."""
        return bool(self.checkpoints)

    @property
    def can_answer(self) -> bool:
        """Whether there are weights that write answers."""
        return self.can_ask and find_makes(self.recipe.get("objective")) == "answer"


class Watch:
    """Follows one run. Safe to use from several threads."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.owner, self.kind, self._created_at = run.owner, run.kind, created_at(run.folder)
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._file: int | None = None
        self._offset = 0
        self._values: dict[str, Any] = {}
        self._last: str | None = None
        self._started_at: float | None = None
        self._drawn: dict[str, float] = {}  # joules of the attempts before this one

    def look(self) -> RunStatus:
        """Return the status, reading only the events that are new."""
        with self._lock:
            unreadable = ""
            try:
                self._read()
                status = self._decide()
            except WorkspaceError as error:  # true of this run, and it spoils no other's
                status, unreadable = "lost", str(error)
            past: tuple[str, ...] = ("phase", "seconds_left") if status not in ACTIVE else ()
            ended = status in TERMINAL or status == "lost" and self._ends_in(self.run.find_launch(), _LAST_WORDS)
            past += () if ended else _SAID
            past += ("finished_at",) if status not in TERMINAL else ()
            values = {name: value for name, value in self._values.items() if name not in past}
            values |= {"error": unreadable} if unreadable else {}
            return RunStatus(
                run_id=self.run.run_id,
                name=self.run.name,
                kind=self.kind,
                status=status,
                created_at=self._created_at,
                queued_at=self.run.queued_at if status == "queued" else None,
                checkpoints=self.run.list_checkpoints(),
                **values,
            )

    @property
    def is_loading(self) -> bool:
        """Whether the last child had not taken its first step when it was last looked at."""
        return bool(self._values.get("phase"))

    def _read(self) -> None:
        file, size = _find_file(self.run.events_file)
        if file != self._file or size < self._offset:  # deleted, replaced or shortened by hand: all of it is new
            self._forget()
            self._file = file
        while size != self._offset:
            page = read_in_bulk(self.run.events_file, self._offset)
            for block in page.blocks:
                if isinstance(block, Steps):
                    self._fold_steps(block)
                else:
                    self._fold(block)
            if page.offset == self._offset:
                return
            self._offset = page.offset

    def _decide(self) -> Status:
        # The files first, then the process: the other way round, a start in between looks like a death.
        waits, was_launched = self.run.resume_file.exists(), self.run.was_launched()
        launch = self.run.find_launch()
        ended = self._ends_in(launch, TERMINAL)  # most have, and then nobody is asked whether their process lives
        alive = not ended and (launch is not None and launch.is_alive() or is_held(self.run.events_file))
        if waits and not alive:
            return "queued"
        if not alive and not ended:
            self._read()  # it may have written its last words between the two looks
        if self._ends_in(launch, TERMINAL):
            return self._last  # type: ignore[return-value]
        if not alive:
            return "lost" if was_launched or self._last else "queued"
        is_training = self._last not in TERMINAL and self._values.get("step") and not self._values.get("phase")
        return "running" if is_training else "starting"

    def _ends_in(self, launch: Launch | None, kinds: frozenset[str]) -> bool:
        """Whether the last event is of one of these kinds, and was written since a process was last started."""
        return self._last in kinds and (launch is None or launch.offset < self._offset)

    def _fold(self, event: Event) -> None:
        values = self._values
        if isinstance(event, Progressed):
            said = event.model_fields_set
            values.update({key: getattr(event, key) for key in _MEASURED if key in said})
            values.update(phase=None, step=event.step or values.get("step", 0))
        elif isinstance(event, Started):
            self._started_at, self._drawn = event.at, values.get("joules") or {}
            values.update(dict.fromkeys(("error", "remedy", "remedy_changes", "finished_at", "seconds_left")))
            values.update(step=event.resumed_from or 0, note=event.note, phase="Starting")
            values["attempt_seconds"] = [*values.get("attempt_seconds", ()), 0.0]
        elif isinstance(event, Phase):
            values["phase"] = f"{event.text}: {event.part} of {event.parts}"
        elif isinstance(event, Concluded):
            values["result"] = event.result
        elif isinstance(event, Evaluated):
            values["validation"] = {**event.measures, LOSS.name: event.loss}
        elif isinstance(event, Scored):
            self._fold_score(event)
        elif isinstance(event, Counted):
            values.update(trainable=event.trainable, total=event.total)
        elif isinstance(event, Ended):
            values.update({key: getattr(event, key) for key in _SAID})
            values["remedy_changes"] = event.remedy_changes or None
        if isinstance(event, Evaluated | Saved | Ended) and event.joules is not None:
            parts = {**self._drawn, **event.joules}
            values["joules"] = {of: self._drawn.get(of, 0.0) + event.joules.get(of, 0.0) for of in parts}
        if event.event in TERMINAL:
            values.update(finished_at=event.at, phase=None)
            values["step"] = getattr(event, "step", None) or values.get("step", 0)
        if event.event != "died":
            self._hear(event.at, event.at)
        self._last = event.event

    def _fold_steps(self, steps: Steps) -> None:
        made = [step for step in steps.step if step]
        self._values.update({key: getattr(steps, key)[-1] for key in _MEASURED if key in steps.said})
        self._values.update(phase=None, step=made[-1] if made else self._values.get("step", 0))
        self._values["measures"] = {**steps.measures[-1], LOSS.name: steps.loss[-1]}
        self._hear(max(steps.at), steps.at[-1])
        self._last = "metrics"

    def _hear(self, latest: float, last: float) -> None:
        """Note until when the attempt lasted; the clock may have been set back meanwhile."""
        if self._started_at is not None:
            *before, until = self._values["attempt_seconds"]
            self._values["attempt_seconds"] = [*before, max(until, round(latest - self._started_at, 1))]
            self._values["heard_at"] = last

    def _fold_score(self, event: Scored) -> None:
        self._values["measuring"] = event.share or self._values.get("measuring")
        if event.part == "drawn":
            self._values["won"] = event.note
        elif event.n == 0:
            self._values["unmeasured"] = {**self._values.get("unmeasured", {}), str(event.part): event.note or ""}
            return
        self._values["measures_itself"] = True
        if event.model == "base":
            self._values["baseline"] = event.note or self._values.get("baseline")
        if event.part == "general" and event.model == "tuned":  # the base forgot nothing, which tells nothing
            self._values["forgetting"] = event.value
        elif event.part == "test" and event.model == "tuned" and event.metric and event.value is not None:
            found = {name: getattr(event, name) for name in ("metric", "value", "low", "high")}
            card = ScoreCard(**found, n=event.n or 0, of=event.of or 0)
            self._values.update(score=card, verdict=event.note)


def created_at(folder: Path) -> float:
    """Return when a run was made, read from its name."""
    try:
        return datetime.strptime("-".join(folder.name.split("-")[:2]), "%Y%m%d-%H%M%S").timestamp()
    except ValueError:
        return folder.stat().st_ctime if folder.exists() else 0.0


def _find_file(path: Path) -> tuple[int | None, int]:
    """Return which file has the name now (its inode), and its size; None and 0 where there is none."""
    try:
        found = path.stat()
        return found.st_ino, found.st_size
    except OSError:
        return None, 0
