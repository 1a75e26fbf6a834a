"""A run's events as the arrays a chart draws. Pure: knows the event format, nothing of gradio, disks or browsers.

The browser asks for what is new since a byte offset, so `read_curve` sees any slice of the file: it must say when
points drawn earlier are no longer true (a resumed run goes back to its checkpoint), and it must stay small whatever
the run wrote.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from studio.evidence.metric import match_exactly

MAX_POINTS = 20_000
"""More training points than this in one answer are thinned."""

THIN_POINTS = 4_000
"""What is left of them, about: twice the pixels of a wide chart."""

MAX_SAMPLES = 60
"""Sample answers kept in one answer, the newest."""

_TEXT = 1_200


def read_curve(events: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the drawable part of a slice of events.

    `train` is [steps, losses, learning rates] and `held_out` [steps, losses], [] where there are none; `drop_after` is
    the step after which a viewer must forget what it drew before this slice (None: nothing to forget). Numbers that are
    not finite are left out: a curve can't show them.
    """
    curve = _Curve()
    for event in events:
        read = getattr(curve, f"_read_{event.get('event')}", None)
        if read is not None:
            read(event)
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
        part = range(bucket * count // buckets, (bucket + 1) * count // buckets)
        keep.add(min(part, key=values.__getitem__))
        keep.add(max(part, key=values.__getitem__))
    return sorted(keep)


class _Curve:
    """What a slice of events adds up to, event by event."""

    def __init__(self) -> None:
        self.train: list[tuple[int, float, float | None]] = []
        self.held_out: list[tuple[int, float]] = []
        self.samples: list[dict[str, Any]] = []
        self.phase: dict[str, Any] | None = None
        self.drop_after: int | None = None

    def as_dict(self) -> dict[str, Any]:
        train = self.train
        if len(train) > MAX_POINTS:
            keep = thin([point[0] for point in train], [point[1] for point in train], THIN_POINTS // 2)
            train = [train[index] for index in keep]
        return {
            "train": [list(column) for column in zip(*train, strict=True)],
            "held_out": [list(column) for column in zip(*self.held_out, strict=True)],
            "samples": self.samples[-MAX_SAMPLES:],
            "phase": self.phase,
            "drop_after": self.drop_after,
        }

    def _read_started(self, event: Mapping[str, Any]) -> None:
        back_to = event.get("resumed_from")
        if back_to is None:
            return
        back_to = read_step(event, "resumed_from")
        self.train = [point for point in self.train if point[0] <= back_to]
        self.held_out = [point for point in self.held_out if point[0] <= back_to]
        self.samples = [sample for sample in self.samples if sample["step"] <= back_to]
        self.drop_after = back_to if self.drop_after is None else min(back_to, self.drop_after)

    def _read_phase(self, event: Mapping[str, Any]) -> None:
        self.phase = {
            "text": _text(str(event.get("text") or "")),
            "part": read_step(event, "part"),
            "parts": read_step(event, "parts"),
        }

    def _read_metrics(self, event: Mapping[str, Any]) -> None:
        loss = read_number(event.get("loss"))
        if loss is not None:
            self.train.append((read_step(event), loss, read_number(event.get("learning_rate"))))

    def _read_evaluated(self, event: Mapping[str, Any]) -> None:
        loss = read_number(event.get("held_out_loss"))
        if loss is not None:
            self.held_out.append((read_step(event), loss))

    def _read_sampled(self, event: Mapping[str, Any]) -> None:
        for sample in event.get("samples") or []:
            if not isinstance(sample, Mapping):
                continue
            whole = {key: str(sample.get(key) or "") for key in ("input", "wanted", "base", "tuned")}
            right = bool(whole["wanted"].strip()) and match_exactly(whole["tuned"], [whole["wanted"]])
            shown = {key: _text(text) for key, text in whole.items()}
            self.samples.append({"step": read_step(event), **shown, "right": right})


def _text(text: str) -> str:
    return text if len(text) <= _TEXT else text[:_TEXT] + " …"


def read_step(event: Mapping[str, Any], key: str = "step") -> int:
    """Return the step of an event, 0 where it has none."""
    value = read_number(event.get(key))
    return int(value) if value is not None else 0


def read_number(value: object) -> float | None:
    """Return a finite number as a float, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
