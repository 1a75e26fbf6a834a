"""What a person wrote about a run: a name of their own, and a note. Written whole, beside what the run is."""

import json

from pydantic import BaseModel

from studio.errors import InputError
from studio.runs.run import Run
from studio.workspace import write_whole

LONGEST_NAME, LONGEST_NOTE = 60, 2_000


class Note(BaseModel, frozen=True):
    """A person's own words about a run; "" where there are none."""

    name: str = ""
    note: str = ""


def read_note(run: Run) -> Note:
    """Return what was written about a run; nothing where nothing was, or what was can't be read."""
    try:
        return Note.model_validate_json((run.folder / "note.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Note()


def write_note(run: Run, name: str, note: str) -> Note:
    """Keep a name and a note of a run, in place of older ones. Raises InputError for what is too long."""
    for field, text, most in (("name", name, LONGEST_NAME), ("note", note, LONGEST_NOTE)):
        if len(text) > most:
            raise InputError(f"A run's {field} has at most {most:,} characters, not {len(text):,}.", field=field)
    kept = Note(name=" ".join(name.split()), note=note.strip())
    write_whole(run.folder / "note.json", json.dumps(kept.model_dump(), ensure_ascii=False))
    return kept
