"""The one seat at the desk: a question takes it, and leaves it when it is answered.

An answer is read as it grows, and a reader may vanish in the middle without a word: a closed tab, a cancelled event.
Who doesn't come back for the next word within seconds has left, and the next question gets the seat.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from studio.errors import InputError

ABANDONED_SECONDS = 5.0


class Seat:
    """Safe to use from several threads; who sits is any object."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._who: object | None = None
        self._away_since: float | None = None

    def take(self, who: object, patience: float) -> bool:
        """Sit down within so many seconds; return whether that was possible."""
        end = time.monotonic() + patience
        with self._change:
            while not self._is_free():
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._change.wait(min(left, ABANDONED_SECONDS / 5))
            self._who, self._away_since = who, None
            return True

    def leave(self, who: object) -> None:
        """Get up, if it is still one's own."""
        with self._change:
            if self._who is who:
                self._who = None
                self._change.notify_all()

    @contextmanager
    def away(self, who: object) -> Iterator[None]:
        """While a reader looks at what there is so far. Raises InputError where the seat was given away meanwhile."""
        with self._change:
            self._away_since = time.monotonic()
        yield
        with self._change:
            if self._who is not who:
                raise InputError("Nobody read on, so this answer was stopped for the next question. Ask again.")
            self._away_since = None

    def is_free(self) -> bool:
        """Whether nobody sits, or who sat has left."""
        with self._change:
            return self._is_free()

    def _is_free(self) -> bool:
        if self._who is None:
            return True
        return self._away_since is not None and time.monotonic() - self._away_since > ABANDONED_SECONDS
