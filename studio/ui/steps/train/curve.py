"""A run's events as the arrays a chart draws. Pure: knows the event format, nothing of gradio, disks or browsers.

The browser asks for what is new since a byte offset, so `read_curve` sees any slice of the file: it must say when
points drawn earlier are no longer true (a resumed run goes back to its checkpoint), and it must stay small whatever
the run wrote.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import compress
from typing import Any

from studio.evidence.measures import read_own
from studio.evidence.metrics.matching import match_exactly
from studio.objectives import Measure
from studio.objectives.measure import LOSS
from studio.runs.event import Evaluated, Event, Phase, Sampled, Scored, Started
from studio.runs.steps import Steps

MAX_POINTS = 20_000
"""More training points than this in one answer are thinned."""

THIN_POINTS = 4_000
"""What is left of them, about: twice the pixels of a wide chart."""

MAX_SAMPLES = 60
"""Sample answers kept in one answer, the newest."""

_TEXT = 1_200


def read_curve(blocks: Iterable[Event | Steps], measures: Sequence[Measure] = (LOSS,)) -> dict[str, Any]:
    """Return the drawable part of a slice of events, as they are read in bulk.

    `train` is a list for the steps, one for each of the measures and one for the learning rates; `validation` the same
    without those; [] where there are none. `drop_after` is the step after which a viewer must forget what it drew
    before this slice (None: nothing to forget). Points of which no measure is a finite number are left out.
    """
    curve = _Curve([measure.name for measure in measures])
    for block in blocks:
        curve.read(block)
    return curve.as_dict()


def thin(steps: list[int], values: list[float], buckets: int) -> list[int]:
    """Return the indices to keep of a long curve: first, last, and each bucket's least and greatest value, in order.

    Peaks and troughs survive, which an average or every n-th point would lose.
    """
    count = len(steps)
    if count <= 2 * buckets:
        return list(range(count))
    keep = {0, count - 1}
    for bucket in range(buckets):
        begin, end = bucket * count // buckets, (bucket + 1) * count // buckets
        part = values[begin:end]
        keep |= {begin + part.index(min(part)), begin + part.index(max(part))}
    return sorted(keep)


class _Curve:
    """What a slice of events adds up to, event by event."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.train: list[list[Any]] = [[] for _ in ("step", *names, "learning rate")]
        self.validation: list[tuple[Any, ...]] = []
        self.samples: list[dict[str, Any]] = []
        self.phase: dict[str, Any] | None = None
        self.drop_after: int | None = None

    def read(self, event: Event | Steps) -> None:
        """Add one event, or the steps that follow each other."""
        if isinstance(event, Steps):
            self._read_steps(event)
        elif isinstance(event, Evaluated):
            point = tuple(event.loss if name == LOSS.name else event.measures.get(name) for name in self.names)
            self.validation += [(event.step or 0, *point)] if any(value is not None for value in point) else []
        elif isinstance(event, Scored):
            own = read_own(event)
            point = tuple(read_number(own.get(name)) for name in self.names)
            self.validation += [(event.step or 0, *point)] if any(value is not None for value in point) else []
        elif isinstance(event, Sampled):
            self._read_samples(event)
        elif isinstance(event, Phase):
            self.phase = {"text": _text(event.text or ""), "part": event.part or 0, "parts": event.parts or 0}
        elif isinstance(event, Started) and event.resumed_from is not None:
            self._go_back(event.resumed_from)

    def as_dict(self) -> dict[str, Any]:
        train = self.train
        steps, main = train[:2]
        if len(steps) > MAX_POINTS:
            keep = thin(steps, [value or 0.0 for value in main], THIN_POINTS // 2)
            train = [[column[index] for index in keep] for column in train]
        return {
            "train": train if steps else [],
            "validation": [list(column) for column in zip(*self.validation, strict=True)],
            "samples": self.samples[-MAX_SAMPLES:],
            "phase": self.phase,
            "drop_after": self.drop_after,
        }

    def _go_back(self, step: int) -> None:
        keep = [each <= step for each in self.train[0]]
        self.train = [list(compress(column, keep)) for column in self.train]
        self.validation = [point for point in self.validation if point[0] <= step]
        self.samples = [sample for sample in self.samples if sample["step"] <= step]
        self.drop_after = step if self.drop_after is None else min(step, self.drop_after)

    def _read_steps(self, steps: Steps) -> None:
        values = [steps.loss if name == LOSS.name else steps.read_measure(name) for name in self.names]
        columns: list[Sequence[Any]] = [[step or 0 for step in steps.step], *values, steps.learning_rate]
        if all(None in column for column in values):
            some = [any(value is not None for value in point) for point in zip(*values, strict=True)]
            columns = [list(compress(column, some)) for column in columns]
        for column, more in zip(self.train, columns, strict=True):
            column += more

    def _read_samples(self, event: Sampled) -> None:
        for sample in event.samples:
            if not isinstance(sample, Mapping):
                continue
            whole = {key: str(sample.get(key) or "") for key in ("input", "wanted", "base", "tuned")}
            shown = {key: _text(text) for key, text in whole.items()}
            worth = sample.get("worth")
            told = (
                {side: read_number(worth.get(side)) for side in ("base", "tuned")} if isinstance(worth, Mapping) else {}
            )
            wanted = [whole["wanted"]] if whole["wanted"].strip() else []
            right = match_exactly(whole["tuned"], wanted)
            base_right = match_exactly(whole["base"], wanted)
            verdict = {"right": right, "base_right": base_right, **({"worth": told} if told else {})}
            self.samples.append({"step": event.step or 0, **shown, **verdict})


def _text(text: str) -> str:
    return text if len(text) <= _TEXT else text[:_TEXT] + " …"


def read_number(value: object) -> float | None:
    """Return a finite number as a float, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, float | int) or not math.isfinite(value):
        return None
    return float(value)
