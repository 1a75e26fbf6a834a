"""The sign test: do people's votes prefer one of two, or may it be chance? Ties leave the test. Knows counts alone.

It is counted here and without scipy, whose import would keep the first vote waiting.
"""

from math import ceil, comb, erfc, sqrt

from studio.evidence.difference import CHANCE

MOST_VOTES = 1000
"""Beyond so many more votes nobody waits."""
EXACT = 200
"""Of more votes the normal distribution tells as much."""


def find_sign_p(wins: int, losses: int) -> float:
    """Return how likely as uneven votes are by chance alone, on both sides."""
    count, few = wins + losses, min(wins, losses)
    if count <= EXACT:
        return min(1.0, 2 * sum(comb(count, place) for place in range(few + 1)) / (1 << count))
    return erfc(max(0, count - 2 * few - 1) / sqrt(2 * count))


def count_needed(wins: int, losses: int) -> int | None:
    """Return how many more votes of the same share would show a preference; 0 where these do, None where far too many.

    Raises ZeroDivisionError where nobody has voted for either.
    """
    ahead, count = max(wins, losses), wins + losses
    for total in range(count, count + MOST_VOTES + 1):
        same = ceil(total * ahead / count - 1e-9)
        if find_sign_p(same, total - same) < CHANCE:
            return total - count
    return None


def tell_votes(base: int, tuned: int, same: int = 0, bad: int = 0) -> str:
    """Return what votes on base and tuned show, in a sentence; "" where there are none."""
    count = base + tuned
    if not count + same + bad:
        return ""
    if not count:
        return "No vote prefers one of the two yet."
    p, needed = find_sign_p(tuned, base), count_needed(tuned, base)
    ahead = "tuned" if tuned > base else "base"
    if not needed and needed is not None:
        return f"People prefer {ahead}: {max(tuned, base):,} of {count:,}, hardly chance (p = {p:.2g})."
    if needed is None:
        return f"About even so far: {tuned:,} of {count:,} for tuned (p = {p:.2g})."
    return (
        f"May be chance so far: {max(tuned, base):,} of {count:,} for {ahead} (p = {p:.2g}). About {needed:,} more "
        "votes like these would tell."
    )


def tell_alike(base: int, tuned: int, all_base: int, all_tuned: int) -> str:
    """Return the same of answers of about one length, where they aren't all: people like the longer one better."""
    if (base, tuned) == (all_base, all_tuned) or not base + tuned:
        return ""
    return f"Among answers of like length: {tuned:,} of {base + tuned:,} for tuned."
