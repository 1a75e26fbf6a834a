"""The hidden component that carries the draft from the browser to the handlers, and patches back.

Knows the names of the signals (assets/js/studio.js fires them). A page wires `draft.task_shown(handler, [draft],
...)` and
puts changes out to `draft.patch`, made by `studio.ui.draft.change_draft`.
"""

from typing import Any

import gradio as gr

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


class DraftBox(gr.HTML):
    """The draft as a component: an input of handlers, never an output."""

    def __init__(self) -> None:
        super().__init__(
            value={},
            html_template="<i></i>",
            visible="hidden",
            elem_id="draft",
            container=False,
            js_on_load=f"/* {_NAMES} */ window.studio.attachDraft({{props, trigger}});",
        )
        self.patch = DraftPatch()

    def api_info(self) -> dict[str, Any]:
        """Its value is an object."""
        return {"type": "object"}


class DraftPatch(gr.HTML):
    """Where handlers put a change of the draft."""

    def __init__(self) -> None:
        super().__init__(
            value={},
            html_template="<i></i>",
            visible="hidden",
            elem_id="draft-patch",
            container=False,
            js_on_load="window.studio.attachPatch({props, watch});",
        )

    def api_info(self) -> dict[str, Any]:
        """Its value is an object."""
        return {"type": "object"}
