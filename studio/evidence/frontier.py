"""Frontier: what checkpoints learnt against what they forgot, one point a checkpoint. Knows events and no page."""

from collections.abc import Iterable
from typing import NamedTuple

from studio.evidence.measures import FORGETTING, SCORE, read_own
from studio.journal import read_page
from studio.runs.event import Event, Scored, parse_event
from studio.runs.run import Run


class Point(NamedTuple):
    """A checkpoint of a run: its score on the validation part in %, and what it forgot in nats a token.

    `texts` says on how many of how many general texts, always the first: what was forgotten of others is another thing.
    """

    run: str
    step: int
    score: float
    forgotten: float
    texts: str = ""


def list_points(run: str, events: Iterable[Event]) -> list[Point]:
    """Return the checkpoints of a run of which both were measured, the base being the first."""
    found: dict[int, dict[str, float]] = {}
    texts = dict[int, str]()
    for event in events:
        if isinstance(event, Scored):
            if event.part == "general" and event.n:
                texts[int(event.step or 0)] = f"{event.n:,} of {event.of or event.n:,}"
            own = {name: value for name, value in read_own(event).items() if value is not None}
            found.setdefault(int(event.step or 0), {}).update(own)
    both = {step: own for step, own in sorted(found.items()) if own.keys() >= {SCORE.name, FORGETTING.name}}
    return [Point(run, step, own[SCORE.name], own[FORGETTING.name], texts.get(step, "")) for step, own in both.items()]


def read_kind(run: Run, *kinds: str) -> list[Event]:
    """Return the events of a run of some kinds, such as "scored"; the many others are passed over unread."""
    marks = [f'"{kind}"'.encode() for kind in kinds]
    offset, found = 0, list[Event]()
    while (page := read_page(run.events_file, offset)).offset != offset:
        found += [event for line in page.lines if any(mark in line for mark in marks) and (event := parse_event(line))]
        offset = page.offset
    return found


def find_best(points: Iterable[Point]) -> set[Point]:
    """Return the points that no other beats: none scores as much and forgot less, or scores more and forgot as
    little."""
    every = set(points)
    return {
        one
        for one in every
        if not any(
            other.score >= one.score
            and other.forgotten <= one.forgotten
            and (other.score, other.forgotten) != (one.score, one.forgotten)
            for other in every
        )
    }
