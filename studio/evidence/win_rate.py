"""Win rate: how often the answer of one checkpoint is worth more than another's, by rules or by a reward model.

Nobody who judges knows whose answer it is. Knows numbers alone.
"""

from collections.abc import Sequence

from pydantic import BaseModel

from studio.evidence.interval import find_wilson
from studio.evidence.sign import find_sign_p

ALIKE = 1e-9


class WinRate(BaseModel, frozen=True):
    """In how many of `n` prompts the second answer was worth more (`wins`), less (`losses`), or as much (`ties`).

    `rate` is the share of wins among those that differ, in %, with its 95 % interval; `p` how likely as uneven wins
    are by chance; `before` and `after` what answers were worth on average.
    """

    n: int
    wins: int
    losses: int
    ties: int
    rate: float | None
    low: float | None
    high: float | None
    p: float
    before: float
    after: float


def find_win_rate(before: Sequence[float], after: Sequence[float]) -> WinRate:
    """Return who wins, of what the answers of two checkpoints to the same prompts are worth."""
    gains = [new - old for old, new in zip(before, after, strict=True)]
    wins, losses = sum(gain > ALIKE for gain in gains), sum(gain < -ALIKE for gain in gains)
    decided, count = wins + losses, max(1, len(gains))
    low, high = find_wilson(wins / decided, decided) if decided else (None, None)
    return WinRate(
        n=len(gains),
        wins=wins,
        losses=losses,
        ties=len(gains) - decided,
        rate=100 * wins / decided if decided else None,
        low=None if low is None else 100 * low,
        high=None if high is None else 100 * high,
        p=find_sign_p(wins, losses),
        before=sum(before) / count,
        after=sum(after) / count,
    )


def tell_wins(found: WinRate, judge: str, models: Sequence[str]) -> str:
    """Return what a judge said, in a sentence."""
    before, after = models
    if found.rate is None:
        return f"{judge} finds no difference in {found.n:,} pairs of answers."
    sure = "hardly chance" if found.p < 0.05 else "may be chance"
    between = f"{found.low:.0f} to {found.high:.0f} %, " if found.low is not None and found.high is not None else ""
    return (
        f"By {judge}, {after} beats {before} in {found.wins:,} of {found.wins + found.losses:,} "
        f"({found.rate:.0f} %, {between}{sure}); {found.ties:,} {'is' if found.ties == 1 else 'are'} even."
    )
