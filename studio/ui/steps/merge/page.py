"""The page on which models become one: reached from the table of runs, or with models chosen here.

It belongs to the Train step and has an address of its own. Everything happens between its script and its server
functions.
"""

from studio.service import Studio
from studio.ui.frame.step import Step
from studio.ui.steps.merge.merge_desk import MergeForm
from studio.ui.widgets.draft_box import DraftBox
from studio.ui.widgets.panel import Panel

_HEAD = """<div class="studio"><h1 class="question" tabindex="-1">Merge models</h1>
<p class="lead">What each model learned is a change of its base's weights. Changes can be added, averaged and taken
away again: the result is one model, without training.</p></div>"""


class MergeStep(Step):
    """Several models become one."""

    name = "merge"
    title = "Merge"
    position = 42
    of = "train"

    def draw(self, studio: Studio, draft: DraftBox) -> None:
        """Draw the page; it needs nothing of the draft."""
        Panel(_HEAD)
        MergeForm(studio, elem_id="merge", elem_classes="studio")
