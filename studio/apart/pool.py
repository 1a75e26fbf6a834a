"""A small pool of children that work apart, of which one waits; two pieces of work at once for each visitor.

A child that takes too long or too much memory is killed, and the visitor is told which limit it was; so is one whose
answer is too long or can't be what its job answers. Whoever waits too long for a place is told that, and whoever has
many that wait already at once: a wait holds one of the page's threads. Knows nothing of the work.
"""

import contextlib
import ctypes
import logging
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

from studio.apart.frame import TooLong, read_frame, write_frame
from studio.apart.job import Answer, Given, Job, read_plain, write_plain
from studio.apart.told import MOST_LETTERS, BrokenWork, read_error
from studio.errors import InputError, StudioError

LOG = logging.getLogger(__name__)

LARGE_ANSWER = 4_000_000
"""Bytes of an answer after which memory is given back to the system."""
_OPENS_LARGE = threading.Lock()
"""One at a time, as nobody else is answered while such an answer is parsed."""


class Limits(NamedTuple):
    """Of one piece of work: seconds, bytes of memory more than before and of the answer; and how many at once.

    One person alone has all places. `of_visitor` counts those that wait too, twice.
    """

    seconds: float = 60.0
    long_seconds: float = 900.0
    memory_bytes: int = 3 << 30
    answer_bytes: int = 600_000_000
    of_visitor: int = 2
    of_all: int = max(3, min(6, os.cpu_count() or 1))
    of_long: int = 2
    wait_seconds: float = 60.0
    waiting: int = 10


class Pool:
    """Children that do what is given to them. Safe to use from several threads."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._free: list[_Child] = []
        self._working: set[_Child] = set()
        self._busy: Counter[str | None] = Counter()
        self._long: Counter[str | None] = Counter()
        self._waiting: Counter[str | None] = Counter()
        self._changed = threading.Condition()
        self._closed = False

    def run(self, who: str | None, job: Job[Given, Answer], *given: Given.args, **named: Given.kwargs) -> Answer:
        """Return what the job comes to, done apart. Raises what it raises, or InputError past a limit."""
        seconds = self.limits.long_seconds if job.long else self.limits.seconds
        wanted = {
            "job": job.name,
            "given": job.write_given(*given, **named),
            "memory_bytes": self.limits.memory_bytes,
            "seconds": seconds,
        }
        with self._place(who, job.long):
            kind, value = self._ask(write_plain(wanted), seconds, job)
        if kind == "done":
            return cast(Answer, value)
        if kind == "refused":
            raise cast(StudioError, value)
        if kind == "broke":
            raise BrokenWork(value)
        raise InputError(_WORDS[kind].format(seconds=seconds, gb=self.limits.memory_bytes / 2**30))

    def _ask(self, wanted: bytes, seconds: float, job: Job[..., Any]) -> tuple[str, object]:
        """What a child makes of a job: the kind of its answer, and the answer. One that passed a limit is ended."""
        child = self._take()
        value: object = None
        try:
            kind, data = child.ask(wanted, seconds, self.limits.answer_bytes)
        finally:
            with self._changed:
                self._working.discard(child)
        if kind == "answered":
            with _OPENS_LARGE if len(data) > LARGE_ANSWER else contextlib.nullcontext():
                kind, value = open_answer(data, job)
        if kind in ("late", "ended", "large", "odd"):
            child.kill()
        else:
            self._give_back(child)
        if len(data) > LARGE_ANSWER:
            return_memory_soon()
        return kind, value

    def prepare(self, job: Job[[], None]) -> None:
        """Let a child be warm before it is needed; returns at once. Without one, the first work is slower, no more."""
        threading.Thread(target=self._try, args=(job,), daemon=True).start()

    def _try(self, job: Job[[], None]) -> None:
        try:
            self.run(None, job)
        except StudioError as error:
            LOG.info("No child is warm yet: %s", error)

    def close(self) -> None:
        """End the children, also in the middle of their work."""
        with self._changed:
            self._closed = True
            free, self._free = self._free, []
            for child in self._working:
                child.end()
        for child in free:
            child.kill()

    @contextlib.contextmanager
    def _place(self, who: str | None, long: bool) -> Iterator[None]:
        """Hold a place among all, and among those of a visitor."""
        with self._changed:
            if not self._has_room(who, long):
                many = who is not None and self._waiting.total() >= self.limits.waiting
                if many or self._waiting[who] >= self._count_own(who) * 2:
                    raise InputError(_WORDS["busy"])
                self._waiting[who] += 1
                try:
                    if not self._changed.wait_for(lambda: self._has_room(who, long), timeout=self.limits.wait_seconds):
                        raise InputError(_WORDS["busy"])
                finally:
                    self._waiting[who] -= 1
            self._busy[who] += 1
            self._long[who] += long
        try:
            yield
        finally:
            with self._changed:
                self._busy[who] -= 1
                self._long[who] -= long
                self._changed.notify_all()

    def _count_own(self, who: str | None) -> int:
        return self.limits.of_all if who is None else self.limits.of_visitor

    def _has_room(self, who: str | None, long: bool) -> bool:
        if long and (self._long.total() >= self.limits.of_long or (who is not None and self._long[who])):
            return False
        most = self.limits.of_all + (who is None)  # a place that no visitor takes is left for the desk's own questions
        return self._busy[who] < self._count_own(who) and self._busy.total() < most

    def _take(self) -> "_Child":
        with self._changed:
            self._free = [one for one in self._free if one.is_alive()]
            waiting = self._free.pop() if self._free else None
        child = waiting or _Child()
        with self._changed:
            self._working.add(child)
            if self._closed:
                child.end()
        return child

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
    "large": "What came of this is larger than it may be, so it was left. Choose a smaller file or model.",
    "odd": "What came of this can't be used: the file or model disturbed its own reading. Choose another one.",
    "panicked": "The model's tokenizer gave up on this text, or its tokenizer.json is damaged. Choose another model.",
    "busy": "Two things of yours are being worked on, or the studio is busy. Try again in a moment.",
}


def open_answer(data: bytes, job: Job[..., Any]) -> tuple[str, object]:
    """Return what a child answered, its kind and its value; ("odd", None) for what no job of the studio's answers."""
    try:
        kind, value = read_plain(data)
        if kind == "done":
            return "done", job.read_answer(value)
        if kind == "refused":
            return "refused", read_error(value)
        if kind == "broke":
            return "broke", str(value)[:MOST_LETTERS]
        return (kind, None) if kind in ("memory", "panicked") else ("odd", None)
    except Exception:  # of whatever kind: a child that was taken over may answer anything
        return "odd", None


def return_memory_soon(seconds: float = 2.0) -> None:
    """Give back what was freed when what was just read has been kept, too; returns at once."""
    alarm = threading.Timer(seconds, return_memory)
    alarm.daemon = True
    alarm.start()


def return_memory() -> None:
    """Give back to the system what was freed, where it is Linux's own library that keeps it."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


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

    def ask(self, wanted: bytes, seconds: float, most: int) -> tuple[str, bytes]:
        """Return ("answered", its bytes); "late" past the time, "large" past the size, "ended" if the child is gone."""
        assert self._process.stdin is not None and self._process.stdout is not None
        late = threading.Event()

        def end() -> None:
            late.set()
            self.end()

        alarm = threading.Timer(seconds, end)
        alarm.daemon = True
        alarm.start()
        try:
            write_frame(self._process.stdin, wanted)  # type: ignore[arg-type]
            data = read_frame(self._process.stdout, most)  # type: ignore[arg-type]
        except TooLong:
            return "large", b""
        except OSError:
            data = None
        finally:
            alarm.cancel()
        if data is None:
            return ("late" if late.is_set() else "ended"), b""
        return "answered", data

    def end(self) -> None:
        """End it; whoever waits for its answer hears that it ended."""
        self._process.kill()

    def kill(self) -> None:
        """End it, and close the pipes."""
        self.end()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
