"""The metrics of answers, one file each. The head of the family is `metric.Metric`; adding one is adding one file.

`exact_match` and `rouge_l` are fair: to the signs and points of numbers, to symbols and to scripts beyond English.
`official_exact_match` and `official_rouge_l` are what Super-NI's scorer gives, to the last digit: the numbers to
compare with papers, with its traps.
"""

from studio.evidence.metrics.metric import Answered, Metric
from studio.plugins import Registry
from studio.tasks.task import Task

METRICS: Registry[Metric] = Registry(Metric, __name__, "metric")


def list_fitting(task: Task) -> list[type[Metric]]:
    """Return the metrics that mean something for a task, the main one first."""
    return [metric for metric in METRICS.members.values() if metric.fits(task)]


__all__ = ["METRICS", "Answered", "Metric", "list_fitting"]
