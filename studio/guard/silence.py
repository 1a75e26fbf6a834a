"""Connections on which nobody asks anything: closed after half a minute, so that thousands of them take no places.

The server waits for the first question of a connection for ever, and each holds one of the files that a process may
have open. Knows the server's connections, and nothing of questions.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Collection
from typing import Any

SECONDS = 30.0
LOOKS_EACH_SECONDS = 5.0


class Silence:
    """Looks now and then at the connections of a uvicorn server, from a thread of its own."""

    def __init__(
        self, connections: Collection[Any], seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.connections, self.seconds = connections, seconds
        self._clock = clock
        self._since: dict[Any, float] = {}
        self._closing = threading.Event()

    def open(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._work, name="silence", daemon=True).start()

    def close(self) -> None:
        """Look no more."""
        self._closing.set()

    def look(self) -> None:
        """Close the connections on which nothing was asked for too long; one that is being answered is left alone."""
        now = self._clock()
        silent = [one for one in list(self.connections) if one.cycle is None or one.cycle.response_complete]
        self._since = {one: self._since.get(one, now) for one in silent}
        for one in [one for one, since in self._since.items() if now - since > self.seconds]:
            with contextlib.suppress(RuntimeError):  # the server has ended
                one.loop.call_soon_threadsafe(one.transport.close)

    def _work(self) -> None:
        while not self._closing.wait(LOOKS_EACH_SECONDS):
            self.look()
