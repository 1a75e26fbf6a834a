"""The queue of the page's slow questions: as many as the studio can answer soon, and a few of each visitor.

gradio's own takes any number, and keeps each in memory. Knows who asks, and nothing of what.
"""

from collections import Counter
from typing import Any

from gradio.queueing import Queue

from studio.visitor import HEADER

MOST_OPEN = 256
"""Questions that wait or are being answered."""
MOST_OF_ADDRESS = 128
"""Of one computer, which a whole class may share."""
MOST_OF_VISITOR = 24
FULL = "The studio has many questions to answer just now. Try again in a moment."
TOO_MANY = f"You have {MOST_OF_VISITOR} questions open here already. Wait until some are answered, then ask again."


class FairQueue(Queue):
    """gradio's queue, in which nobody's questions take all places."""

    async def push(self, body: Any, request: Any, username: str | None) -> Any:
        """Put a question in, or say why not."""
        open_questions = self.list_open()
        if len(open_questions) >= MOST_OPEN:
            return False, FULL, "queue_full"
        visitor, address = find_asker(request)
        counts = Counter(name for event in open_questions for name in _find_asker_of(event))
        if counts[visitor] >= MOST_OF_VISITOR or counts[address] >= MOST_OF_ADDRESS:
            return False, TOO_MANY, "queue_full"
        return await super().push(body, request, username)

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
