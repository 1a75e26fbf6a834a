"""The live chart of a run, and the one question the browser asks about it: what is new since this byte?

Knows gradio's custom component and the studio's events; the drawing is live_chart.js, the asking
runs/run_feed.js. `pull` is called once a second by every open page, by anyone with any data: it validates,
answers small and never raises. The template is fixed (a value in it would wipe the plot at each change) and
plotly.js comes from the plotly package itself.
"""

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple
from zlib import crc32

from anyio import to_thread

from studio.evidence.budget import SHARE
from studio.evidence.measures import OWN
from studio.evidence.metrics import METRICS
from studio.objectives import Measure, find_measures
from studio.runs.event import Event
from studio.runs.status import ACTIVE, RunStatus
from studio.runs.steps import Steps, read_in_bulk
from studio.service import Studio
from studio.ui.frame.scripts import write_plotly_address
from studio.ui.frame.visiting import Asking
from studio.ui.frame.words import again_words
from studio.ui.steps.train.curve import read_curve
from studio.ui.steps.train.ghosts import find_ghosts, read_ghosts
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import bind_act, part

MAX_PAGES = 24
"""Pages of a megabyte of events in the first answer; what is left comes with the next, one page an answer."""

FULL_PAGE = 1 << 19
"""A page longer than this was probably cut at its limit, so there is more."""

FACTS = (
    "status",
    "kind",
    "unit",
    "about",
    "result",
    "phase",
    "of",
    "validation",
    "position",
    "wait_seconds",
    "error",
    "remedy",
    "note",
    "checkpoints",
    "sentence",
    "can_resume",
    "can_stop",
    "can_ask",
    "can_answer",
)
"""Of a run's status, what seldom changes: sent when it did."""

MOST_KNOWN = 1000
"""Runs whose standing is kept."""

LIVE = ("step", "examples_per_second", "seconds_left", "elapsed_seconds")
"""What changes with each step, sent as a list in this order; what is measured is in the newest point."""

FRESH_SECONDS = 0.4
"""So old may the status be that a viewer is told; many who watch one run share it."""

_TEMPLATE = """
<div class="live-chart" data-plotly="{plotly}" data-run="" data-status="none" data-step="0" data-points="0"
     data-zoomed="false" hidden>
  <div class="chart-tools">
    <button type="button" class="btn" data-show="rate" aria-pressed="false">Learning rate</button>
    <button type="button" class="btn" data-show="log" aria-pressed="false">Log scale</button>
    <button type="button" class="btn" data-show="ghosts" aria-pressed="false" hidden
     title="How this sample is learned at a small, a usual and a large learning rate, recorded">Recorded rates</button>
  </div>
  <div class="canvas" role="figure" aria-label="What the run measures over its steps."></div>
  <p class="chart-says hint" hidden></p>
  <p class="chart-note hint" hidden></p>
  <div class="scrub-place"></div>
  <div class="chart-own" hidden></div>
  <div class="marks" hidden></div>
  <p class="visually-hidden" role="status" aria-live="polite"></p>
</div>"""


class LiveChart(Scripted):
    """What the objective of `draft.run` measures, on the training and on the validation part, growing while it trains.

    Its element tells tests and styles: data-status, data-step, data-points, data-connection, data-plot, data-zoomed.
    """

    script = "steps/train/live_chart.js"

    def __init__(self, studio: Studio, **settings: Any) -> None:
        acts = [make_pull(studio), bind_act(studio, read_ghosts)]
        super().__init__(_TEMPLATE.format(plotly=write_plotly_address()), acts, **settings)


def make_pull(studio: Studio) -> Callable[..., Awaitable[dict[str, Any]]]:
    """Return the server function of the chart, bound to `studio`.

    The first question of a viewer, about everything there is, is answered by a thread; those that follow, each second
    and small, by the server's own loop: handing one to a thread costs more than answering it.
    """
    reader = NewsReader()

    def pull(visit: Studio, asked: Any) -> dict[str, Any]:
        seen = asked.get("seen") if isinstance(asked, dict) else None
        return reader.read(visit, part(asked, "run", str), part(asked, "offset", int), seen)

    act = bind_act(studio, pull)

    async def answer(asked: Any, request: Asking = None) -> dict[str, Any]:
        if isinstance(asked, dict) and asked.get("seen") and asked.get("offset"):
            return act(asked, request)
        return await to_thread.run_sync(act, asked, request)

    answer.__name__ = pull.__name__
    return answer


class Standing(NamedTuple):
    """The state of a run at a moment (of the monotonic clock): its facts, their fingerprint, what is live, what its
    objective measures."""

    moment: float
    facts: dict[str, Any]
    mark: str
    live: list[Any]
    measures: tuple[Measure, ...]


class NewsReader:
    """Reads what a run did since byte `offset` of its events, and its state; safe to use from several threads.

    An answer holds only what is new: `train` (steps, what is measured, learning rates), `validation` (steps, what is
    measured), `samples`, `phase`, `drop_after`, `more`, `live`; and `facts` with their fingerprint `seen` where the
    viewer's is another. What is measured, and in which order, is in the facts: `measures`, as the run's objective
    declares them, and what a run measures of itself after them.
    """

    def __init__(self) -> None:
        self._standings: dict[str, Standing] = {}

    def read(self, studio: Studio, run: str, offset: int, seen: object = None) -> dict[str, Any]:
        """Return the news. Raises NotFoundError."""
        offset, file = max(0, offset), studio.find_run(run).events_file
        blocks: list[Event | Steps] = []
        more = rewound = False
        for _ in range(MAX_PAGES if offset == 0 else 1):
            page, after = read_in_bulk(file, offset)
            rewound = rewound or after < offset  # the file was shorter than the browser remembers: it is read again
            blocks += page
            more, offset = after - offset > FULL_PAGE, after
            if not more:
                break
        standing = self._look(studio, run, blocks)
        curve = read_curve(blocks, standing.measures)
        if rewound:
            curve["drop_after"] = -1
        answer = {"offset": offset, **{name: value for name, value in curve.items() if value not in (None, [])}}
        if more:
            answer["more"] = True
        if blocks or standing.mark != seen:
            answer["live"] = standing.live
        if standing.mark != seen:
            answer |= {"facts": standing.facts, "seen": standing.mark}
        return answer

    def _look(self, studio: Studio, run: str, blocks: list[Event | Steps]) -> Standing:
        """Return the run's state; what was found just now will do unless more than a step has happened since."""
        known = self._standings.get(run)
        only_steps = all(isinstance(block, Steps) for block in blocks)
        if known and only_steps and time.monotonic() - known.moment < FRESH_SECONDS:
            if not blocks:
                return known
            last = [getattr(blocks[-1], name)[-1] for name in LIVE[:3]]
            return known._replace(live=[last[0] or 0, *last[1:], known.live[-1]])
        status = studio.run_status(run)
        measures = find_measures(status.recipe.get("objective")) + (OWN if status.measures_itself else ())
        facts = {name: getattr(status, name) for name in FACTS}
        facts["own"] = tell_own(status)
        facts["measures"] = [measure.model_dump() for measure in measures]
        facts["recorded"] = bool(find_ghosts(status.recipe))
        if status.remedy_changes:
            facts["again_words"] = again_words(status.remedy_changes)
        mark = f"{crc32(json.dumps(facts, default=str).encode()):x}"
        found = Standing(time.monotonic(), facts, mark, [getattr(status, name) for name in LIVE], measures)
        if len(self._standings) > MOST_KNOWN:
            self._standings.clear()
        self._standings[run] = found
        return found


def tell_own(status: RunStatus) -> list[str]:
    """Return what a run found out about itself: what a better prompt would do, its score on test, what it forgot."""
    said = [status.baseline or ""]
    if score := status.score:
        metric = METRICS.find(score.metric)
        between = "" if score.low is None or score.high is None else f"{score.low:.0f} to {score.high:.0f}, "
        value = f"{score.value:.{metric.digits}f} {metric.unit}".strip()
        many = f"n = {score.n:,}"
        if score.n < score.of:
            many += f" of {score.of:,}, as many as a tenth of its time allows; Compare measures all"
        said.append(f"On test: {metric.title} {value} ({between}{many}). {status.verdict or ''}".strip())
    if status.forgetting is not None and status.score:
        said.append(f"Forgetting: {status.forgetting:+.3f} nats a token of general text.")
    said += [status.won or "", *status.unmeasured.values()]
    if status.measuring and status.measuring > SHARE and status.status not in ACTIVE:
        said.append(
            f"Measuring itself took {100 * status.measuring:.0f} % of its time, which was short; a tenth is usual."
        )
    return [sentence for sentence in said if sentence]
