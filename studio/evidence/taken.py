"""Taken: what measuring itself has taken of a run so far, over all its attempts, as its events tell. Pure."""

from collections.abc import Iterable

from studio.evidence.budget import Taken
from studio.runs.event import Event, Scored, Started


def add_measuring(events: Iterable[Event]) -> float | None:
    """Return the seconds that went into measuring; each attempt tells its own so far."""
    attempts: list[float | None] = [None]
    for event in events:
        if isinstance(event, Started):
            attempts.append(None)
        elif isinstance(event, Scored) and event.seconds is not None:
            attempts[-1] = event.seconds
    told = [seconds for seconds in attempts if seconds is not None]
    return sum(told) if told else None


def find_taken(events: Iterable[Event], now: float | None = None) -> Taken:
    """Return what measuring and all else took, of that what was told when something was last measured.

    `now`, in seconds since 1970, is when an attempt that has measured nothing yet has loaded what it needs.
    """
    known = list(events)
    shares = [event.share for event in known if isinstance(event, Scored) and event.share]
    began = [event.at for event in known if isinstance(event, Started)]
    measuring = add_measuring(known) or 0.0
    rest = measuring / shares[-1] - measuring if shares else 0.0
    return Taken(measuring, rest + (max(0.0, now - began[-1]) if now and began else 0.0))
