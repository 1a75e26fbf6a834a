"""The hidden component that carries the draft from the browser to the handlers, and patches back.

Knows the names of the signals (assets/js/studio.js fires them). A page wires `draft.task_shown(handler, [draft],
...)` and
puts changes out to `draft.patch`, made by `studio.ui.frame.draft.change_draft`.
"""

from studio.ui.widgets.scripted import Scripted

SIGNALS = (
    "opened",
    "step_changed",
    "run_changed",
    "recipe_changed",
    "model_shown",
    "task_shown",
    "mixture_shown",
    "lengths_wanted",
    "method_shown",
    "methods_wanted",
    "train_shown",
    "compare_shown",
)
_NAMES = " ".join(f"'{name}'" for name in SIGNALS)  # gradio makes events of the names it finds in quotes in the script


class DraftBox(Scripted):
    """The draft as a component: an input of handlers, never an output."""

    kind = "object"

    def __init__(self) -> None:
        script = f"/* {_NAMES} */ window.studio.attachDraft({{props, trigger}});"
        super().__init__("<i></i>", script, value={}, visible="hidden", elem_id="draft")
        self.patch = DraftPatch()


class DraftPatch(Scripted):
    """Where handlers put a change of the draft."""

    kind = "object"

    def __init__(self) -> None:
        script = "window.studio.attachPatch({props, watch});"
        super().__init__("<i></i>", script, value={}, visible="hidden", elem_id="draft-patch")
