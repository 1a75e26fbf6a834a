"""Interval: between which values a measured number may well lie, with 95 % confidence.

Wilson's for shares, which holds near 0 and 100 % where the bootstrap fails (Wilson 1927; Brown, Cai, DasGupta 2001);
the bootstrap for graded scores, drawing whole clusters, since instances that share an input go wrong together (Efron
1979). Knows numbers alone.
"""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np

from studio.evidence.metrics.metric import Answered, Metric, Numbers

CONFIDENCE = 0.95
DRAWS = 2000
FEWEST_DIFFERENT = 10
"""Fewer clusters that aren't like most others leave a bootstrap too narrow."""


class Interval(NamedTuple):
    """From `low` to `high`, in the unit of what is measured; None where too little was measured to tell."""

    low: float | None
    high: float | None


def find_wilson(share: float, count: int, confidence: float = CONFIDENCE) -> Interval:
    """Return Wilson's interval (0 to 1) of a share of `count` instances."""
    if count < 1:
        return Interval(None, None)
    z = find_quantile((1 + confidence) / 2)
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    low = 0.0 if share <= 0 else max(0.0, middle - half)
    return Interval(low, 1.0 if share >= 1 else min(1.0, middle + half))


def find_interval(metric: type[Metric], answered: Sequence[Answered], labels: Sequence[str] = ()) -> Interval:
    """Return the interval of a metric of answers: Wilson's where each is right or wrong, else by the bootstrap.

    Where nearly all clusters are alike, a graded score within bounds has Wilson's as well, which is a little too wide.
    """
    if metric.counts:
        clusters = len({each.cluster for each in answered})  # equal inputs get equal answers: they count once
        low, high = find_wilson(metric.measure(answered, labels) / 100, clusters)
        return Interval(low and 100 * low, high and 100 * high)
    sums = sum_clusters(metric.tally(answered, labels), [each.cluster for each in answered])
    found = find_middle(draw(sums, metric.conclude)) if len(sums) > 1 else Interval(None, None)
    if metric.bounds and (count_different(sums) < FEWEST_DIFFERENT or found.low == found.high):
        lowest, highest = metric.bounds
        share = (metric.measure(answered, labels) - lowest) / (highest - lowest)
        low, high = find_wilson(min(1.0, max(0.0, share)), len(sums))
        return Interval(
            None if low is None else lowest + low * (highest - lowest),
            None if high is None else lowest + high * (highest - lowest),
        )
    return found


def draw(sums: Numbers, conclude: Callable[[Numbers], Numbers], seed: int = 0) -> Numbers:
    """Return what DRAWS sets of clusters, drawn with repetition, come to. `sums` are clusters x tallies."""
    dice = np.random.default_rng(seed)
    clusters = len(sums)
    picked = dice.integers(clusters, size=(DRAWS, clusters))
    times = np.array([np.bincount(row, minlength=clusters) for row in picked])
    return conclude(times @ sums)


def find_middle(drawn: Numbers, confidence: float = CONFIDENCE) -> Interval:
    """Return between which values the middle part of what was drawn lies."""
    low, high = np.quantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def sum_clusters(tallies: Numbers, clusters: Sequence[str]) -> Numbers:
    """Return the sums of each cluster, in the order in which they come (clusters x tallies)."""
    places = {cluster: place for place, cluster in enumerate(dict.fromkeys(clusters))}
    sums = np.zeros((len(places), tallies.shape[1]))
    np.add.at(sums, [places[cluster] for cluster in clusters], tallies)
    return sums


def count_different(sums: Numbers) -> int:
    """Return how many clusters aren't like the most frequent one."""
    _, times = np.unique(sums, axis=0, return_counts=True)
    return int(len(sums) - times.max(initial=0))


def find_quantile(share: float) -> float:
    """Return the point of the normal distribution below which a share of it lies."""
    from scipy.special import ndtri

    return float(ndtri(share))
