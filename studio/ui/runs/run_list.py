"""The list of runs in the side bar: the newest first, each with its state and a tiny curve; open one, delete one.

Draws one custom component; run_list.js asks for the rows, only while the list can be seen and something
trains.
"""

from typing import Any

from studio.service import Studio
from studio.ui.runs.run_shelf import RunShelf
from studio.ui.widgets.draft_box import DraftBox
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import Act, bind_acts, part

_TEMPLATE = """
<nav class="run-list" aria-label="Runs" data-runs="" data-state="loading">
  <h2>Runs</h2>
  <p class="hint run-list-words" role="status">Reading the runs …</p>
  <ul></ul>
  <button type="button" class="btn small" data-go="runs">All runs as a table →</button>
</nav>"""


class RunList(Scripted):
    """All runs; tells tests data-runs (how many) and data-state (loading, ready, unreachable)."""

    script = "runs/run_list.js"

    def __init__(self, studio: Studio, **settings: Any) -> None:
        super().__init__(_TEMPLATE, make_acts(studio), **settings)


def draw_run_list(studio: Studio, draft: DraftBox) -> None:
    """Draw the list into the current side bar. It follows the draft in the browser, so it needs no events."""
    RunList(studio, elem_id="run-list", elem_classes="studio")


def make_acts(studio: Studio) -> list[Act]:
    """Return the server functions of the list, bound to `studio`."""
    shelf = RunShelf()

    def list_runs(visit: Studio, asked: Any) -> dict[str, Any]:
        return shelf.list_rows(visit)

    def delete_run(visit: Studio, asked: Any) -> dict[str, Any]:
        visit.delete_run(part(asked, "run", str))
        return {"done": True}

    return bind_acts(studio, list_runs, delete_run)
