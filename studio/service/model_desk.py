"""ModelDesk: the head of the desks at which models that were made here are worked on, by work in the queue.

Knows whose models and runs are whose from the studio that makes it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studio.service.studio import Studio


class ModelDesk:
    """What such desks have in common: where models lie, how a visitor finds one, who answers, and the queue."""

    def __init__(self, studio: "Studio") -> None:
        self.workspace, self.scheduler, self.visitor = studio.workspace, studio.scheduler, studio.visitor
        self._desk, self._load_task = studio.desk, studio.load_task
        self._resolve, self._find, self._queue = studio.resolve_model, studio.find_run, studio.queue
