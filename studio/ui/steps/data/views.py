"""The three views of the Data step, one at a time: choose a task, check it, look into it.

Knows their names and which question each answers; the browser (views.js) shows the chosen one.
"""

from studio.ui.widgets.scripted import Scripted

VIEWS = {
    "choose": ("Choose", "A sample, or a file of your own"),
    "check": ("Check", "Is it good enough to learn from?"),
    "look": ("Look", "Every example, and what the model sees"),
}
_BUTTON = (
    '<button type="button" role="radio" aria-checked="{checked}" tabindex="{tab}" data-view="{name}" '
    'title="{hint}">{title}</button>'
)
_FRAME = """<div class="row between data-views"><div class="segments" role="radiogroup"
aria-label="View of the data">{buttons}</div><span class="row"><span class="hint" data-view-hint></span>
<button type="button" class="btn small" data-go="label">Label and write</button></span></div>"""


class Views(Scripted):
    """The buttons of the views."""

    script = "steps/data/views.js"

    def __init__(self) -> None:
        first = next(iter(VIEWS))
        buttons = "".join(
            _BUTTON.format(
                name=name, title=title, hint=hint, checked=str(name == first).lower(), tab=0 if name == first else -1
            )
            for name, (title, hint) in VIEWS.items()
        )
        super().__init__(_FRAME.format(buttons=buttons), elem_id="data-views", elem_classes="studio")
