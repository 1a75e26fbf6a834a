"""Trade: what a run with rewards earned against how far it went from its start, stretch by stretch of its steps.

Knows events and no page. Where an answer earns 0 or 1, nothing that earns so much can be nearer to the start than the
KL divergence of two such chances: what is made of answers is no farther apart than they are (Cover and Thomas 2006).
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from studio.objectives.rewarded import KL, REWARD
from studio.runs.event import Event, Metrics

STRETCHES = 12
"""So many points are shown: single steps are too few answers to say much."""
LEAST, MOST = 1e-3, 1 - 1e-3


class Traded(NamedTuple):
    """The last step of a stretch, the mean reward in it, and the mean KL from the start in nats an answer."""

    step: int
    reward: float
    kl: float


def list_traded(events: Iterable[Event]) -> list[Traded]:
    """Return the stretches of a run, the first first; none where nothing was rewarded."""
    steps = [
        Traded(event.step or 0, reward, kl)
        for event in events
        if isinstance(event, Metrics)
        and (reward := event.measures.get(REWARD.name)) is not None
        and (kl := event.measures.get(KL.name)) is not None
    ]
    size = max(1, math.ceil(len(steps) / STRETCHES))
    return [_sum_up(steps[first : first + size]) for first in range(0, len(steps), size)]


def find_least_kl(share: float, start: float) -> float:
    """Return the least KL from the start (nats) of anything that earns 1 in this share of answers; 0 below `start`."""
    share, start = (min(max(one, LEAST), MOST) for one in (share, start))
    if share <= start:
        return 0.0
    return share * math.log(share / start) + (1 - share) * math.log((1 - share) / (1 - start))


def _sum_up(part: Sequence[Traded]) -> Traded:
    return Traded(part[-1].step, sum(one.reward for one in part) / len(part), sum(one.kl for one in part) / len(part))
