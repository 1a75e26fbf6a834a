"""Report: what is known of the run that made a model, as a page or a model card that needs no other file."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from studio.errors import ModelError, StudioError
from studio.exporting.form import Form, Source
from studio.reports.html import write_html
from studio.reports.markdown import write_markdown
from studio.reports.report import Report, gather
from studio.runs.run import find_run
from studio.runs.status import Watch
from studio.tasks.store import TaskStore
from studio.tasks.task import Task
from studio.works import load_work

WRITTEN = {"html": (".html", write_html), "markdown": (".md", write_markdown)}
"""How a report can be written: the ending of its file, and by what."""


class ReportForm(Form):
    """Curves, baseline, scores with intervals, forgetting, flips, votes and the recipe."""

    name: ClassVar[str] = "report"
    title: ClassVar[str] = "Report"
    position: ClassVar[int] = 8
    summary: ClassVar[str] = "What the run was, what it cost and what came out, with curves and intervals."
    purpose: ClassVar[str] = "for people: a page of its own, or a model card"
    needs_base: ClassVar[bool] = False

    written: Literal["html", "markdown"] = Field(
        "html", title="Written as", description="html is a page, markdown a model card."
    )

    def check(self, source: Source) -> None:
        """Raise ModelError in words for what no run made."""
        made = source.made.address.made
        if made is None or made.kind != "run":
            raise ModelError(
                f"{source.title} was made by no run, so there are no curves to report. Export the report of one of its "
                "parents.",
                field="form",
            )

    def write(self, source: Source, folder: Path) -> Iterator[None]:
        """Write the report."""
        ending, write = WRITTEN[self.written]
        (folder / f"report{ending}").write_text(write(find_report(source)), encoding="utf-8")
        yield


def find_report(source: Source) -> Report:
    """Return the report of the run that made a model."""
    made, recipe = source.made.address.made, source.made.recipe
    run = find_run(source.workspace, made.name if made else "")
    try:
        task: Task | None = TaskStore(source.workspace).load_task(recipe.task_id, recipe.task_version)
    except StudioError:  # it was deleted meanwhile: the report is without flips
        task = None
    title, sentence = load_work(run).describe(lambda name, version: task.heading if task else name)
    return gather(run, Watch(run).look().model_copy(update={"title": title, "sentence": sentence}), task)
