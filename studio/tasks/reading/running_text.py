"""Running text for continued pre-training becomes a task of paragraphs. Knows blank lines and nothing of grammar."""

import re

from studio.errors import TaskError
from studio.tasks.cell import Notes, check_text
from studio.tasks.kinds.text import Text
from studio.tasks.reading.schema import Ids
from studio.tasks.task import Origin, Task

SHORTEST = 20
"""Letters that make a text: less is a slip rather than something to learn from."""


def cut_text(text: str, task_id: str, notes: Notes) -> Task:
    """Return the task of a text: one instance a paragraph, or a line where no line is blank. Raises TaskError."""
    parts = [part for part in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")) if part.strip()]
    word = "paragraphs"
    if len(parts) == 1:
        parts, word = [line for line in parts[0].split("\n") if line.strip()], "lines"
    if sum(letter.isalpha() for letter in text) < SHORTEST:
        beginning = re.sub(r"\s+", " ", text[:200]).strip()[:50]
        raise TaskError(
            f"this is neither JSON nor a table, and too short to be a text to learn from: it begins with "
            f"\u201c{beginning}\u201d. Choose a .json, .jsonl, .csv, .xlsx or .parquet file, or a longer text.",
            field="file",
        )
    notes.say(
        f"The file is neither JSON nor a table; it was read as running text in {len(parts):,} {word}, for continued "
        "pre-training."
    )
    ids = Ids(task_id, Notes())
    instances = []
    for number, part in enumerate(parts, start=1):
        whole = check_text(part.strip("\n"), f"paragraph {number}")
        instances.append(Text(id=ids.choose(None, "", (whole,), ""), output=(whole,)))
    return Task(
        task_id=task_id, definition="", instances=tuple(instances), kind="text", origin=Origin(format="running text")
    )
