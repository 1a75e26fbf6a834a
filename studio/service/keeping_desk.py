"""What a person does with a run once it is made: name it, note something, tag it, and delete it.

Knows whose runs are whose from the studio that makes it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel

from studio.answering.vote import list_votes
from studio.checkpoints.address import list_built_on
from studio.errors import InputError
from studio.runs.note import Note, read_note, write_note
from studio.runs.run import Run
from studio.runs.status import ACTIVE, RunStatus

if TYPE_CHECKING:
    from studio.service.studio import Studio


class Deletion(BaseModel, frozen=True):
    """What goes with a run: the runs made on top of it, those that need others first; in words."""

    runs: tuple[str, ...]
    sentence: str


class KeepingDesk:
    """The visitor's runs, as their owner's own things."""

    def __init__(self, studio: "Studio") -> None:
        self._studio = studio

    def read_note(self, run_id: str) -> Note:
        """Return the name, the note and the tags that a person gave a run. Raises NotFoundError."""
        return read_note(self._studio.find_run(run_id))

    def read_notes(self, runs: Sequence[RunStatus]) -> list[Note]:
        """Return the same of many of the visitor's runs, as `list_runs` told them."""
        return [read_note(Run(self._studio.workspace.runs / run.run_id)) for run in runs]

    def write_note(self, run_id: str, name: str = "", note: str = "", tags: Sequence[str] = ()) -> Note:
        """Give a run a name of one's own, a note and tags, in place of older ones.

        Raises InputError for what is too long.
        """
        return write_note(self._studio.find_run(run_id), name, note, tags)

    def tell_deletion(self, run_id: str) -> Deletion:
        """Return what would go with a run if it is deleted with what depends on it."""
        run = self._studio.find_run(run_id)
        above = self._list_above(run)
        counts = {"checkpoint": len(run.list_checkpoints()), "vote": len(list_votes(run.votes_file))}
        goes = " and ".join(f"{count:,} {what}{'s' * (count > 1)}" for what, count in counts.items() if count)
        names = ", ".join(other.name for other in above[:5]) + ", …" * (len(above) > 5)
        said = f"Delete {run.name}{f' with its {goes}' if goes else ''}"
        more = f", and what was made on top of it: {names}" if above else ""
        return Deletion(runs=tuple(other.run_id for other in above), sentence=f"{said}{more}?")

    def delete(self, run_id: str) -> None:
        """Delete a run with what was made on top of it. Raises StudioError where one of them is at work."""
        run = self._studio.find_run(run_id)
        runs = [*self._list_above(run), run]
        for other in runs[:-1]:
            if self._studio.run_status(other.run_id).status in ACTIVE:
                raise InputError(f"{other.name} is made on top of it and is at work. Stop it first.", field="run_id")
        for other in runs:
            self._studio.delete_run(other.run_id)

    def _list_above(self, run: Run) -> list[Run]:
        """The visitor's runs that can't answer without a run, each after those that were made on top of it."""
        found: dict[str, Run] = {}
        for other in list_built_on(self._studio.workspace, run):
            if self._studio.visitor.owns(other.owner):
                found |= {one.run_id: one for one in [*self._list_above(other), other]}
        return list(found.values())
