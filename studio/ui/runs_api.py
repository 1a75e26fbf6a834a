"""Runs from another program: the list of them, a run as one file and back, votes on its answers, and its report.

Files are handed over as gradio's: `handle_file("brave-otter.run.zip")` on the way in, a path on the way out.
"""

from functools import partial

from studio.declaration import show
from studio.errors import InputError
from studio.exporting.report import WRITTEN
from studio.service import Studio
from studio.tasks.read_as import Reading
from studio.ui.frame.given import check_text
from studio.ui.frame.handing import hand_over, make_folder
from studio.ui.frame.upload import check_upload
from studio.ui.frame.visiting import Asking, seen_by


def tell_reading(reading: Reading) -> dict[str, object]:
    """Return what became of a file or of votes: the task that is kept, and what was found on the way."""
    return {
        "task_id": reading.task.task_id,
        "title": reading.task.heading,
        "version": reading.task.version,
        "instances": len(reading.task.instances),
        "warnings": list(reading.warnings),
    }


class RunEndpoints:
    """The endpoints about whole runs; each method is one."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def list_runs(self, request: Asking) -> list:
        """Your runs, the newest first: [{"run_id", "name", "kind", "status", "step", "of", "checkpoints", ...}]."""
        return [status.model_dump(mode="json") for status in seen_by(self._studio, request).list_runs()]

    def export_run(self, run_id: str, request: Asking) -> dict:
        """A run that has ended as one file, which `import_run` of any studio reads: a file (its path is returned).

        It holds recipe, tasks, events, votes, scores, checkpoints, and what the training goes on from; no pickle.
        """
        visit = seen_by(self._studio, request)
        return hand_over(visit.archives.export(check_text(run_id, "run_id"), partial(make_folder, visit.visitor)))

    def import_run(self, file: dict, request: Asking, base: str = "") -> dict:
        """Keep a run that was exported: {"run_id", "warnings"}. It can be talked to, scored and resumed here.

        `base` is the folder of its base model on the studio's computer, where that was a folder elsewhere.
        """
        path, _ = check_upload(file)
        return seen_by(self._studio, request).archives.import_run(path, check_text(base, "base"))._asdict()

    def report(self, run_id: str, request: Asking, form: str = "html") -> dict:
        """What is known of a run as one file that needs no other (its path is returned).

        `form` is html, a page, or markdown, a model card: data, recipe, cost, curves, baseline, scores with intervals,
        forgetting, flips, votes, and how to reproduce it.
        """
        if check_text(form, "form") not in WRITTEN:
            raise InputError(f"form is {' or '.join(WRITTEN)}, not {show(form)}.", field="form")
        visit = seen_by(self._studio, request)
        found = visit.archives.report(check_text(run_id, "run_id"))
        ending, write = WRITTEN[form]
        file = make_folder(visit.visitor) / f"{found.name}{ending}"
        file.write_text(write(found), encoding="utf-8")
        return hand_over(file)

    def vote(self, run_id: str, vote: dict, request: Asking) -> dict:
        """Keep which answer was better; return the tally: {"base", "same", "tuned", "bad", "models"}.

        `vote` is {"choice": "base" | "same" | "tuned" | "bad", "prompt", "base", "tuned", "step"}, the answers under
        "base" and "tuned"; or of two to four columns {"prompt", "step", "columns": [{"model", "answer"}], "ranks":
        [1, 2, ...]}, equal ranks being about the same; or {"prompt", "step", "model", "answer", "correction"}, what
        should have been answered, or with "rating", 1 to 5, in its place. "messages" are the turns before the prompt.
        """
        return seen_by(self._studio, request).vote(check_text(run_id, "run_id"), vote).model_dump(mode="json")

    def export_votes(self, run_id: str, request: Asking, what: str = "preferences") -> dict:
        """Keep votes on a run's answers as a task: `what` is preferences, corrections (as answers) or ratings.

        {"task_id", "title", "version", "instances", "warnings"}
        """
        desk = seen_by(self._studio, request).votes
        reading = desk.export(check_text(run_id, "run_id"), check_text(what, "what"))
        return tell_reading(reading)
