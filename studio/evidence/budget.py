"""Budget: how many instances a run may measure itself on, so that it spends a tenth of its time on that. Pure."""

from typing import NamedTuple

SHARE = 0.1
"""So much of a run's time goes into measuring itself, at most."""
FEWEST = 4
"""On fewer instances a number says nothing."""
LEAST_SECONDS = 0.5
"""A budget below this isn't worth a probe."""
SHOTS = (0, 1, 2)
"""So many examples stand in the prompt when the base is measured."""
_BASELINE = 1.0 + 1.3 + 1.6
"""What a question with none, one and two examples takes, against one with none."""


class Sizes(NamedTuple):
    """How many instances of each part, and how many general texts; `drawn` are answered once more, by chance."""

    validation: int = 0
    test: int = 0
    unseen: int = 0
    texts: int = 0
    drawn: int = 0

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is measured."""
        return not any(self)


def choose_sizes(seconds: float, answer: float, text: float, rounds: int, there: Sizes, draw: float = 1.0) -> Sizes:
    """Return how much is measured in so many seconds: at the start, at `rounds` checkpoints, and at the end.

    `answer`, `text` and `draw` are what one instance, one general text and one drawn answer take; `there` is how much
    there is. Half the time goes to validation, three tenths to test and unseen, of base and tuned, half of it to drawn
    answers where those are judged, a fifth to the general texts.
    """
    seconds = max(0.0, seconds)
    validation = _fit(0.5 * seconds / (answer * (_BASELINE + rounds)), there.validation)
    half = 0.3 * seconds / 2
    drawn = _fit(0.5 * half / draw, there.drawn)
    ends = (half - drawn * draw) / answer
    test = _fit(ends * (2 / 3 if there.unseen else 1), there.test)
    unseen = _fit(ends - test, there.unseen)
    texts = _fit(0.2 * seconds / (text * (1 + rounds)), there.texts) if there.texts else 0
    return Sizes(validation, test, unseen, texts, drawn)


def may_go_on(spent: float, cost: float, passed: float, done: int, steps: int, reserve: float = 0.0) -> bool:
    """Return whether `cost` more seconds keep the share, at the pace of `done` of `steps` steps in `passed` seconds.

    `passed` holds no measuring; `reserve` is kept for the end.
    """
    expected = passed / max(1, done) * steps
    return spent + cost + reserve <= SHARE * (expected + spent + cost + reserve)


def _fit(count: float, there: int) -> int:
    found = min(int(count), there)
    return found if found >= min(FEWEST, there) else 0
