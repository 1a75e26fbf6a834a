"""The page of all runs: a table with every setting, and the curves of those that are ticked, in one chart.

It belongs to the Train step and has an address of its own. Everything happens between the table's script and its
server functions.
"""

from studio.service import Studio
from studio.ui.frame.step import Step
from studio.ui.steps.runs.run_table import RunTable
from studio.ui.widgets.draft_box import DraftBox
from studio.ui.widgets.panel import Panel

_HEAD = """<div class="studio"><h2 class="question" tabindex="-1">Your runs</h2>
<p class="lead">Tick some to see their curves in one chart, and what differs between them.</p></div>"""


class RunsStep(Step):
    """All runs, beside each other."""

    name = "runs"
    title = "Runs"
    position = 41
    of = "train"

    def draw(self, studio: Studio, draft: DraftBox) -> None:
        Panel(_HEAD)
        RunTable(studio, elem_id="run-table", elem_classes="studio")
