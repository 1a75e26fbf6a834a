"""A bound around what a test asks of a foreign thing: without the remedy it fails in words, and the machine goes on.

Seconds are the processor's, so a busy machine may take its time. Knows nothing of what is done.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from studio.apart.child import count_data

GB = 10**9


class _Passed(BaseException):
    """Raised where the bound is passed; no reader of damaged files takes it for damage."""


@contextmanager
def within(seconds: float, memory: int = 2 * GB) -> Iterator[None]:
    """Fail where what is done takes more seconds of this process, or asks for so much more memory at once."""

    def end(*given: object) -> None:
        raise _Passed

    began, before = time.process_time(), signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        with _limited(memory):
            yield
        passed = time.process_time() - began > seconds
    except _Passed:
        passed = True
    except MemoryError:
        pytest.fail(f"It asked for more than {memory / GB:g} GB.")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    if passed:
        pytest.fail(f"It took longer than {seconds:g} seconds of the processor.")


@contextmanager
def _limited(memory: int) -> Iterator[None]:
    """Let this process take so much memory more than it has, where the system can say so."""
    if not os.path.exists("/proc/self/status"):
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (count_data() + memory, hard))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
