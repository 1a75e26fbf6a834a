"""The README beside an exported model: what it is, what it was made of, and how it is loaded. Hub cards are the same.

Names no path of this computer.
"""

from collections.abc import Iterator
from pathlib import Path

from studio.checkpoints.merges import read_card
from studio.errors import StudioError
from studio.exporting.form import Source
from studio.exporting.report import find_report
from studio.reports.markdown import write_scores

PROMPT_NOTE = "Ask it the way it was trained; this is what it reads before it answers:"


def write_readme(folder: Path, source: Source, what: str, code: str, note: str = "", serve: str = "") -> None:
    """Write README.md: a hub card's header, what the model was made of, and how it is loaded."""
    changes = [
        f"- {change.title}: {change.recipe.method_words} on {', '.join(part.task_id for part in change.recipe.parts)}"
        for change in source.stack.changes
    ]
    lines = [
        "---",
        *([f"base_model: {name_base(source)}"] if not source.stack.base.is_own else []),
        "library_name: transformers",
        "tags: [fine-tuning-studio]",
        "---",
        "",
        f"# {source.title}: {what}",
        "",
        f"Base: {name_base(source)}"
        + (f", revision {source.stack.base.revision}" if source.stack.base.revision else ""),
        *changes,
        *tell_parents(source),
        *(["", note] if note else []),
        "",
        "```python",
        code,
        "```",
    ]
    lines += tell_measured(source)
    if serve:
        lines += ["", f"As a server: {serve}."]
    (folder / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def tell_parents(source: Source) -> Iterator[str]:
    """Yield what merges among the changes were made of: every parent with its weight, the way and its options."""
    for change in source.stack.changes:
        if (card := read_card(change.folder)) is not None:
            options = "".join(f", {name} {value}" for name, value in card.options.items())
            yield f"- {change.title} is a merge by {card.way}{options}, kept as {card.result}:"
            yield from (f"  - {parent.title} × {parent.weight:g}" for parent in card.parents)
            yield from [f"  - {card.cost}"] if card.cost else []


def tell_measured(source: Source) -> list[str]:
    """Return what the run that made a model learned from and what it scored, with intervals; nothing of a merge."""
    made = source.made.address.made if source.stack.changes else None
    if made is None or made.kind != "run":
        return []
    try:
        return write_scores(find_report(source))
    except StudioError:  # what the run was is damaged; the model is whole all the same
        return []


def name_base(source: Source) -> str:
    """Return the base's public name; of a folder its last part alone."""
    return source.stack.base.public.ref.removeprefix("./")
