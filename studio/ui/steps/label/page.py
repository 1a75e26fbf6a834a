"""The page on which a task is labelled and written. It belongs to the Data step and has an address of its own.

Places one widget; which task is in the draft (recipe.task_id), and what is written becomes a version that the draft
names (recipe.task_version). Everything else happens between the widget's script and its server functions.
"""

from studio.service import Studio
from studio.ui.frame.step import Step
from studio.ui.steps.label.label_bench import LabelBench
from studio.ui.widgets.draft_box import DraftBox
from studio.ui.widgets.panel import Panel

_HEAD = """<div class="studio bench-question"><button type="button" class="btn quiet small" data-go="data">Back to the
data</button><h1 class="question" tabindex="-1">Label and write</h1></div>"""
_FOOT = """<div class="studio foot"><button type="button" class="btn" data-go="data">Back: Data</button>
<button type="button" class="btn primary" data-go="method">Next: Method</button></div>"""


class LabelStep(Step):
    """Labelling and writing a task."""

    name = "label"
    title = "Label"
    position = 21
    of = "data"

    def draw(self, studio: Studio, draft: DraftBox) -> None:
        draw_label(studio)


def draw_label(studio: Studio) -> None:
    """Draw the page into the current column. It follows the draft in the browser, so it needs no events."""
    Panel(_HEAD)
    LabelBench(studio, elem_id="bench", elem_classes="studio")
    Panel(_FOOT)
