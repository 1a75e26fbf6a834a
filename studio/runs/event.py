"""Events: one line of JSON for each thing that happened in a run, in the past tense; append-only.

Written by the training child, and by the studio where there is none (it left the line, it couldn't start, it died);
each line by one write(), never NaN. Read by anybody from a byte offset: only whole lines are taken, so a reader that
comes while a line is being written sees it the next time.
"""

import json
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import orjson

from studio.journal import PAGE_BYTES, read_page, write_line
from studio.runs.hold import take_hold
from studio.workspace import disk_errors_in_words

Event = dict[str, Any]
TERMINAL = frozenset({"finished", "stopped", "failed"})
PHASES = (
    "Loading the libraries",
    "Loading the base model",
    "Turning the examples into tokens",
    "Taking the first step",
)


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

        Raises WorkspaceError when the disk refuses.
        """
        self.step = values.get("step", self.step)
        self.took_a_step = self.took_a_step or event in ("metrics", "progressed")
        line = json.dumps(
            {"event": event, "at": round(time.time(), 3), **_finite(values)}, ensure_ascii=False, allow_nan=False
        )
        self._follow_the_name()
        with disk_errors_in_words(self._path.parent):
            write_line(self._file, line.encode("utf-8", "replace") + b"\n")

    def append_phase(self, part: int, phases: Sequence[str] = PHASES) -> None:
        """Append that the part-th of the phases before the first step begins, counting from 1."""
        self.append("phase", text=phases[part - 1], part=part, parts=len(phases))

    def _follow_the_name(self) -> None:
        old = self._file
        try:
            if os.path.samestat(os.stat(self._path), os.fstat(old)):
                return
        except FileNotFoundError:
            pass  # opening it anew makes it, or says that the folder is gone
        self._open()
        os.close(old)
        if self._holds:
            take_hold(self._file)


def read_events(path: Path, offset: int = 0, most_bytes: int = PAGE_BYTES) -> EventPage:
    """Return the whole events after `offset` bytes, at most `most_bytes` of them; a broken line is passed over."""
    page = read_page(path, offset, most_bytes)
    return EventPage([event for line in page.lines if (event := _parse(line))], page.offset)


def _parse(line: bytes) -> Event | None:
    """Return the event of a line; None if it is none, or says of something known what can't be so."""
    try:
        event = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(event, dict) or not isinstance(event.get("event"), str) or event.get("at") is None:
        return None
    return event if all(fits(event[name]) for name, fits in _FITS.items() if name in event) else None


LARGEST = 10**18
"""No step, parameter or moment is larger; a number that is was written by hand."""


def _is_number(value: object) -> bool:
    return value is None or (type(value) in (int, float) and -LARGEST <= value <= LARGEST)  # type: ignore[operator]


def _is_whole(value: object) -> bool:
    return value is None or (type(value) is int and 0 <= value <= LARGEST)


def _is_text(value: object) -> bool:
    return value is None or isinstance(value, str)


_FITS: dict[str, Callable[[object], bool]] = {
    **dict.fromkeys(("step", "of", "part", "parts", "trainable", "total", "resumed_from"), _is_whole),
    **dict.fromkeys(
        ("at", "loss", "held_out_loss", "learning_rate", "grad_norm", "epoch", "examples_per_second", "seconds_left"),
        _is_number,
    ),
    **dict.fromkeys(("text", "error", "remedy", "note", "result"), _is_text),
    "remedy_changes": lambda value: value is None or isinstance(value, dict),
    "samples": lambda value: isinstance(value, list),
}


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
