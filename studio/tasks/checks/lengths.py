"""How long instances are in tokens of a given tokenizer, and what a limit would cut. Knows no tokenizer itself."""

from collections.abc import Callable, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from studio.tasks.checks.finding import Finding, count_of, say_places
from studio.tasks.prompt import write_answer, write_prompt
from studio.tasks.task import Instance, Task

CountTokens = Callable[[list[str]], list[int]]
"""Texts to their numbers of tokens, such as `lambda texts: list(map(len, tokenizer(texts)["input_ids"]))`."""

_BATCH = 1000


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
    answer_lost: tuple[int, ...]
    edges: tuple[int, ...]
    heights: tuple[int, ...]


def count_lengths(task: Task, count_tokens: CountTokens, template: str = "plain") -> list[tuple[int, int]]:
    """Return (tokens of the prompt, tokens of the answer) of every instance."""
    found: list[tuple[int, int]] = []
    for start in range(0, len(task.instances), _BATCH):
        batch = task.instances[start : start + _BATCH]
        prompts = count_tokens([_prompt_of(task, instance, template) for instance in batch])
        answers = count_tokens([write_answer(instance.output[0], template) for instance in batch])
        found += zip(prompts, answers, strict=True)
    return found


def _prompt_of(task: Task, instance: Instance, template: str) -> str:
    if instance.messages:
        return "\n".join(turn.content for turn in instance.messages[:-1])
    if task.kind == "text":
        return ""
    return write_prompt(task, instance.input, "plain" if template == "chat" else template)


def measure_lengths(lengths: Sequence[tuple[int, int]], limit: int | None) -> Lengths:
    """Return the distribution of (prompt, answer) lengths, and which go over `limit` tokens."""
    prompts = np.array([prompt for prompt, _ in lengths])
    answers = np.array([answer for _, answer in lengths])
    both = prompts + answers
    heights, edges = np.histogram(both, bins=min(40, max(1, int(both.max() - both.min()) + 1)))
    over = both > limit if limit else np.zeros(len(both), bool)
    lost = prompts >= limit if limit else over
    return Lengths(
        counted=len(both),
        median=int(np.median(both)),
        p95=int(np.quantile(both, 0.95)),
        longest=int(both.max()),
        longest_answer=int(answers.max()),
        limit=limit,
        too_long=tuple(np.flatnonzero(over).tolist()),
        answer_lost=tuple(np.flatnonzero(lost).tolist()),
        edges=tuple(int(edge) for edge in edges),
        heights=tuple(heights.tolist()),
    )


def check_lengths(task: Task, lengths: Lengths) -> list[Finding]:
    """Return what a limit would cut."""
    if not lengths.too_long:
        return []
    lost = f" Of {len(lengths.answer_lost):,} the whole answer would be lost." if lengths.answer_lost else ""
    return [
        Finding(
            name="too long",
            severity="problem" if lengths.answer_lost else "warning",
            title="Longer than the model can read",
            words=f"Of {len(task.instances):,}, {count_of(len(lengths.too_long), 'are')} longer than {lengths.limit:,} "
            f"tokens; the longest has {lengths.longest:,}: {say_places(task, lengths.too_long)}. What stands after the "
            f"limit is cut, and that is the answer.{lost} Such instances are not trained on. Shorten them, leave them "
            "out, or choose a model that reads more.",
            numbers=lengths.too_long,
            fix="leave out",
            fix_words=f"Leave out {len(lengths.too_long):,}",
        )
    ]
