"""How long a task's rows are in tokens, and which a limit leaves out. Knows no tokenizer."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from studio.tasks.quality.finding import Finding, count_of, say_places
from studio.tasks.task import Task


class Limit(NamedTuple):
    """How long a row may be in tokens: by the recipe, and by what the model reads, less what the method adds to it."""

    recipe: int
    model: int
    method: int = 0

    @property
    def tokens(self) -> int:
        """The lower of the two."""
        return min(self.recipe, self.model - self.method)


class Lengths(BaseModel):
    """The distribution of lengths: prompt, answer and both, in tokens, and the histogram of both."""

    model_config = ConfigDict(frozen=True)

    counted: int
    median: int
    p95: int
    longest: int
    longest_answer: int
    limit: int | None
    too_long: tuple[int, ...]
    edges: tuple[int, ...]
    heights: tuple[int, ...]


def measure_lengths(lengths: Sequence[tuple[int, int]], limit: int | None) -> Lengths:
    """Return the distribution of (prompt, answer) lengths, and which go over `limit` tokens."""
    prompts = np.array([prompt for prompt, _ in lengths])
    answers = np.array([answer for _, answer in lengths])
    both = prompts + answers
    heights, edges = np.histogram(both, bins=min(40, max(1, int(both.max() - both.min()) + 1)))
    over = both > limit if limit else np.zeros(len(both), bool)
    return Lengths(
        counted=len(both),
        median=int(np.median(both)),
        p95=int(np.quantile(both, 0.95)),
        longest=int(both.max()),
        longest_answer=int(answers.max()),
        limit=limit,
        too_long=tuple(np.flatnonzero(over).tolist()),
        edges=tuple(int(edge) for edge in edges),
        heights=tuple(heights.tolist()),
    )


def check_lengths(task: Task, lengths: Lengths, limit: Limit) -> list[Finding]:
    """Return which instances training leaves out since they are too long, and what would help."""
    count = len(lengths.too_long)
    if not count:
        return []
    them = "it" if count == 1 else "them"
    room = limit.model - limit.method
    if limit.recipe < room:
        title, whose = "Longer than this recipe allows", "the longest example of this recipe"
        enough = f"{lengths.longest:,}" if lengths.longest <= room else f"{room:,}, all that the model can read"
        way_out = f"Raise “Longest example” under More in the Method step to {enough}; or shorten {them}."
    else:
        title, whose = "Longer than the model can read", "all that the model can read"
        whose += f" beside the {limit.method:,} of the method" if limit.method else ""
        way_out = f"Shorten {them}, or choose a model that reads more."
    is_all = count == len(task.instances)
    left_out = "Not one is left to train on." if is_all else "Training leaves out what is longer."
    return [
        Finding(
            name="too long",
            severity="problem" if is_all else "warning",
            title=title,
            words=f"Of {len(task.instances):,}, {count_of(count, 'are')} longer than {limit.tokens:,} tokens, {whose}; "
            f"the longest has {lengths.longest:,}: {say_places(task, lengths.too_long)}. {left_out} {way_out}",
            numbers=lengths.too_long,
            fix="leave out",
            fix_words=f"Leave out {count:,}",
            follows=True,
        )
    ]
