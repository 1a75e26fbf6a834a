"""How much of a weight change a thin pair can hold: a real change of the built-in base beside its best copy of a rank.

Knows the frame, and the switch between this picture and that of the pair; the numbers were recorded
(frame/recorded.py), and the browser draws them (change.js).
"""

from typing import Any

from studio.service import Studio
from studio.ui.frame.recorded import read_recorded
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import bind_acts

_FRAME = """<div class="studio segments small" role="radiogroup" aria-label="Picture"{hidden}>
<button type="button" role="radio" aria-checked="true" tabindex="0" data-picture="matrix">The pair</button>
<button type="button" role="radio" aria-checked="false" tabindex="-1"
data-picture="change">What it can hold</button></div>
<figure class="studio stack change" hidden>
<figcaption class="hint">What full fine-tuning added to one matrix of the built-in base, and the best copy of it that a
pair of some rank can be. A few columns hold most of it.</figcaption>
<div class="change-pair"><div><canvas role="img"></canvas><span class="hint">the change</span></div>
<div><canvas role="img"></canvas><span class="hint change-name"></span></div></div>
<label class="field" for="change-rank"><span class="label">Rank of the copy</span>
<input type="range" class="slider" id="change-rank" min="1" step="1"></label>
<p class="change-kept num" role="status"></p></figure>"""


class Change(Scripted):
    """The change and its copy; hidden where none was recorded."""

    script = "steps/method/change.js"

    def __init__(self, studio: Studio, **options: Any) -> None:
        hidden = "" if read_recorded("change") else " hidden"
        super().__init__(_FRAME.format(hidden=hidden), bind_acts(studio, read_change), **options)


def read_change(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return the numbers of the picture, which are asked for by who looks at it."""
    return read_recorded("change")
