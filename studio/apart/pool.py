"""A small pool of children that work apart, of which one waits; two pieces of work at once for each visitor.

A child that takes too long or too much memory is killed, and the visitor is told which limit it was; whoever waits too
long for a place is told that. Knows nothing of the work.
"""

import contextlib
import importlib
import os
import pickle
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from studio.apart.child import read_frame, write_frame
from studio.errors import InputError

Answer = TypeVar("Answer")
WARM = "studio.service.foreign"
"""What a child has imported that waits, by its name: nothing here knows what it does."""


class Limits(NamedTuple):
    """Of one piece of work: seconds, bytes of memory more than before, and how many at once."""

    seconds: float = 60.0
    memory_bytes: int = 3 << 30
    of_visitor: int = 2
    of_all: int = 6
    wait_seconds: float = 20.0


class Pool:
    """Children that do what is given to them. Safe to use from several threads."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._free: list[_Child] = []
        self._busy: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._closed = False

    def run(self, who: str, work: Callable[..., Answer], *given: Any) -> Answer:
        """Return what `work(*given)` returns, done apart. Raises what it raises, or InputError past a limit."""
        with self._place(who):
            child = self._take()
            kind, value = child.ask((self.limits.memory_bytes, work, given), self.limits.seconds)
            if kind in ("late", "ended"):
                child.kill()
            else:
                self._give_back(child)
        if kind == "done":
            return value
        if kind == "raised":
            raise _make_error(*value)
        raise InputError(_WORDS[kind].format(**self.limits._asdict(), gb=self.limits.memory_bytes / 2**30))

    def prepare(self) -> None:
        """Let a child be warm before it is needed; returns at once."""
        threading.Thread(target=self.run, args=("", importlib.import_module, WARM), daemon=True).start()

    def close(self) -> None:
        """End the children that wait."""
        with self._changed:
            self._closed = True
            free, self._free = self._free, []
        for child in free:
            child.kill()

    @contextlib.contextmanager
    def _place(self, who: str) -> Iterator[None]:
        """Hold a place among all, and among those of a visitor."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._has_room(who), timeout=self.limits.wait_seconds):
                raise InputError(_WORDS["busy"].format(**self.limits._asdict()))
            self._busy[who] += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy[who] -= 1
                self._changed.notify_all()

    def _has_room(self, who: str) -> bool:
        return self._busy[who] < self.limits.of_visitor and self._busy.total() < self.limits.of_all

    def _take(self) -> "_Child":
        with self._changed:
            while self._free:
                child = self._free.pop()
                if child.is_alive():
                    return child
        return _Child()

    def _give_back(self, child: "_Child") -> None:
        """Keep a child that is warm; two are enough."""
        with self._changed:
            if len(self._free) < 2 and not self._closed:
                self._free.append(child)
                return
        child.kill()


_WORDS = {
    "late": "This took longer than {seconds:g} seconds, so it was ended. A smaller file, or another model, may do.",
    "ended": "This asked for more memory than it may have ({gb:g} GB) and was ended. Choose a smaller file or model.",
    "memory": "This asked for more memory than it may have ({gb:g} GB). Choose a smaller file or model.",
    "panicked": "The model's tokenizer gave up on this text, or its tokenizer.json is damaged. Choose another model.",
    "busy": "Two things of yours are being worked on, or the studio is busy. Try again in a moment.",
}


class _Child:
    """One child process and the pipes to it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "studio.apart.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd=Path(__file__).parents[2],
            env={**os.environ, "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        )

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, work: Any, seconds: float) -> tuple[str, Any]:
        """Return what came of it; ("late", None) past the time, ("ended", None) if the child is gone."""
        assert self._process.stdin is not None and self._process.stdout is not None
        late = threading.Event()

        def end() -> None:
            late.set()
            self._process.kill()

        alarm = threading.Timer(seconds, end)
        alarm.daemon = True
        alarm.start()
        try:
            write_frame(self._process.stdin, pickle.dumps(work, protocol=5))  # type: ignore[arg-type]
            data = read_frame(self._process.stdout)  # type: ignore[arg-type]
        except OSError:
            data = None
        finally:
            alarm.cancel()
        if data is None:
            return ("late" if late.is_set() else "ended"), None
        kind, value = pickle.loads(data)
        return kind, value

    def kill(self) -> None:
        """End it, and close the pipes."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]


def _make_error(kind: type[Exception], args: tuple[Any, ...], more: dict[str, Any]) -> Exception:
    """The error that the child saw, without asking its class to make it again."""
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(more)
    return error
