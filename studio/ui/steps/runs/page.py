"""The page of all runs: a table with every setting, and the curves of those that are ticked, in one chart.

It belongs to the Train step and has an address of its own. All but the ten questions happens between the table's script
and its server functions.
"""

from collections.abc import Callable, Iterator
from typing import Any

from studio.service import Studio
from studio.ui.frame.step import Step
from studio.ui.frame.visiting import Asking, seen_by
from studio.ui.steps.compare.page import ON_THE_DEVICE
from studio.ui.steps.runs.run_table import RunTable
from studio.ui.steps.runs.same_ten import ask_same
from studio.ui.widgets.draft_box import DraftBox
from studio.ui.widgets.panel import Panel

_HEAD = """<div class="studio"><h1 class="question" tabindex="-1">Your runs</h1>
<p class="lead">Tick some to see their curves in one chart, and what differs between them.</p></div>"""


class RunsStep(Step):
    """All runs, beside each other."""

    name = "runs"
    title = "Runs"
    position = 41
    of = "train"

    def draw(self, studio: Studio, draft: DraftBox) -> None:
        Panel(_HEAD)
        table = RunTable(studio, elem_id="run-table", elem_classes="studio")
        ten = Panel(elem_id="runs-ten", elem_classes="studio")
        table.ten_asked(make_handler(studio), [table], [ten], **ON_THE_DEVICE)


def make_handler(studio: Studio) -> Callable[..., Iterator[str]]:
    """Return the handler that puts the same ten prompts to the ticked runs, bound to `studio`."""

    def ask_ticked(value: Any, request: Asking = None) -> Iterator[str]:
        yield from ask_same(seen_by(studio, request), value)

    return ask_ticked
