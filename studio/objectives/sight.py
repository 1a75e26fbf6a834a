"""One instance as the trainer gets it, token by token: what is only read, and what is learnt.

Knows no objective: the row is `objective.encode`'s own, so what is shown here is what is trained on. Of an example of
several rows it is the first, the better answer's.
"""

from typing import Any, NamedTuple

from studio.errors import TaskError
from studio.objectives.objective import Objective, longest_row
from studio.objectives.rendering import list_controls
from studio.tasks.task import Instance, Task

MOST_PIECES = 1_500
"""Tokens that are spelt out; of a longer row the middle is left out."""
_FROM_THE_END = 400
_NO_LIMIT = 10**9
_BROKEN = "\ufffd"
_MOST_PARTS = 8
"""The most tokens that one letter is looked for in; four bytes, and what may come before and after it."""


class Piece(NamedTuple):
    """One token: its text, its number in the vocabulary, and whether the model learns to write it."""

    text: str
    token: int
    learnt: bool
    special: bool


class Sight(NamedTuple):
    """What the model sees of one instance. `skipped` counts the tokens between `pieces` and `rest`.

    `fits` is False where the row is longer than `limit` tokens, so that training leaves the instance out.
    """

    prompt: str
    pieces: list[Piece]
    skipped: int
    rest: list[Piece]
    total: int
    learnt: int
    limit: int
    fits: bool


def look_at(objective: Objective, task: Task, instance: Instance, tokenizer: Any, limit: int) -> Sight:
    """Return what a run with this objective sees of an instance. Raises StudioError in words."""
    objective.check_task(task)
    example = objective.encode(task, instance, tokenizer, _NO_LIMIT)
    if example is None:
        raise TaskError("This instance holds nothing to learn. Write its output, or delete it.", field="output")
    row = example[0]
    learnt = [label != -100 for label in row.labels]
    long = len(row.input_ids) > MOST_PIECES
    ends = (
        (0, MOST_PIECES - _FROM_THE_END, len(row.input_ids) - _FROM_THE_END) if long else (0, len(learnt), len(learnt))
    )
    first, last = slice(ends[0], ends[1]), slice(ends[2], None)
    return Sight(
        prompt=objective.write_prompt(task, objective.write_dialogue(task, instance).before_answer(), tokenizer),
        pieces=spell(tokenizer, row.input_ids[first], learnt[first]),
        skipped=ends[2] - ends[1],
        rest=spell(tokenizer, row.input_ids[last], learnt[last]),
        total=len(learnt),
        learnt=sum(learnt),
        limit=limit,
        fits=longest_row(example) <= limit,
    )


def spell(tokenizer: Any, ids: list[int], learnt: list[bool]) -> list[Piece]:
    """Return tokens with their texts, which joined are the text they stand for, blanks included.

    Where several tokens make one letter, as with an emoji, the first has the letter and the others have "".
    """
    special, pieces = set(list_controls(tokenizer).values()), list[Piece]()
    while len(pieces) < len(ids):
        at = len(pieces)
        text, count = _spell_next(tokenizer, ids[at : at + _MOST_PARTS])
        for part in range(count):
            token = ids[at + part]
            pieces.append(Piece("" if part else text, token, learnt[at + part], token in special))
    return pieces


def _spell_next(tokenizer: Any, ids: list[int]) -> tuple[str, int]:
    """The text of the first token, or of the first few if only together they make a letter, and how many they are."""
    first = _decode(tokenizer, ids[:1])
    if _BROKEN in first:
        for count in range(2, len(ids) + 1):
            text = _decode(tokenizer, ids[:count])
            if _BROKEN not in text:
                return text, count
    # SentencePiece writes a blank as a low line and drops it where a text begins.
    has_blank = str(tokenizer.convert_ids_to_tokens(ids[0])).startswith("\u2581")
    return (f" {first}" if has_blank and not first.startswith(" ") else first), 1


def _decode(tokenizer: Any, ids: list[int]) -> str:
    return str(tokenizer.decode(ids, clean_up_tokenization_spaces=False))
