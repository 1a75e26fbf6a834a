"""Which visitor a question comes from: read from its header, which visitor.js adds to all that the page asks.

A header, and not a cookie: a page inside another site's frame may have none, and any program can send it.
"""

from typing import TypeAlias

import gradio as gr

from studio.service import Studio
from studio.visitor import HEADER

Asking: TypeAlias = gr.Request | None
"""The type of a handler's last parameter, which gradio fills in."""


def seen_by(studio: Studio, request: Asking) -> Studio:
    """Return the studio as whoever asks sees it."""
    headers = getattr(request, "headers", None)
    return studio.seen_by(headers.get(HEADER) if headers else None)
