"""How long runs that wait will take: worked out in a thread of its own, so that nobody's question waits for it.

Counting a model's parameters loads the libraries, which takes seconds the first time. Until then the answer is None.
It is worked out again now and then, since every run that ends leaves a better measure of the device's speed.
"""

import threading
import time
from collections.abc import Callable

AGAIN_SECONDS = 20.0
MOST_KEPT = 500


class Forecast:
    """Keeps what `work_out` says of each run (None: nobody knows); safe to use from several threads."""

    def __init__(self, work_out: Callable[[str], float | None], again_seconds: float = AGAIN_SECONDS) -> None:
        self._work_out = work_out
        self._again_seconds = again_seconds
        self._known: dict[str, tuple[float, float | None]] = {}
        self._wanted: list[str] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def find_seconds(self, run_id: str) -> float | None:
        """Return how long the run will take as far as is known now, and let it be worked out where that is old."""
        with self._lock:
            at, seconds = self._known.get(run_id, (float("-inf"), None))
            if time.monotonic() - at > self._again_seconds and run_id not in self._wanted:
                self._wanted.append(run_id)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, name="forecast", daemon=True)
                    self._thread.start()
            return seconds

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._wanted:
                    self._thread = None
                    return
                run_id = self._wanted[0]
            seconds = self._work_out(run_id)
            with self._lock:
                self._wanted.remove(run_id)
                self._known.pop(run_id, None)
                self._known[run_id] = time.monotonic(), seconds
                while len(self._known) > MOST_KEPT:
                    self._known.pop(next(iter(self._known)))
