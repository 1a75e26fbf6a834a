"""What all components of our own are: a frame of HTML, the script that draws in it, and what the script may ask."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import gradio as gr


class Scripted(gr.HTML):
    """A component drawn by its script; `kind` is what its value is called in JSON Schema, "null" for none."""

    kind: ClassVar[str] = "null"

    def __init__(self, frame: str, script: str, acts: Sequence[Callable[..., Any]] = (), **options: Any) -> None:
        super().__init__(
            html_template=frame, js_on_load=script, server_functions=[*acts], apply_default_css=False, **options
        )

    def api_info(self) -> dict[str, Any]:
        """Of its value, which is never part of the studio's own API."""
        return {"type": self.kind}
