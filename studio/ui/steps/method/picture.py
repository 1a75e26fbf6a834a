"""One matrix of the model and the thin pair beside it, drawn in the browser, to scale (picture.js)."""

from typing import Any

from studio.ui.widgets.scripted import Scripted

_FRAME = """<div class="studio stack"><div class="picture"></div>
<p class="matrix-scale num" hidden></p>
<p class="hint thicker" hidden>Drawn a little thicker than it is: to scale you would not see it.</p>
<p class="teaching" aria-live="polite"></p><p class="hint touches"></p></div>"""


EXAMPLE = {
    "name": "example",
    "rows": 1000,
    "columns": 1000,
    "rank": 8,
    "kind": "pair",
    "follows": True,
    "parts": [],
    "touches": "",
    "bits": 16,
}
"""What is drawn until the model's own matrix is known: the one of the teaching line."""


class Picture(Scripted):
    """Its value says which matrix, and what trains: all of it ("whole"), a thin "pair", or other "parts"."""

    kind = "object"
    script = "steps/method/picture.js"

    def __init__(self, **options: Any) -> None:
        super().__init__(_FRAME, value=EXAMPLE, **options)
