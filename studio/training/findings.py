"""Findings: what a run's own answers come to, as the values of its scored events. Knows no model and no clock."""

from collections.abc import Mapping, Sequence
from typing import Any

from studio.evidence.baseline import Shot, tell_baseline
from studio.evidence.difference import find_difference
from studio.evidence.interval import find_interval
from studio.evidence.metrics import METRICS, Answered, list_fitting
from studio.evidence.metrics.metric import Metric
from studio.tasks.task import Instance, Task

BESIDE = ("rouge_l", "bits_per_byte")
"""Metrics that are told beside a task's main one."""
TOO_SHORT = "The run is too short to measure its checkpoints in a tenth of its time. Measure them in Compare."
NO_TEST = "A tenth of its time was spent before its test part was measured. Measure it in Compare."
Rows = list[dict[str, Any]]
Told = dict[str, Any]


def tell_skipped(steps: Sequence[int]) -> str:
    """Return in words that checkpoints were not measured, and why."""
    named = ", ".join(f"{step:,}" for step in steps)
    return (
        f"Not measured at step {named}: it would have taken more than a tenth of the run's time. Measure it in Compare."
    )


class Findings:
    """Reads rows of answers to the `parts` of a task; those of two models are compared as far as both go."""

    def __init__(self, task: Task, parts: Mapping[str, Sequence[Instance]]) -> None:
        self.task, self.parts = task, parts
        self._metric = list_fitting(task)[0]

    def write_score(self, step: int, part: str, rows: Rows, **told: Any) -> list[Told]:
        """Return what answers to a part come to; nothing of none."""
        if not rows:
            return []
        answered, labels = self._read(part, rows), self.task.labels
        low, high = find_interval(self._metric, answered, labels)
        beside = [METRICS.find(name) for name in BESIDE if name != self._metric.name]
        values = {one.name: one.measure(answered, labels) for one in beside if self._fits(one, rows)}
        tokens = [row["prompt_tokens"] for row in rows if "prompt_tokens" in row]
        found = {
            "step": step,
            "part": part,
            "n": len(rows),
            "of": len(self.parts[part]),
            "metric": self._metric.name,
            "value": round(self._metric.measure(answered, labels), 4),
            "low": low,
            "high": high,
            "values": {name: round(value, 4) for name, value in values.items()},
            "tokens": round(sum(tokens) / len(tokens), 1) if tokens else None,
        }
        return [{**found, **told}]

    def _fits(self, metric: type[Metric], rows: Rows) -> bool:
        return metric.fits(self.task) and (metric.name != "bits_per_byte" or "nats" in rows[0])

    def write_general(self, step: int, rows: Rows, before: Rows) -> list[Told]:
        """Return how much likelier or less likely general text has become since `before`; nothing of none."""
        if not rows or not before:
            return []
        was, became = (
            sum(row["nats"] for row in some) / max(1, sum(row["tokens"] for row in some))
            for some in (before[: len(rows)], rows)
        )
        found = {
            "step": step,
            "part": "general",
            "model": "tuned" if step else "base",
            "n": len(rows),
            "of": len(self.parts["general"]),
            "metric": "forgetting",
            "value": round(became - was, 5),
            "before": round(was, 5),
            "after": round(became, 5),
        }
        return [found]

    def write_baseline(self, shots: Mapping[int, Rows]) -> list[Told]:
        """Return what the base came to with some examples in the prompt; with the first, what is said of them all."""
        plain = len(shots.get(0, []))
        note = self._tell_baseline({count: rows for count, rows in shots.items() if rows and 2 * len(rows) >= plain})
        return [
            each
            for count, rows in shots.items()
            for each in self.write_score(
                0, "validation", rows, model="base", examples=count, note=None if count else note
            )
        ]

    def _tell_baseline(self, shots: Mapping[int, Rows]) -> str | None:
        """One sentence on the instances that all were asked, so that they can be compared."""
        if len(shots) < 2 or self._metric.unit != "%":
            return None
        count = min(map(len, shots.values()))
        found = {
            number: Shot(
                self._metric.measure(self._read("validation", rows[:count]), self.task.labels),
                sum(row.get("prompt_tokens", 0) for row in rows[:count]) / count,
            )
            for number, rows in shots.items()
        }
        return tell_baseline(found, count)

    def write_change(self, step: int, part: str, rows: Rows, before: Rows) -> list[Told]:
        """Return what answers to a part come to, and how they compare with those `before` to the same instances."""
        note = None
        if rows and len(before) >= len(rows):
            old, new = (self._read(part, some) for some in (before[: len(rows)], rows))
            note = find_difference(self._metric, old, new, self.task.labels).sentence
        return self.write_score(step, part, rows, note=note)

    def _read(self, part: str, rows: Rows) -> list[Answered]:
        by_id = {one.id: one for one in self.parts[part]}
        return [
            Answered(
                str(row["answer"]), tuple(by_id[row["id"]].output), by_id[row["id"]].key, float(row.get("nats", 0)),
                int(row.get("bytes", 0)), int(row.get("tokens", 0)),
            )
            for row in rows
        ]  # fmt: skip
