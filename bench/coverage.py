"""How often an interval of 95 % holds the truth: answers are drawn whose true share of right ones is known."""

import numpy as np

from bench.figure import Figure
from studio.evidence.interval import draw, find_middle, find_wilson

ROUNDS = 4000
SHARES = (0.5, 0.9, 0.98)
COUNTS = (20, 50, 100)
GRADED_ROUNDS = 400


def measure() -> list[Figure]:
    """Wilson's intervals of shares, and the bootstrap of a graded score."""
    dice = np.random.default_rng(0)
    figures = []
    for share in SHARES:
        for count in COUNTS:
            hits = dice.binomial(count, share, size=ROUNDS)
            held = [low <= share <= high for low, high in (find_wilson(hit / count, count) for hit in hits)]
            name = f"coverage, {share:g} of {count} right"
            figures.append(Figure(name, 100 * float(np.mean(held)), "%", target="at least 92 %"))
    return [*figures, *(_measure_graded(dice, count) for count in COUNTS)]


def _measure_graded(dice: np.random.Generator, count: int) -> Figure:
    """Grades like ROUGE-L's: a third is whole, the rest lies anywhere; two instances share an input."""
    held = 0
    for _ in range(GRADED_ROUNDS):
        grades = np.where(dice.random(count) < 1 / 3, 1.0, dice.random(count))
        sums = np.column_stack([2 * grades, np.full(count, 2.0)])  # of a cluster: two answers, alike
        low, high = find_middle(draw(sums, lambda drawn: drawn[..., 0] / drawn[..., 1], int(dice.integers(2**31))))
        held += low is not None and high is not None and low <= 1 / 3 + 1 / 3 <= high
    return Figure(f"coverage, graded, {count} inputs", 100 * held / GRADED_ROUNDS, "%", target="at least 92 %")
