"""Baseline: what a base answers before anything is trained, and what that says about tuning. Knows numbers alone."""

from collections.abc import Mapping
from typing import NamedTuple

LITTLE_LEFT = 95.0
CLEARLY = 10.0
"""So many points are more than a dozen instances can show by chance, mostly."""


class Shot(NamedTuple):
    """What a base came to with some examples in the prompt: a score in %, and the tokens of a question."""

    score: float
    tokens: float


def tell_baseline(shots: Mapping[int, Shot], n: int) -> str:
    """Return in a sentence or two how good a better prompt would be, what it costs, and whether tuning may help.

    `shots` is by the number of examples in the prompt; 0 is there.
    """
    plain = shots[0]
    best = max(shots, key=lambda count: (shots[count].score, -count))
    said = f"Before training, the base scores {plain.score:.0f} % on {n:,} instances"
    if best and shots[best].score > plain.score:
        more = shots[best].tokens - plain.tokens
        word = "example" if best == 1 else "examples"
        said += f", and {shots[best].score:.0f} % with {best} {word} in the prompt ({more:+.0f} tokens a question)"
    if shots[best].score >= LITTLE_LEFT:
        return f"{said}. There is little left to learn."
    if shots[best].score >= plain.score + CLEARLY:
        return f"{said}. A better prompt does a part of it; tuning has to beat that."
    return f"{said}. A better prompt changes little; tuning is likely to help."
