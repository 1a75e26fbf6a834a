"""Budget: how many instances a run may measure itself on, so that it spends a tenth of its time on that, and a meter.

Knows numbers and a clock. What is planned is an estimate; what the meter says is left is the law.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

SHARE = 0.1
"""So much of a run's time goes into measuring itself, at most."""
PLANNED = 0.08
"""So much is planned: the rest is for what takes longer than it did when it was timed."""
LOOKED = 0.09
"""So much may be spent before the end, with what the end will need."""
FIRST, MOST_FIRST = 0.4, 0.6
"""Of all that may be spent, so much may go to the base, and so much at most where more was planned: its answers come
before anything is known for sure."""
LAST = 0.095
"""So much is spent at the end: what is under way when the time is up goes on to its end."""
FEWEST = 4
"""On fewer instances a number says nothing."""
BATCH = 32
"""So many are measured at once."""
LEAST_LAST = 0.01
"""So much of the time of training may be spent at the end even if the base took more than it was to."""
LEAST_DRAWN = 12
"""So many drawn answers are judged of a run that is too short to say who wins in a tenth of its time, at most."""
LEAST_SECONDS = 0.5
"""A budget below this isn't worth a probe."""
SHOTS = (0, 1, 2)
"""So many examples stand in the prompt when the base is measured."""
BASELINE = (1.0, 1.3, 1.6)
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

    def count_base(self, answer: float, text: float, draw: float, call: float = 0.0) -> float:
        """Return the seconds that the base takes, where one instance, general text, drawn answer and call take so
        long."""
        answers = self.validation * sum(BASELINE) + self.test + self.unseen
        calls = len(BASELINE) * bool(self.validation) + bool(self.test) + bool(self.unseen)
        return calls * call + answers * answer + self.texts * text + self.drawn * draw


def choose_sizes(
    seconds: float, answer: float, text: float, rounds: int, there: Sizes, draw: float = 1.0, call: float = 0.0
) -> Sizes:
    """Return how much is measured in so many seconds: at the start, at `rounds` checkpoints, and at the end.

    `answer`, `text` and `draw` are what one instance, one general text and one drawn answer take, `call` what each
    time takes that some are asked, however few; `there` is how much there is. Half the time goes to validation, three
    tenths to test and unseen, of base and tuned, half of it to drawn answers where those are judged, a fifth to the
    general texts. Where there is no time for all those calls, the end has it.
    """
    ends = 2 * call * (bool(there.test) + bool(there.unseen))
    rest = seconds - ends - call * (len(BASELINE) + rounds)
    if call and not _split(rest, answer, text, rounds, there, draw).validation:
        only = there._replace(validation=0, texts=0)
        return _split((seconds - ends) / 0.3, answer, text, rounds, only, draw)
    return _split(rest, answer, text, rounds, there, draw)


def _split(seconds: float, answer: float, text: float, rounds: int, there: Sizes, draw: float) -> Sizes:
    seconds = max(0.0, seconds)
    validation = _fit(0.5 * seconds / (answer * (sum(BASELINE) + rounds)), there.validation)
    half = 0.3 * seconds / 2
    drawn = _fit(0.5 * half / draw, there.drawn)
    ends = (half - drawn * draw) / answer
    test = _fit(ends * (2 / 3 if there.unseen else 1), there.test)
    unseen = _fit(ends - test, there.unseen)
    looks = (1 + rounds, 2) if there.texts else ()  # at the start and the end, if not at each checkpoint
    texts = next(filter(None, (_fit(0.2 * seconds / (text * each), there.texts) for each in looks)), 0)
    return Sizes(validation, test, unseen, texts, drawn)


def choose_next(rest: int, left: float, each: float, is_first: bool, call: float = 0.0) -> int:
    """Return how many of `rest` are measured next, in `left` seconds, where one took `each`, beside the call; 0 where
    too few would be.

    A quarter at first, so that it is noticed when a machine has become slower than it was; then a batch.
    """
    left -= call
    fitting = min(rest, int(left / each) if each > 0 else rest) if left > 0 else 0
    count = min(fitting, max(FEWEST, fitting // 4) if is_first else BATCH)
    return count if count >= min(FEWEST, rest) else 0


class Taken(NamedTuple):
    """The seconds that went into measuring, and those that went into all else: loading and training."""

    measuring: float = 0.0
    rest: float = 0.0


NOTHING = Taken()


class Meter:
    """What measuring itself has taken of a run, and may still take, by a clock that runs on from when it is made.

    `before` is what the run took until then, loading and earlier attempts; `spare` seconds may be taken in any case.
    """

    def __init__(
        self, before: Taken = NOTHING, spare: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.before, self.spare, self.clock = before, spare, clock
        self._made, self._taken = clock(), 0.0
        self._began: float | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count what is done within as measuring."""
        self._began = self.clock()
        try:
            yield
        finally:
            self._taken, self._began = self.spent, None

    @property
    def spent(self) -> float:
        """The seconds that measuring has taken in this attempt, until now."""
        return self._taken + (0.0 if self._began is None else self.clock() - self._began)

    @property
    def rest(self) -> float:
        """The seconds that all else has taken of the run, until now."""
        return self.before.rest + max(0.0, self.clock() - self._made - self.spent)

    def find_limit(self, to_come: float, share: float) -> float:
        """Return what `spent` may come to, where the run goes on for so many seconds beside measuring."""
        return max(share / (1 - share) * (self.rest + to_come), self.spare) - self.before.measuring

    def find_share(self) -> float:
        """Return which share of the run's time measuring took, until now."""
        spent = self.before.measuring + self.spent
        return spent / max(1e-6, spent + self.rest)


def _fit(count: float, there: int) -> int:
    found = min(int(count), there)
    return found if found >= min(FEWEST, there) else 0
