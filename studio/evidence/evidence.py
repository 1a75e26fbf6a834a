"""Evidence: what kept answers come to. Scores with intervals, differences, flips, forgetting. Knows values alone."""

import re
from collections.abc import Sequence

from pydantic import BaseModel

from studio.evidence.asked import Asked
from studio.evidence.difference import Difference, find_difference
from studio.evidence.flips import Flip, tell_fate
from studio.evidence.interval import draw, find_interval, find_middle, sum_clusters
from studio.evidence.kept_answers import Row
from studio.evidence.metrics import METRICS, Answered, Metric, list_fitting
from studio.evidence.metrics.labels import count_confusion
from studio.evidence.metrics.metric import has_answers

ROWS = Sequence[Sequence[Row]]
"""The kept answers of each checkpoint."""


class Value(BaseModel, frozen=True):
    """What one checkpoint came to in one metric, over `n` instances; the interval is of 95 %.

    `cut` of its answers had not ended where they had to.
    """

    checkpoint: str
    title: str
    metric: str
    value: float
    low: float | None
    high: float | None
    n: int
    cut: int = 0


class LabelTable(BaseModel, frozen=True):
    """Of one checkpoint: how often each wanted label (rows) was taken for each (columns; the last is none of them)."""

    checkpoint: str
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    f1: tuple[float | None, ...]


class Evidence(BaseModel, frozen=True):
    """Scores of each checkpoint, differences of each to the first in the task's main metric, and what is left out."""

    values: tuple[Value, ...]
    differences: tuple[Difference, ...]
    tables: tuple[LabelTable, ...]
    notes: tuple[str, ...]


class Forgetting(BaseModel, frozen=True):
    """How much more surprising general text became, in nats a token: after minus before, of the same tokens."""

    checkpoint: str
    base: str
    nats_per_token: float
    low: float | None
    high: float | None
    before: float
    after: float
    tokens: int
    texts: int
    text: str
    sentence: str


def sum_up(asked: Asked, kept: ROWS) -> Evidence:
    """Return the evidence in the kept answers of an asking."""
    answers = [asked.write_answered(rows) for rows in kept]
    metrics, labels = list_fitting(asked.task), asked.task.labels
    cut = [sum(bool(row.get("cut")) for row in rows) for rows in kept]
    values = tuple(
        _measure(asked, place, metric, answered).model_copy(update={"cut": cut[place]})
        for place, answered in enumerate(answers)
        for metric in metrics
    )
    main = metrics[0]
    tables = tuple(
        _tabulate(asked, place, answered)
        for place, answered in enumerate(answers)
        if METRICS.find("accuracy") in metrics
    )
    notes = [*asked.notes, *_tell_scripts(asked, metrics)]
    for tell in (_tell_too_long, _tell_cut, _tell_empty):
        notes += tell(asked, kept)
    return Evidence(
        values=values,
        differences=tuple(find_difference(main, answers[0], other, labels) for other in answers[1:]),
        tables=tables,
        notes=tuple(notes),
    )


def list_flips(asked: Asked, kept: ROWS) -> list[Flip]:
    """Return what became of each instance from the first checkpoint to the second, in the task's main metric."""
    before, after = (asked.write_answered(rows) for rows in kept[:2])
    metric, labels = list_fitting(asked.task)[0], asked.task.labels
    sign = -1 if metric.better == "lower" else 1
    grades = [sign * metric.conclude(metric.tally(answered, labels)) / 100 for answered in (before, after)]
    return [
        Flip(
            id=one.id, fate=tell_fate(float(was), float(became)), prompt=one.key, before=old.answer, after=new.answer,
            wanted=tuple(one.output),
        )
        for one, old, new, was, became in zip(asked.instances, before, after, *grades, strict=True)
    ]  # fmt: skip


def measure_forgetting(asked: Asked, kept: ROWS) -> Forgetting:
    """Return how much the second checkpoint forgot of what the first, its base, knew."""
    answers = [asked.write_answered(rows) for rows in kept[:2]]
    tokens = [each.tokens for each in answers[0]]
    tallies = METRICS.find("nats_per_token").tally
    before, after = (tallies(answered) for answered in answers)
    total = float(sum(tokens)) or 1.0
    change = after.copy()
    change[:, 0] -= before[:, 0]
    sums = sum_clusters(change, [str(place) for place in range(len(change))])
    low, high = find_middle(draw(sums, METRICS.find("nats_per_token").conclude))
    was, became = float(before[:, 0].sum() / total), float(after[:, 0].sum() / total)
    sentence = _tell_forgetting(became - was, low, high, int(total))
    return Forgetting(
        checkpoint=asked.columns[1].address, base=asked.columns[0].address, nats_per_token=became - was, low=low,
        high=high, before=was, after=became, tokens=int(total), texts=len(tokens), text=asked.task.title,
        sentence=sentence,
    )  # fmt: skip


def _measure(asked: Asked, place: int, metric: type[Metric], answered: list[Answered]) -> Value:
    column, labels = asked.columns[place], asked.task.labels
    low, high = find_interval(metric, answered, labels)
    value = metric.measure(answered, labels)
    return Value(
        checkpoint=column.address, title=column.title, metric=metric.name, value=value, low=low, high=high,
        n=len(answered),
    )  # fmt: skip


def _tabulate(asked: Asked, place: int, answered: list[Answered]) -> LabelTable:
    table = count_confusion(answered, asked.task.labels)
    counts = tuple(tuple(row) for row in table.counts.tolist())
    return LabelTable(checkpoint=asked.columns[place].address, labels=table.labels, counts=counts, f1=tuple(table.f1))


def _tell_too_long(asked: Asked, kept: ROWS) -> list[str]:
    said = []
    for column, rows in zip(asked.columns, kept, strict=True):
        if count := sum(bool(row.get("too_long")) for row in rows):
            said.append(f"{count:,} prompts are too long for {column.title}: they count as answered with nothing.")
    return said


def _tell_cut(asked: Asked, kept: ROWS) -> list[str]:
    said = []
    for column, rows in zip(asked.columns, kept, strict=True):
        if cut := [int(row["cut"]) for row in rows if row.get("cut")]:
            said.append(
                f"{len(cut):,} of {len(rows):,} answers of {column.title} had not ended after {max(cut):,} tokens and "
                "are cut there: they count as they stand. More training teaches a model where to end."
            )
    return said


def _tell_empty(asked: Asked, kept: ROWS) -> list[str]:
    said = []
    for column, rows in zip(asked.columns, kept, strict=True):
        wanted = zip(asked.instances, rows, strict=True)
        empty = sum(
            not str(row["answer"]).strip() and not row.get("too_long") and all(map(str.strip, one.output))
            for one, row in wanted
        )
        if empty and has_answers(asked.task):
            said.append(
                f"{empty:,} of {len(rows):,} answers of {column.title} are empty: they count as they stand. Where a "
                "model ends at once, another template, more steps or a smaller learning rate often help."
            )
    return said


def _tell_scripts(asked: Asked, metrics: Sequence[type[Metric]]) -> list[str]:
    """Where the number for papers can't be high, whatever is answered."""
    official = METRICS.find("official_rouge_l")
    unread = sum(not re.search("[a-z0-9]", " ".join(one.output).lower()) for one in asked.instances)
    if not unread or official not in metrics:
        return []
    return [
        f"{official.title} reads the letters a to z and digits alone: of {unread:,} of {len(asked.instances):,} "
        f"references it sees nothing, and gives every answer 0. Go by {METRICS.find('rouge_l').title}."
    ]


def _tell_forgetting(change: float, low: float | None, high: float | None, tokens: int) -> str:
    if low is None or high is None or low <= 0 <= high:
        return f"Nothing that {tokens:,} tokens could show was forgotten ({change:+.3f} nats a token)."
    what = "forgot" if change > 0 else "foresees general text better than its base, by"
    return f"It {what} {abs(change):.3f} nats a token over {tokens:,} tokens of general text."
