"""Votes for a visitor: which answers of a run were liked better, how often, and the task that they make."""

from typing import TYPE_CHECKING

from studio.answering.preferences import write_corrections, write_preferences
from studio.answering.vote import Tally, append_votes, count_votes, list_votes, read_votes
from studio.declaration import show
from studio.errors import InputError
from studio.tasks.read_as import Reading
from studio.visitor import check_known

if TYPE_CHECKING:
    from studio.service.studio import Studio

WHAT = ("preferences", "corrections")


class VoteDesk:
    """What a visitor does with votes on the answers of a run."""

    def __init__(self, studio: "Studio") -> None:
        self._studio = studio

    def vote(self, run_id: str, data: object) -> Tally:
        """Keep a vote or a ranking; return the tally. Raises InputError in words."""
        run = self._studio.find_run(run_id)
        append_votes(run.votes_file, read_votes(data))
        return count_votes(run.votes_file)

    def count(self, run_id: str) -> Tally:
        """Return how often base, tuned or neither was liked better, and how each model stands."""
        return count_votes(self._studio.find_run(run_id).votes_file)

    def export(self, run_id: str, what: str = "preferences") -> Reading:
        """Keep the votes on a run as a task of preferences, or its `corrections` as one of answers; return it.

        It is a new version where there is such a task. Raises InputError where there is nothing to keep.
        """
        if what not in WHAT:
            raise InputError(f"what is {' or '.join(WHAT)}, not {show(what)}.", field="what")
        studio = self._studio
        check_known(studio.visitor)
        studio.shares.check(studio.visitor, "task")
        run = studio.find_run(run_id)
        recipe = run.load_recipe()
        task = studio.load_task(recipe.task_id, recipe.task_version)
        votes = list_votes(run.votes_file)
        if what == "corrections":
            corrected = Reading(task=write_corrections(task, votes, run.run_id))
            return studio.tasks.keep(corrected, studio.visitor, "corrections of answers")
        found = write_preferences(task, votes, run.run_id)
        said = (f"{found.left_out:,} votes prefer neither answer, or say what another says.",) if found.left_out else ()
        return studio.tasks.keep(Reading(task=found.task, warnings=said), studio.visitor, "votes on answers")
