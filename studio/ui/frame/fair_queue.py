"""The queue of the page's slow questions: as many as the studio can answer soon, and a few of each visitor.

gradio's own takes any number, and keeps each in memory; and it looks a thousand times a second whether there is one,
which takes a twentieth of a core of an idle server. This one waits. Knows who asks, and nothing of what.
"""

import asyncio
import contextlib
import time
from collections import Counter
from typing import Any

from gradio.queueing import Queue
from gradio.utils import set_task_name

from studio.foreign import Original
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


class FairQueue(Queue):
    """gradio's queue, in which nobody's questions take all places, and which sleeps while there are none."""

    stopped: bool

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
        try:
            return await super().push(body, request, username)
        finally:
            self._wake()

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
