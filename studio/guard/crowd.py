"""How much each asker of a shared studio may send: questions in a second, bytes of uploads in a day.

Asked before a question is read, so that who sends thousands costs the others nothing. A visitor is told by their
secret, and can make themselves many; so each computer has bounds too, which a whole class may share: of questions, of
loads of the page, of questions that are open at once, and of visitors that nobody saw before. Keeps numbers.
"""

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

from studio.guard.rules import READING, UPLOAD, Refusal, find_inner, is_file, is_page
from studio.visitor import HEADER

MOST_NAMES = 10_000
MOST_OPEN = 400
"""Questions of one computer that are open at once: a browser keeps two or three open."""
PAGE_COST = 4
"""So many questions is a load of the page itself worth."""
DAY = 86_400
GB = 1_000_000_000
SLOWER = Refusal(429, "You ask faster than the studio can answer everyone. Wait a moment, then ask again.")
ENOUGH = Refusal(
    429, "You uploaded as much as one visitor of this shared studio may in a day. Go on tomorrow, or ask its operator."
)
FULL = Refusal(507, "The disk of this studio is nearly full. Delete what you don't need, or ask its operator.")


class Buckets:
    """A bucket for each name: it holds so much at once, and fills again at an even pace. For one thread."""

    def __init__(self, per_second: float, at_once: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_second, self.at_once = per_second, at_once
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}

    def knows(self, name: str) -> bool:
        """Whether something was taken out of a bucket of this name before."""
        return name in self._left

    def take(self, name: str, amount: float = 1) -> bool:
        """Take so much out of a bucket; False, and nothing is taken, where it holds less."""
        now = self._clock()
        left, at = self._left.pop(name, (self.at_once, now))
        left = min(self.at_once, left + max(0.0, now - at) * self.per_second)
        holds = left >= amount
        self._left[name] = (left - amount if holds else left, now)
        if len(self._left) > MOST_NAMES:
            self._left.pop(next(iter(self._left)))  # asked for longest ago
        return holds


class Crowd:
    """The bounds of a shared studio. `is_full` says whether its disk has no room for uploads."""

    def __init__(
        self,
        upload_bytes: int = GB,
        is_full: Callable[[], bool] = lambda: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.visitors = Buckets(8, 60, clock)
        self.addresses = Buckets(60, 400, clock)
        self.readers = Buckets(200, 4_000, clock)
        self.newcomers = Buckets(1, 40, clock)
        self.bytes_of_visitors = Buckets(upload_bytes / DAY, upload_bytes, clock)
        self.bytes_of_addresses = Buckets(10 * upload_bytes / DAY, 10 * upload_bytes, clock)
        self._is_full = is_full
        self._open: Counter[str] = Counter()

    def find_refusal(self, scope: MutableMapping[str, Any]) -> Refusal | None:
        """Return why a question is not even read, None where it is."""
        visitor, address = find_asker(scope)
        if self._open[address] >= MOST_OPEN:
            return SLOWER
        if scope["method"] in READING:
            return None if self._may_read(scope["path"], address) else SLOWER
        if not (self.addresses.take(address) and (self.visitors.knows(visitor) or self.newcomers.take(address))):
            return SLOWER
        if not self.visitors.take(visitor):
            return SLOWER
        return FULL if is_upload(scope) and self._is_full() else None

    def _may_read(self, path: str, address: str) -> bool:
        if is_file(path):
            return self.readers.take(address)
        return self.addresses.take(address, PAGE_COST if is_page(path) else 1)

    @contextlib.contextmanager
    def answering(self, scope: MutableMapping[str, Any]) -> Iterator[None]:
        """Count a question as open while it is answered."""
        address = find_asker(scope)[1]
        self._open[address] += 1
        try:
            yield
        finally:
            self._open[address] -= 1
            if not self._open[address]:
                del self._open[address]

    def take_bytes(self, scope: MutableMapping[str, Any], count: int) -> bool:
        """Count bytes that were sent; False where they pass a bound."""
        if not is_upload(scope):
            return True
        visitor, address = find_asker(scope)
        return self.bytes_of_addresses.take(address, count) and self.bytes_of_visitors.take(visitor, count)


def find_asker(scope: MutableMapping[str, Any]) -> tuple[str, str]:
    """Return the name of the visitor who asks, and that of their computer."""
    address = str((scope.get("client") or ("",))[0])
    said = next((value for name, value in scope["headers"] if name == _HEADER), b"")
    return f"{address} {said[:200].decode('latin-1')}", address


def is_upload(scope: MutableMapping[str, Any]) -> bool:
    """Whether a question uploads files."""
    return find_inner(scope["path"]).rstrip("/") == UPLOAD


_HEADER = HEADER.encode()
