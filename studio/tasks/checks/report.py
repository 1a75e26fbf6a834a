"""The quality report of a task: every check, in the order of how much it matters. Plain values, nothing is changed."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from studio.tasks.checks.content import check_content
from studio.tasks.checks.duplicates import check_duplicates
from studio.tasks.checks.finding import Finding
from studio.tasks.checks.labels import check_enough, check_labels, count_labels, measure_entropy, say_enough
from studio.tasks.checks.language import check_language, guess_language
from studio.tasks.checks.lengths import CountTokens, Lengths, Limit, check_lengths, count_lengths, measure_lengths
from studio.tasks.task import Task

_ORDER = ("problem", "warning", "remark")


class Report(BaseModel):
    """What was found in one version of a task, and the numbers behind the pictures."""

    model_config = ConfigDict(frozen=True)

    task_id: str
    version: str
    instances: int
    findings: tuple[Finding, ...]
    labels: dict[str, int]
    entropy: float
    script: str
    language: str
    enough: str
    lengths: Lengths | None = None

    def find(self, name: str) -> Finding | None:
        """Return the finding called `name`."""
        return next((finding for finding in self.findings if finding.name == name), None)


def add_lengths(report: Report, lengths: Lengths, findings: Sequence[Finding]) -> Report:
    """Return the report with lengths that were measured elsewhere, and what was found in them."""
    return report.model_copy(update={"lengths": lengths, "findings": _sort([*report.findings, *findings])})


def check_task(
    task: Task,
    count_tokens: CountTokens | None = None,
    limit: int | None = None,
    template: str = "plain",
    seed: int = 0,
) -> Report:
    """Return the report of a task; with `count_tokens`, also how long it is in tokens and what is over `limit`."""
    lengths = None
    findings = [*check_enough(task), *check_labels(task), *check_duplicates(task, seed), *check_content(task)]
    findings += check_language(task)
    if count_tokens is not None:
        lengths = measure_lengths(count_lengths(task, count_tokens, template), limit)
        findings += check_lengths(task, lengths, Limit(limit, limit)) if limit else []
    labels = count_labels(task)
    spoken = guess_language(instance.output[0] for instance in task.instances[:2000])
    return Report(
        task_id=task.task_id,
        version=task.version,
        instances=len(task.instances),
        findings=_sort(findings),
        labels=labels,
        entropy=measure_entropy(labels),
        script=spoken.script,
        language=spoken.language,
        enough=say_enough(task),
        lengths=lengths,
    )


def _sort(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: _ORDER.index(finding.severity)))
