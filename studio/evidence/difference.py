"""Difference: is one checkpoint better than another on the same instances, and could this set show it at all?

Exact McNemar on the flips where each answer is right or wrong (McNemar 1947); the paired bootstrap over whole clusters
for graded scores. Knows answers and a metric, and says what it found in one plain sentence.
"""

from collections.abc import Sequence
from math import sqrt

import numpy as np
from pydantic import BaseModel

from studio.evidence.interval import DRAWS, draw, find_middle, find_quantile, sum_clusters
from studio.evidence.metrics.metric import Answered, Metric, Numbers

CHANCE = 0.05
"""What is less likely by chance alone is hardly chance."""
POWER = 0.8
USUAL_FLIPS = 0.2
"""The share of instances that flip, where too few flipped to know."""
ENOUGH_FLIPS = 10
LEAST_FLIPS = 6
"""So many have to flip, all one way, before the exact test finds it hardly chance: 2 x 0.5^6 is below 5 %."""


class Difference(BaseModel, frozen=True):
    """The second against the first on `n` instances, in the metric's unit.

    `wins` and `losses` are instances that the second did better and worse; `p` how likely chance alone makes such a
    difference; None where nothing can be told. `smallest_difference` is what this set shows four times in five.
    """

    metric: str
    n: int
    wins: int
    losses: int
    difference: float
    low: float | None
    high: float | None
    p: float | None
    smallest_difference: float | None
    sentence: str


def find_difference(
    metric: type[Metric], before: Sequence[Answered], after: Sequence[Answered], labels: Sequence[str] = ()
) -> Difference:
    """Return how the second answers compare with the first, instance by instance in the same order."""
    old, new = metric.tally(before, labels), metric.tally(after, labels)
    clusters = [each.cluster for each in before]
    sign = -1 if metric.better == "lower" else 1
    gains = sign * (metric.conclude(new) - metric.conclude(old))
    wins, losses, count = int((gains > 1e-9).sum()), int((gains < -1e-9).sum()), len(gains)
    both = sum_clusters(np.hstack([old, new]), clusters)

    def conclude(sums: Numbers) -> Numbers:
        middle = sums.shape[-1] // 2
        return metric.conclude(sums[..., middle:]) - metric.conclude(sums[..., :middle])

    total = float(conclude(both.sum(axis=0)))
    p: float | None = None
    low: float | None = None
    high: float | None = None
    if len(both) > 1:
        drawn = draw(both, conclude)
        low, high = find_middle(drawn)
        p = find_flips_p(wins, losses) if metric.counts else _find_draws_p(drawn)
    smallest = _find_smallest_share(count, wins + losses) if metric.counts else _find_smallest_mean(gains, clusters)
    shown = None if len(both) < 2 else smallest
    sentence = write_sentence(metric, count, wins, losses, p, shown, total)
    return Difference(
        metric=metric.name, n=count, wins=wins, losses=losses, difference=total, low=low, high=high, p=p,
        smallest_difference=shown, sentence=sentence,
    )  # fmt: skip


def find_flips_p(wins: int, losses: int) -> float:
    """Return the exact p of McNemar's test: how likely as uneven flips are by chance alone, on both sides."""
    from scipy.stats import binomtest

    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0


def find_smallest(count: int, flips: float, chance: float = CHANCE, power: float = POWER) -> float:
    """Return the smallest difference of shares (0 to 1) that `count` pairs show with this power.

    `flips` is the share of pairs that differ (Connor 1987, with the variance under the difference).
    """
    z = (find_quantile(1 - chance / 2) + find_quantile(power)) ** 2
    return sqrt(z * flips / (count + z)) if count else 1.0


def write_sentence(
    metric: type[Metric], count: int, wins: int, losses: int, p: float | None, smallest: float | None, total: float
) -> str:
    """Return the difference as a person says it."""
    if p is None:
        return "One input can't show a difference. Keep more instances for this part."
    flips = f"Better on {wins:,} of {count:,}, worse on {losses:,}"
    if metric.better == "neither":
        return f"{metric.title}: {total:+.{metric.digits}f} {metric.unit} on average over {count:,} answers."
    if p < CHANCE:
        worse = "" if (total > 0) == (metric.better == "higher") else " And it is worse, not better."
        return f"{flips}: hardly chance ({_tell_p(p)}).{worse}"
    if smallest is None:
        return (
            f"{flips}. {count:,} instances can't show a difference: the fewest that can are {LEAST_FLIPS}, all changed "
            "the same way. Keep more for this part."
        )
    if not metric.counts and metric.unit != "%":
        unit, size, shown = f" {metric.unit}", f"{smallest:.2g}", f"{abs(total):.2g}"
    else:
        unit, size, shown = " points", f"{max(1, round(smallest))}", f"{abs(total):.0f}"
    said = f"{flips}: may be chance ({_tell_p(p)})" if wins or losses else f"The same on all {count:,}"
    return f"{said}. {count:,} instances can show differences above about {size}{unit}; this one is {shown}."


def _find_smallest_share(count: int, flips: int) -> float | None:
    """The smallest difference in points that the exact test sees with the usual power, None where it sees none."""
    if count < LEAST_FLIPS:
        return None
    share = flips / count if flips >= ENOUGH_FLIPS else max(USUAL_FLIPS, flips / count)
    return 100 * max(find_smallest(count, share), _find_margin(max(flips, LEAST_FLIPS)) / count)


def _find_margin(flips: int) -> int:
    """By how much the wins of so many flips must outnumber the losses to be hardly chance."""
    fewer = 0
    while find_flips_p(flips - fewer - 1, fewer + 1) < CHANCE:
        fewer += 1
    return flips - 2 * fewer


def _tell_p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}"


def _find_draws_p(drawn: Numbers) -> float:
    """How often what is drawn is not beyond zero, on both sides; never 0, since there are only so many draws."""
    if np.ptp(drawn) == 0 and drawn[0] == 0:
        return 1.0
    least = min((drawn <= 0).mean(), (drawn >= 0).mean())
    return float(min(1.0, max(2 * least, 1 / DRAWS)))


def _find_smallest_mean(gains: Numbers, clusters: Sequence[str]) -> float:
    """The smallest mean difference that is seen with the usual power, by how the clusters' means vary."""
    sums = sum_clusters(np.column_stack([gains, np.ones(len(gains))]), clusters)
    means = sums[:, 0] / sums[:, 1]
    if len(means) < 2:
        return 0.0
    z = find_quantile(1 - CHANCE / 2) + find_quantile(POWER)
    return float(z * means.std(ddof=1) / sqrt(len(means)))
