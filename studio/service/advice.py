"""Which way to go, for one visitor: what was measured of a task stands beside what the person says."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from studio.errors import NotFoundError
from studio.models.device import DeviceFacts
from studio.objectives.card import ObjectiveCard, list_objectives
from studio.recipes.which_way import Way, choose_way, read_answers
from studio.tasks.store import TaskCard


def advise(data: object, cards: Sequence[TaskCard], precision: str) -> Way:
    """Return what to do. Raises InputError for odd answers, NotFoundError for a task that isn't there."""
    answers = read_answers(data)
    card = next((card for card in cards if card.task_id == answers.task_id), None)
    if answers.task_id and card is None:
        raise NotFoundError(f"There is no task {answers.task_id!r}. Choose one of the Data step.", field="task_id")
    shown = (card.scores or {}).get("prompted") if card else None
    return choose_way(answers, precision, shown.get("test") if isinstance(shown, dict) else None)


class Advising:
    """The part of a studio that says what could be done."""

    if TYPE_CHECKING:

        def list_tasks(self) -> list[TaskCard]: ...
        def device(self) -> DeviceFacts: ...

    def list_objectives(self) -> list[ObjectiveCard]:
        """Return what a run can optimise."""
        return list_objectives()

    def which_way(self, answers: object) -> Way:
        """Return whether to tune, and what, from what a person has. Raises InputError or NotFoundError in words."""
        return advise(answers, self.list_tasks(), self.device().usual_precision)
