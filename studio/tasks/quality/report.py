"""The quality report of a task: every check, causes first, then what follows from them. Nothing is changed."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from studio.tasks.quality.content import check_content
from studio.tasks.quality.duplicates import check_duplicates
from studio.tasks.quality.finding import Finding
from studio.tasks.quality.fixes import offer_fix
from studio.tasks.quality.labels import (
    check_balance,
    check_enough,
    check_outputs,
    check_spelling,
    count_labels,
    measure_entropy,
    say_enough,
)
from studio.tasks.quality.language import check_language, guess_language, list_side
from studio.tasks.quality.lengths import Lengths, Limit, check_lengths
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


def add_lengths(report: Report, task: Task, lengths: Lengths, limit: Limit) -> Report:
    """Return the report with the lengths of the task's rows in tokens, and which are over the limit."""
    found = [offer_fix(task, finding) for finding in check_lengths(task, lengths, limit)]
    return report.model_copy(update={"lengths": lengths, "findings": _sort([*report.findings, *found])})


def check_task(task: Task, seed: int = 0) -> Report:
    """Return the report of a task."""
    causes = [*check_spelling(task), *check_content(task), *check_outputs(task), *check_duplicates(task, seed)]
    findings = [*causes, *check_language(task), *check_balance(task), *check_enough(task)]
    labels = count_labels(task)
    spoken = guess_language(list_side(task, "output"))
    return Report(
        task_id=task.task_id,
        version=task.version,
        instances=len(task.instances),
        findings=_sort([offer_fix(task, finding) for finding in findings]),
        labels=labels,
        entropy=measure_entropy(labels),
        script=spoken.script,
        language=spoken.language,
        enough=say_enough(task),
    )


def _sort(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Causes before what follows from them; of each, what matters most first."""
    return tuple(sorted(findings, key=lambda finding: (finding.follows, _ORDER.index(finding.severity))))
