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
    """How many instances of each part, and how many general texts."""

    validation: int = 0
    test: int = 0
    unseen: int = 0
    texts: int = 0

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is measured."""
        return not any(self)


def choose_sizes(seconds: float, answer: float, text: float, rounds: int, there: Sizes) -> Sizes:
    """Return how much is measured in so many seconds: at the start, at `rounds` checkpoints, and at the end.

    `answer` and `text` are what one instance and one general text take; `there` is how much there is. Half the time
    goes to validation, three tenths to test and unseen, of base and tuned, a fifth to the general texts.
    """
    seconds = max(0.0, seconds)
    validation = _fit(0.5 * seconds / (answer * (_BASELINE + rounds)), there.validation)
    ends = 0.3 * seconds / (2 * answer)
    test = _fit(ends * (2 / 3 if there.unseen else 1), there.test)
    unseen = _fit(ends - test, there.unseen)
    return Sizes(
        validation, test, unseen, _fit(0.2 * seconds / (text * (1 + rounds)), there.texts) if there.texts else 0
    )


def may_go_on(spent: float, cost: float, passed: float, done: int, steps: int, reserve: float = 0.0) -> bool:
    """Return whether `cost` more seconds keep the share, at the pace of `done` of `steps` steps in `passed` seconds.

    `passed` holds no measuring; `reserve` is kept for the end.
    """
    expected = passed / max(1, done) * steps
    return spent + cost + reserve <= SHARE * (expected + spent + cost + reserve)


def _fit(count: float, there: int) -> int:
    found = min(int(count), there)
    return found if found >= min(FEWEST, there) else 0
