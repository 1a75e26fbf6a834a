"""A run's events in bulk: its metrics, of which there may be a hundred thousand, as columns; all others as events.

What is taken in columns is what `studio.runs.event` would read from the same lines, or the lines are left to it.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from studio.journal import PAGE_BYTES, read_page
from studio.runs.event import LARGEST, Event, Metrics, parse_lines
from studio.uncollected import uncollected

_BEGINS = b'{"event": "metrics", '
"""As an EventWriter begins it; a line that begins in another way is read as any event is."""

_MANY = 8
"""So many lines that begin so are read faster as columns; fewer are as any event is."""
_WHOLE = frozenset({"step", "of"})
_TELLS = frozenset(Metrics.model_fields) - {"joules"}


class Steps(NamedTuple):
    """Metrics events that follow each other: of each thing that they tell a list, None where it isn't told.

    `said` are the names of what they tell, also where that is None.
    """

    said: frozenset[str]
    at: Sequence[float]
    step: Sequence[int | None]
    of: Sequence[int | None]
    seconds_left: Sequence[float | None]
    examples_per_second: Sequence[float | None]
    loss: Sequence[float | None]
    learning_rate: Sequence[float | None]
    measures: Sequence[Mapping[str, float | None]]

    def read_measure(self, name: str) -> list[float | None]:
        """Return a measure of the objective's own at each step."""
        return [each.get(name) for each in self.measures]


_COLUMNS = Steps._fields[1:]


class BulkPage(NamedTuple):
    """Whole events read from a file, of which the metrics are columns, and the byte offset to go on from."""

    blocks: list[Event | Steps]
    offset: int


def read_in_bulk(path: Path, offset: int = 0, most_bytes: int = PAGE_BYTES) -> BulkPage:
    """Return the whole events after `offset` bytes, at most `most_bytes` of them; a broken line is passed over."""
    page = read_page(path, offset, most_bytes)
    blocks: list[Event | Steps] = []
    for are_metrics, group in groupby(page.lines, key=lambda line: line.startswith(_BEGINS)):
        lines = list(group)
        steps = _read_columns(lines) if are_metrics and len(lines) >= _MANY else None
        blocks += gather(parse_lines(lines)) if steps is None else [steps]
    return BulkPage(blocks, page.offset)


def gather(events: Iterable[Event]) -> list[Event | Steps]:
    """Return events in their order, metrics that tell the same as columns."""
    blocks: list[Event | Steps] = []
    for said, group in groupby(events, key=lambda event: isinstance(event, Metrics) and event.model_fields_set):
        if said is False:
            blocks += group
        else:
            metrics = list(group)
            blocks.append(Steps(frozenset(said), *([getattr(one, name) for one in metrics] for name in _COLUMNS)))
    return blocks


def _read_columns(lines: list[bytes]) -> Steps | None:
    """Read lines that tell the same, each thing of all at once; None where one tells another, or what can't be so."""
    try:
        with uncollected():
            rows = orjson.loads(b"[%b]" % b",".join(lines))
            said = frozenset(rows[0])
            if not {"event", "at"} <= said <= _TELLS or len(rows) != len(lines):
                return None
            told = dict(zip(said, zip(*map(itemgetter(*said), rows), strict=True), strict=True))
    except (ValueError, KeyError, TypeError):
        return None
    if sum(map(len, rows)) != len(rows) * len(said) or told.pop("event").count("metrics") != len(rows):
        return None
    measures = told.pop("measures", ({},) * len(rows))
    if set(map(type, measures)) != {dict} or None in told["at"]:
        return None
    if not _are_numbers(list(chain.from_iterable(map(dict.values, measures))), float):
        return None
    if not all(_are_numbers(values, int if name in _WHOLE else float) for name, values in told.items()):
        return None
    nothing = [None] * len(rows)
    return Steps(said, measures=measures, **{name: told.get(name, nothing) for name in _COLUMNS[:-1]})


def _are_numbers(values: Sequence[Any], kind: type[int] | type[float]) -> bool:
    """Whether all are what an event may hold: numbers of a kind that are not too large, or nothing."""
    kinds = set(map(type, values))
    if not kinds <= {kind, int, type(None)}:
        return False
    numbers = [value for value in values if value is not None] if type(None) in kinds else values
    least = 0 if kind is int else -LARGEST
    return not numbers or (least <= min(numbers) and max(numbers) <= LARGEST)
