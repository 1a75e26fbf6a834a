"""The hidden component that carries the draft from the browser to the handlers, and patches back.

Its events are the signals of the page (frame/step.py), fired by frame/draft.js. A page wires `draft.task_shown(handler,
[draft], ...)` and puts changes out to `draft.patch`, made by `studio.ui.frame.draft.change_draft`.
"""

from typing import ClassVar

from studio.ui.frame.step import STEPS
from studio.ui.widgets.panel import Panel
from studio.ui.widgets.scripted import Scripted

BAR = '<p class="studio recipe loading">Putting your recipe together …</p>'


class DraftBox(Scripted):
    """The draft as a component: an input of handlers, never an output."""

    kind = "object"
    script: ClassVar[str] = "widgets/draft_box.js"
    bar: Panel
    """The recipe as a sentence, which is below every step; drawn by whoever weighs the recipe."""

    def __init__(self) -> None:
        events = tuple(signal.name for signal in STEPS.signals)
        super().__init__("<i></i>", events=events, value={}, visible="hidden", elem_id="draft")
        self.patch = DraftPatch()
        self.bar = Panel(BAR, elem_id="recipe-bar", render=False)

    def draw_bar(self) -> None:
        """Draw the bar into the current context."""
        self.bar.render()


class DraftPatch(Scripted):
    """Where handlers put a change of the draft."""

    kind = "object"
    script: ClassVar[str] = "widgets/draft_patch.js"

    def __init__(self) -> None:
        super().__init__("<i></i>", value={}, visible="hidden", elem_id="draft-patch")
