"""What a person wrote about a run: a name of their own, a note, and tags. Written whole, beside what the run is."""

import json
from collections.abc import Sequence

from pydantic import BaseModel

from studio.errors import InputError
from studio.runs.run import Run
from studio.workspace import write_whole

LONGEST_NAME, LONGEST_NOTE, LONGEST_TAG, MOST_TAGS = 60, 2_000, 30, 10


class Note(BaseModel, frozen=True):
    """A person's own words about a run; "" where there are none."""

    name: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()


def read_note(run: Run) -> Note:
    """Return what was written about a run; nothing where nothing was, or what was can't be read."""
    try:
        return Note.model_validate_json((run.folder / "note.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Note()


def write_note(run: Run, name: str, note: str, tags: Sequence[str] = ()) -> Note:
    """Keep a name, a note and tags of a run, in place of older ones. Raises InputError for what is too long or many."""
    words = [word for tag in tags if (word := " ".join(tag.split()))]
    if len(words) > MOST_TAGS:
        raise InputError(f"A run has at most {MOST_TAGS} tags, not {len(words):,}. Leave some out.", field="tags")
    given = [
        ("name", name, LONGEST_NAME),
        ("note", note, LONGEST_NOTE),
        *(("tags", word, LONGEST_TAG) for word in words),
    ]
    for field, text, most in given:
        if len(text) > most:
            what = "A tag of a run" if field == "tags" else f"A run's {field}"
            raise InputError(f"{what} has at most {most:,} characters, not {len(text):,}. Shorten it.", field=field)
    kept = Note(name=" ".join(name.split()), note=note.strip(), tags=tuple(dict.fromkeys(words)))
    write_whole(run.folder / "note.json", json.dumps(kept.model_dump(), ensure_ascii=False))
    return kept
