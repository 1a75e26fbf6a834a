"""A piece of page made by the server: HTML whose buttons and fields are tied to the draft after each drawing."""

import time
from collections.abc import Sequence
from typing import Any, ClassVar

from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import Act


class Panel(Scripted):
    """Shows a str of HTML, its foreign text already escaped (`studio.ui.frame.words.escape`)."""

    kind = "string"
    script: ClassVar[str] = "widgets/panel.js"

    def __init__(self, value: str = "", acts: Sequence[Act] = (), **options: Any) -> None:
        super().__init__("${value}", acts, value=value, **options)


def fresh(html: str) -> str:
    """Return `html` made different from what is shown: the page sees it come even if it says the same."""
    return f"{html}<!-- {time.time_ns()} -->"
