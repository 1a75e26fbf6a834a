"""What a person does with a run once it is made: name it and note something.

Knows whose runs are whose from the studio that makes it.
"""

from collections.abc import Callable

from studio.runs.note import Note, read_note, write_note
from studio.runs.run import Run


class KeepingDesk:
    """The visitor's runs, as their owner's own things."""

    def __init__(self, find_run: Callable[[str], Run]) -> None:
        self._find_run = find_run

    def read_note(self, run_id: str) -> Note:
        """Return the name and the note that a person gave a run. Raises NotFoundError."""
        return read_note(self._find_run(run_id))

    def write_note(self, run_id: str, name: str = "", note: str = "") -> Note:
        """Give a run a name of one's own and a note, in place of older ones. Raises InputError for what is too long."""
        return write_note(self._find_run(run_id), name, note)
