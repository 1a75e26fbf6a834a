"""Made on: by what a checkpoint knows again the base that it was made on, whatever lies under that name by now.

A fingerprint, kept in the checkpoint's own folder. What an older studio made has none, and is not asked for it.
"""

import json
from pathlib import Path

from studio.checkpoints.checkpoint import Stack
from studio.errors import ModelError
from studio.models.fingerprint import matches, take_fingerprint
from studio.workspace import write_whole

FILE = "made_on.json"


def note_base(folder: Path, fingerprint: str) -> None:
    """Let a checkpoint's folder say what it was made on."""
    write_whole(folder / FILE, json.dumps({"fingerprint": fingerprint}))


def check_base(stack: Stack, base: Path | None = None, field: str = "model") -> None:
    """Raise ModelError in words where a change of a stack was made on another model than its base is now.

    `base` is the folder where that lies; without it only a base that nothing needs to be fetched of is looked at.
    """
    noted = [(change, mark) for change in stack.changes if (mark := read_note(change.folder))]
    if not noted or (base := base or stack.base.find_folder()) is None:
        return
    for change, mark in noted:
        if not matches(base, mark):
            raise refuse_changed(change.title, base, field)


def check_resumed(folder: Path | None, title: str, base: Path) -> str:
    """Return the fingerprint of a run's base. Raises ModelError where its checkpoint was made on another."""
    mark = read_note(folder) if folder else ""
    if mark and not matches(base, mark):
        raise refuse_changed(title, base, "model")
    return take_fingerprint(base)


def refuse_changed(title: str, base: Path, field: str) -> ModelError:
    """Return the words for a base that is another by now."""
    return ModelError(
        f"The base of {title} changed since: what lies in {base} now has another config, other tokens or weights. "
        "Put the model back that it was made on, or train again on this one.",
        field=field,
    )


def read_note(folder: Path) -> str:
    """Return the fingerprint that a checkpoint's folder notes, "" where there is none."""
    try:
        told = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(told.get("fingerprint") or "") if isinstance(told, dict) else ""
