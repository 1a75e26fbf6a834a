"""A piece of page made by the server: HTML whose buttons and fields are tied to the draft after each drawing."""

import time
from typing import Any

import gradio as gr

_SCRIPT = "watch('value', () => window.studio.drawn(element)); window.studio.drawn(element);"


class Panel(gr.HTML):
    """Shows a str of HTML, its foreign text already escaped (`studio.ui.words.escape`)."""

    def __init__(self, value: str = "", **options: Any) -> None:
        super().__init__(
            value=value,
            apply_default_css=False,
            container=False,
            padding=False,
            js_on_load=options.pop("js_on_load", _SCRIPT),
            **options,
        )

    def api_info(self) -> dict[str, Any]:
        """Its value is HTML."""
        return {"type": "string"}


def fresh(html: str) -> str:
    """Return `html` made different from what is shown: the page sees it come even if it says the same."""
    return f"{html}<!-- {time.time_ns()} -->"
