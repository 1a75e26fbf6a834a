"""Being asked to end: by Ctrl+C, a polite kill or a closed terminal, once or twenty times in a row.

A handler in Python runs between any two instructions of the main thread, within another handler too, and while that
thread holds a lock. So the handlers here do nothing. For each signal the interpreter itself writes a byte into a
socket, and a thread that holds nothing reads it. Knows nothing of what ends; whoever listens says how much time that
may take.
"""

import os
import signal
import socket
import threading
import time
from types import FrameType

ASKING = ("SIGINT", "SIGTERM", "SIGHUP")
"""The signals that ask a process to end; a system has those that it has."""


class Interruption:
    """Whether somebody asked this process to end. One at a time, made and left in the main thread."""

    def __init__(self, *names: str, patience_seconds: float | None = None) -> None:
        """`names` of the signals to hear; who was asked and still lives after `patience_seconds` ends with status 0."""
        self.patience_seconds = patience_seconds
        self._numbers = [number for name in names if (number := getattr(signal, name, None)) is not None]
        self._asked = threading.Event()

    def __enter__(self) -> "Interruption":
        """Begin to hear them. What is ignored when nobody is there to see it (nohup) stays ignored."""
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._woken_before = signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        self._before = {
            number: signal.signal(number, _do_nothing)
            for number in self._numbers
            if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN
        }
        threading.Thread(target=self._listen, name="interruption", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave signals to whoever had them before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._woken_before)
        self._bell.close()
        if self.is_asked():
            self._ear.close()

    def is_asked(self) -> bool:
        """Whether one has come."""
        return self._asked.is_set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until one comes, or for that long; return whether it came."""
        return self._asked.wait(seconds)

    def shut(self) -> None:
        """Let no signal change how this process ends: it ends now. There is no way back."""
        while self._before:
            signal.signal(self._before.popitem()[0], signal.SIG_IGN)

    def _listen(self) -> None:
        while heard := self._ear.recv(1):
            if heard[0] in self._numbers:
                break
        else:
            self._ear.close()
            return
        self._asked.set()  # and the ear stays open: the interpreter complains of a bell that nobody could hear
        if self.patience_seconds is not None:
            time.sleep(self.patience_seconds)
            os._exit(0)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    """Be where a handler has to be, so that a signal neither kills nor raises."""
