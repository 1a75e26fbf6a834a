"""The live chart of a run, and the one question the browser asks about it: what is new since this byte?

Knows gradio's custom component and the studio's events; the drawing is assets/js/chart.js, the asking
assets/js/run_feed.js. `pull` is called once a second by every open page, by anyone with any data: it validates,
answers small and never raises. The template is fixed (a value in it would wipe the plot at each change) and
plotly.js comes from the plotly package itself.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gradio as gr

from studio.service import Studio
from studio.ui.theme import asset
from studio.ui.widgets.curve import read_curve
from studio.ui.widgets.server_act import Act, bind_act, part
from studio.ui.words import again_words

MAX_PAGES = 24
"""Pages of a megabyte of events in one answer; what is left comes with the next."""

FULL_PAGE = 1 << 19
"""A page longer than this was probably cut at its limit, so there is more."""

STATUS_FIELDS = (
    "status",
    "phase",
    "step",
    "of",
    "loss",
    "held_out_loss",
    "examples_per_second",
    "seconds_left",
    "elapsed_seconds",
    "position",
    "wait_seconds",
    "error",
    "remedy",
    "checkpoints",
    "sentence",
    "can_resume",
    "can_stop",
    "can_ask",
)

_TEMPLATE = """
<div class="live-chart" data-plotly="{plotly}" data-run="" data-status="none" data-step="0" data-points="0"
     data-zoomed="false" hidden>
  <div class="chart-tools">
    <button type="button" class="btn" data-show="rate" aria-pressed="false">Learning rate</button>
    <button type="button" class="btn" data-show="log" aria-pressed="false">Log scale</button>
  </div>
  <div class="canvas" role="figure" aria-label="Loss of the run over its steps."></div>
  <p class="chart-note hint" hidden></p>
  <div class="marks" hidden></div>
  <p class="visually-hidden" role="status" aria-live="polite"></p>
</div>"""


class LiveChart(gr.HTML):
    """Training and held-out loss of `draft.run`, growing while it trains.

    Its element tells tests and styles: data-status, data-step, data-points, data-connection, data-plot, data-zoomed.
    """

    def __init__(self, studio: Studio, **settings: Any) -> None:
        plotly = find_plotly()
        gr.set_static_paths([plotly])
        super().__init__(
            value=None,
            html_template=_TEMPLATE.format(plotly=plotly.as_posix()),
            js_on_load=asset("js/chart.js"),
            server_functions=[make_pull(studio)],
            padding=False,
            apply_default_css=False,
            **settings,
        )

    def api_info(self) -> dict[str, Any]:
        return {"type": "null"}


def find_plotly() -> Path:
    """Return the plotly package's own plotly.min.js, without importing plotly."""
    found = find_spec("plotly")
    assert found is not None and found.origin is not None, "plotly is a dependency of the studio"
    return Path(found.origin).parent / "package_data" / "plotly.min.js"


def make_pull(studio: Studio) -> Act:
    """Return the server function of the chart, bound to `studio`."""

    def pull(visit: Studio, asked: Any) -> dict[str, Any]:
        return read_news(visit, part(asked, "run", str), part(asked, "offset", int))

    return bind_act(studio, pull)


def read_news(studio: Studio, run: str, offset: int) -> dict[str, Any]:
    """Return what a run did since byte `offset` of its events, and how it stands. Raises NotFoundError."""
    offset = max(0, offset)
    events: list[dict[str, Any]] = []
    more = rewound = False
    for _ in range(MAX_PAGES):
        page = studio.run_events(run, offset)
        rewound = rewound or page.offset < offset  # the file was shorter than the browser remembers: it is read anew
        events += page.events
        more, offset = page.offset - offset > FULL_PAGE, page.offset
        if not more:
            break
    curve = read_curve(events)
    if rewound:
        curve["drop_after"] = -1
    status = studio.run_status(run)
    facts = {name: getattr(status, name) for name in STATUS_FIELDS}
    if status.remedy_changes:
        facts["again_words"] = again_words(status.remedy_changes)
    return {"run": run, "offset": offset, "more": more, "status": facts, **curve}
