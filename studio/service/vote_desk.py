"""Votes for a visitor: which answers of a run were liked better, how often, and the task that they make."""

from pathlib import Path
from typing import TYPE_CHECKING

from studio.answering.mark import Mark, append_marks, count_marks, list_marks, read_mark
from studio.answering.preferences import write_corrections, write_preferences, write_ratings
from studio.answering.vote import Tally, Vote, append_votes, count_votes, list_votes, read_votes
from studio.declaration import show
from studio.errors import InputError
from studio.tasks.read_as import Reading
from studio.visitor import check_known

if TYPE_CHECKING:
    from studio.service.studio import Studio

WHAT = ("preferences", "corrections", "ratings")


class VoteDesk:
    """What a visitor does with votes on the answers of a run."""

    def __init__(self, studio: "Studio") -> None:
        self._studio = studio

    def vote(self, run_id: str, data: object) -> Tally:
        """Keep a vote, a ranking, a correction or a mark from 1 to 5; return the tally. Raises InputError in words."""
        file = self._studio.find_run(run_id).votes_file
        said = [read_mark(data)] if isinstance(data, dict) and "rating" in data else read_votes(data)
        made = self._studio.run_status(run_id).step
        for one in said:
            if one.step > made:
                raise InputError(f"This run has made {made:,} steps, so there is no step {one.step:,}.", field="step")
        append_votes(file, [one for one in said if isinstance(one, Vote)])
        append_marks(file, [one for one in said if isinstance(one, Mark)])
        return _count(file)

    def count(self, run_id: str) -> Tally:
        """Return how often base, tuned or neither was liked better, and how each model stands."""
        return _count(self._studio.find_run(run_id).votes_file)

    def export(self, run_id: str, what: str = "preferences") -> Reading:
        """Keep the votes on a run as a task of preferences, its `corrections` as one of answers, or its `ratings`.

        It is a new version where there is such a task. Raises InputError where there is nothing to keep.
        """
        if what not in WHAT:
            raise InputError(f"what is {', '.join(WHAT)}, not {show(what)}.", field="what")
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
        if what == "ratings":
            rated = write_ratings(task, list_marks(run.votes_file), run.run_id)
            said = (f"{rated.left_out:,} ratings say neither good nor bad.",) if rated.left_out else ()
            return studio.tasks.keep(Reading(task=rated.task, warnings=said), studio.visitor, "ratings of answers")
        found = write_preferences(task, votes, run.run_id)
        said = (f"{found.left_out:,} votes prefer neither answer, or say what another says.",) if found.left_out else ()
        return studio.tasks.keep(Reading(task=found.task, warnings=said), studio.visitor, "votes on answers")


def _count(file: Path) -> Tally:
    return count_votes(file).model_copy(update={"marks": count_marks(list_marks(file))})
