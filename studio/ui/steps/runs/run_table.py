"""What the table of runs asks of the studio: rows with scores and every setting, the curves of some, a run as a file.

Draws one custom component; the table is drawn by run_table.js, the chart by overlay.js.
"""

import json
from functools import partial
from typing import Any

from studio.errors import InputError
from studio.evidence.metrics import METRICS
from studio.objectives import Measure, find_measures
from studio.reports.told import tell_energy, tell_seconds
from studio.runs.note import Note
from studio.runs.run import TRAINING
from studio.runs.status import RunStatus, ScoreCard
from studio.runs.steps import read_in_bulk
from studio.service import Studio
from studio.ui.frame.handing import hand_over, make_folder
from studio.ui.frame.settings import find_differing, read_run_settings
from studio.ui.frame.upload import check_upload
from studio.ui.steps.train.curve import read_curve, thin
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import Act, bind_acts, part

MOST_ROWS = 500
MOST_CURVES = 12
"""Curves in one chart; more can't be told apart."""
_POINTS = 400
_PAGES = 24
_FRAME = """
<section class="run-table" aria-label="All runs" data-state="loading" data-ticked="0">
  <div class="run-chart card" hidden></div>
  <div class="run-tools row"></div>
  <p class="hint run-words" role="status">Reading the runs …</p>
  <div class="tablebox"><table class="plain"><thead></thead><tbody></tbody></table></div>
</section>"""


class RunTable(Scripted):
    """All trainings; its value says which `runs` are asked the same ten prompts when it triggers `ten_asked`.

    Tells tests data-state (loading, ready, unreachable) and data-ticked.
    """

    kind = "object"
    script = "steps/runs/run_table.js"

    def __init__(self, studio: Studio, **settings: Any) -> None:
        super().__init__(_FRAME, make_acts(studio), ("ten_asked",), **settings)


def make_acts(studio: Studio) -> list[Act]:
    """Return the server functions of the table, bound to `studio`."""
    return bind_acts(
        studio, list_table, read_curves, write_note, tell_deletion, delete_run, export_run, import_run, give_base
    )


def list_table(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return the visitor's trainings as rows, the newest first; of settings each row names its place in a list."""
    runs = [run for run in visit.list_runs() if run.kind == TRAINING]
    shown = runs[:MOST_ROWS]
    texts = [json.dumps(read_run_settings(visit, run)) for run in shown]
    places = {text: place for place, text in enumerate(dict.fromkeys(texts))}
    notes = visit.keeping.read_notes(shown)
    rows = [{**_row(run, note), "settings": places[text]} for run, note, text in zip(shown, notes, texts, strict=True)]
    return {"rows": rows, "settings": [json.loads(text) for text in places], "total": len(runs)}


def _row(run: RunStatus, written: Note) -> dict[str, Any]:
    main = find_measures(run.recipe.get("objective"))[0]
    return {
        "run": run.run_id,
        "name": written.name or run.name,
        "own_name": written.name,
        "note": written.note,
        "tags": list(written.tags),
        "status": run.status,
        "created": run.created_at,
        "step": run.step,
        "measure": main.title,
        "value": run.validation.get(main.name),
        "score": _tell_score(run.score) if run.score else None,
        "forgetting": run.forgetting,
        "seconds": run.elapsed_seconds,
        "watt_hours": run.watt_hours,
        "cost": _tell_cost(run),
    }


def _tell_cost(run: RunStatus) -> str:
    """What the seconds and watt-hours of a row are of, "" where nothing is to be said."""
    attempts = tell_seconds(run) if len(run.attempt_seconds) > 1 else ""
    return ". ".join(filter(None, (attempts, "" if run.joules is None else f"Energy: {tell_energy(run)}")))


def _tell_score(score: ScoreCard) -> dict[str, Any]:
    """What the best checkpoint came to on test, and its interval."""
    metric = METRICS.find(score.metric)
    between = "" if score.low is None or score.high is None else f"{score.low:.0f} to {score.high:.0f}"
    said = f"{score.value:.{metric.digits}f} {metric.unit}".strip()
    return {"value": score.value, "said": said, "between": between, "metric": metric.title}


def read_curves(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return the curves of some runs, and what differs between them. Raises InputError for too many."""
    runs = [run for run in part(asked, "runs", list) if isinstance(run, str)]
    if len(runs) > MOST_CURVES:
        raise InputError(f"At most {MOST_CURVES} curves can be told apart in one chart, not {len(runs)}.")
    found = [visit.run_status(run) for run in runs]
    settings = [read_run_settings(visit, run) for run in found]
    differing = find_differing(settings)
    curves = [
        {
            "run": run.run_id,
            "name": visit.keeping.read_note(run.run_id).name or run.name,
            "differs": [f"{title.lower()} {one[title]}" for title in differing if title in one],
            **_read_curve(visit, run),
        }
        for run, one in zip(found, settings, strict=True)
    ]
    return {"curves": curves, "differing": differing}


def _read_curve(visit: Studio, run: RunStatus) -> dict[str, Any]:
    main = find_measures(run.recipe.get("objective"))[0]
    train, validation = _read_points(visit, run.run_id, main)
    steps, values = train
    keep = thin(steps, values, _POINTS // 2)
    return {
        "measure": main.title,
        "train": [[column[place] for place in keep] for column in (steps, values)],
        "validation": list(validation),
    }


def _read_points(visit: Studio, run_id: str, main: Measure) -> tuple[Any, Any]:
    blocks: list[Any] = []
    offset, file = 0, visit.find_run(run_id).events_file
    for _ in range(_PAGES):
        found, after = read_in_bulk(file, offset)
        blocks += found
        if after == offset:
            break
        offset = after
    curve = read_curve(blocks, [main])
    pick = [[column for column in curve[part][:2]] or [[], []] for part in ("train", "validation")]
    return pick[0], pick[1]


def write_note(visit: Studio, asked: Any) -> dict[str, Any]:
    """Keep a name, a note and tags of a run; the tags come as one text, with commas between them."""
    name, note, tags = (part(asked, field, str) for field in ("name", "note", "tags"))
    return visit.keeping.write_note(part(asked, "run", str), name, note, tags.split(",")).model_dump()


def tell_deletion(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return what would go with a run, in words."""
    return visit.keeping.tell_deletion(part(asked, "run", str)).model_dump()


def delete_run(visit: Studio, asked: Any) -> dict[str, Any]:
    """Delete a run with what was made on top of it."""
    visit.keeping.delete(part(asked, "run", str))
    return {"done": True}


def export_run(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return a whole run as one file, which the browser downloads and another studio imports."""
    file = hand_over(visit.archives.export(part(asked, "run", str), partial(make_folder, visit.visitor)))
    return {"path": file["path"], "name": file["orig_name"], "size": file["size"]}


def import_run(visit: Studio, asked: Any) -> dict[str, Any]:
    """Keep the run of an uploaded file; return its id, and what a person should know of it."""
    path, _ = check_upload(asked.get("file") if isinstance(asked, dict) else None)
    found = visit.archives.import_run(path)
    return {"run": found.run_id, "warnings": list(found.warnings), "missing_base": found.missing_base}


def give_base(visit: Studio, asked: Any) -> dict[str, Any]:
    """Say where the base of an imported run lies here."""
    visit.archives.give_base(part(asked, "run", str), part(asked, "base", str).strip())
    return {"done": True}
