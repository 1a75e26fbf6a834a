"""The queue of the page's slow questions: as many as the studio can answer soon, and a few of each visitor.

gradio's own takes any number, and keeps each in memory, and each answer until somebody fetches it; and it looks a
thousand times a second whether there is one, which takes a twentieth of a core of an idle server. This one waits, and
forgets what nobody fetches. Knows who asks, and nothing of what.
"""

import asyncio
import contextlib
import time
from collections import Counter, OrderedDict
from typing import Any, NamedTuple

from fastapi import HTTPException
from gradio.queueing import Queue
from gradio.utils import set_task_name

from studio.foreign import Original
from studio.guard.crowd import MOST_NAMES, Buckets
from studio.ui.frame.sessions import LONGEST_SESSION
from studio.visitor import HEADER

READ_FROM = (
    Original("gradio.queueing.Queue.start", "6.31.0", "a8071fc9c5d0"),
    Original("gradio.queueing.Queue.start_processing", "6.31.0", "39d512807f3e"),
    Original("gradio.queueing.Queue.start_progress_updates", "6.31.0", "85b15220a2fb"),
    Original("gradio.queueing.Queue.process_events", "6.31.0", "24a58a15f71f"),
)

MOST_OPEN = 256
"""Questions that wait or are being answered."""
MOST_OF_ADDRESS = 128
"""Of one computer, which a whole class may share."""
MOST_OF_VISITOR = 24
FULL = "The studio has many questions to answer just now. Try again in a moment."
TOO_MANY = f"You have {MOST_OF_VISITOR} questions open here already. Wait until some are answered, then ask again."
SESSIONS_AT_ONCE, SESSIONS_A_SECOND = 60, 0.5
"""Pages that one visitor opens: each has a session, whose name its browser makes up."""
MANY_SESSIONS = (
    "You opened the page very often within a minute. Wait a moment, then reload it; a program keeps its session."
)
UNFETCHED_OF_VISITOR, UNFETCHED_SECONDS = 24, 300.0
"""So many answers are kept that nobody fetches, and so long."""


class Unfetched(NamedTuple):
    """An answer that waits for whoever asked: their visitor and session, and since when."""

    visitor: str
    session: str
    since: float


class FairQueue(Queue):
    """gradio's queue, in which nobody's questions take all places, and which sleeps while there are none."""

    stopped: bool

    @classmethod
    def take_over(cls, queue: Any) -> None:
        """Let a queue of gradio's be a fair one."""
        queue.__class__ = cls
        queue.sessions = Buckets(SESSIONS_A_SECOND, SESSIONS_AT_ONCE)
        queue.known, queue.unfetched = OrderedDict(), OrderedDict()

    def start(self) -> None:
        """Begin to answer; called in the server's own loop."""
        self._loop, self._changed = asyncio.get_running_loop(), asyncio.Event()
        super().start()

    def close(self) -> None:
        """Answer no more."""
        super().close()
        if hasattr(self, "_loop"):
            with contextlib.suppress(RuntimeError):  # it has ended already
                self._loop.call_soon_threadsafe(self._changed.set)

    async def push(self, body: Any, request: Any, username: str | None) -> Any:
        """Put a question in, or say why not."""
        open_questions = self.list_open()
        if len(open_questions) >= MOST_OPEN:
            return False, FULL, "queue_full"
        visitor, address = find_asker(request)
        counts = Counter(name for event in open_questions for name in _find_asker_of(event))
        if counts[visitor] >= MOST_OF_VISITOR or counts[address] >= MOST_OF_ADDRESS:
            return False, TOO_MANY, "queue_full"
        self._check_session(visitor, body)
        self.forget_unfetched()
        try:
            return await super().push(body, request, username)
        finally:
            self._wake()

    def _check_session(self, visitor: str, body: Any) -> None:
        """Raise HTTPException, 429 with words, for one who makes up a session for each question."""
        session = getattr(body, "session_hash", None)
        if session is None or (name := (visitor, str(session)[:LONGEST_SESSION])) in self.known:
            return
        if not self.sessions.take(visitor):
            raise HTTPException(429, MANY_SESSIONS)
        self.known[name] = None
        if len(self.known) > MOST_NAMES:
            self.known.popitem(last=False)

    def forget_unfetched(self, now: float | None = None) -> None:
        """Forget answers that nobody fetched for minutes, and the oldest of one who leaves many."""
        now = time.monotonic() if now is None else now
        for event_id, (_, session, _) in list(self.unfetched.items()):
            if event_id not in self.pending_event_ids_session.get(session, ()):  # it was fetched
                del self.unfetched[event_id]
                if not self.pending_event_ids_session.get(session, True):
                    del self.pending_event_ids_session[session]
        counts = Counter(one.visitor for one in self.unfetched.values())
        for event_id, (visitor, session, since) in list(self.unfetched.items()):
            if now - since > UNFETCHED_SECONDS or counts[visitor] > UNFETCHED_OF_VISITOR:
                counts[visitor] -= 1
                del self.unfetched[event_id]
                self.pending_event_ids_session.pop(session, None)
                self.pending_messages_per_session.pop(session, None)

    def send_message(self, event: Any, event_message: Any) -> None:
        """Send what is new of an answer, unless nobody fetches what its session has."""
        if event.session_hash in self.pending_messages_per_session:
            super().send_message(event, event_message)

    async def start_processing(self) -> None:
        """Answer what comes; wait while nothing does, or all places are taken."""
        try:
            while not self.stopped:
                self._changed.clear()
                if None not in self.active_jobs or not await self._begin():
                    await self._changed.wait()
        finally:
            self.stopped = True
            self._cancel_asyncio_tasks()

    async def _begin(self) -> bool:
        """Begin to answer the next question, as gradio does; return whether there was one."""
        async with self.delete_lock:
            found = self.get_events()
        if not found:
            return False
        events, batch, group = found
        self.active_jobs[self.active_jobs.index(None)] = events
        queue, handler, began = self.event_queue_per_concurrency_id[group], events[0].fn, time.time()
        queue.current_concurrency += 1
        queue.start_times_per_fn[handler].add(began)
        for event in events:
            if event._id in self.event_analytics:
                self.event_analytics[event._id]["status"] = "processing"
        task = asyncio.create_task(self.process_events(events, batch, began, handler))
        set_task_name(task, events[0].session_hash, handler._id, events[0]._id, batch)
        self._asyncio_tasks.add(task)
        task.add_done_callback(self._asyncio_tasks.discard)
        if self.live_updates:
            self.broadcast_estimations(group)
        return True

    async def process_events(self, *given: Any, **named: Any) -> None:
        """Answer questions; then there is a place again."""
        try:
            await super().process_events(*given, **named)
        finally:
            for event in given[0]:
                self.unfetched[event._id] = Unfetched(_find_asker_of(event)[0], event.session_hash, time.monotonic())
            self._wake()

    async def start_progress_updates(self) -> None:
        """Look for no progress: none of our handlers tells any by gradio's means."""

    def _wake(self) -> None:
        if hasattr(self, "_changed"):
            self._changed.set()

    def list_open(self) -> list[Any]:
        """Return what waits or is being answered."""
        waiting = [event for queue in self.event_queue_per_concurrency_id.values() for event in queue.queue]
        return waiting + [event for job in self.active_jobs if job for event in job]


def find_asker(request: Any) -> tuple[str, str]:
    """Return who asks, told apart by the visitor's secret, and from which computer."""
    address = f"address {request.client.host if request.client else ''}"
    return f"visitor {request.headers.get(HEADER, '')[:200]} {address}", address


def _find_asker_of(event: Any) -> tuple[str, str]:
    """The asker of an event, looked up once: each new question looks at all that are open."""
    if not hasattr(event, "asker"):
        event.asker = find_asker(event.request)
    return event.asker
