"""Did it help, and how sure is that: the scores of a run's checkpoints with intervals, a sentence, and what flipped.

What is measured is drawn at once; else a button puts the measurement into the queue, and the script looks again until
it is there. Drawn on the server; all foreign text is escaped.
"""

from collections.abc import Sequence
from typing import Any

from studio.errors import StudioError
from studio.evidence.evidence import Evidence, Value, list_flips, sum_up
from studio.evidence.flips import FATES, Flip, Run, count_fates, mark_difference
from studio.evidence.metrics import METRICS
from studio.service import Studio
from studio.service.evidence_desk import PARTS
from studio.ui.frame.words import escape, foreign
from studio.ui.steps.compare.judge_form import judges
from studio.ui.steps.compare.pictures import draw_confusion, draw_frontier
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import bind_acts, part
from studio.works.measure import Measure

MOST_FLIPS = 12
"""So many flips of each fate can be opened on the page; a program gets all (/flips)."""
SHOWN = ("test", "validation", "unseen")


class EvidenceBoard(Scripted):
    """The evidence for the run of the draft; its value is HTML."""

    kind = "string"
    script = "steps/compare/evidence.js"

    def __init__(self, studio: Studio, **settings: Any) -> None:
        super().__init__("${value}", bind_acts(studio, look, measure), value="", **settings)


def show_board(studio: Studio, draft: dict[str, Any]) -> str:
    """Return the board of the draft's run, nothing where there is none that can be asked."""
    run = draft["run"]
    if not run or not studio.run_status(run).can_ask or judges(studio, run):
        return ""
    return draw_board(studio, run, "test")


def look(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return the board of a run and a part, and whether it is being measured."""
    run, name = part(asked, "run", str), part(asked, "part", str)
    return {"html": draw_board(visit, run, name), "busy": bool(visit.evidence.find_work(_read(visit, run, name)))}


def measure(visit: Studio, asked: Any) -> dict[str, Any]:
    """Put the measurement of a run and a part into the queue, unless it is there or measured."""
    run, name = part(asked, "run", str), part(asked, "part", str)
    work = _read(visit, run, name)
    if not visit.evidence.find(work) and not visit.evidence.find_work(work):
        visit.evidence.start(work)
    return look(visit, asked)


def draw_board(studio: Studio, run: str, name: str) -> str:
    """Return the board as HTML: what is measured, or how to have it measured."""
    head = (
        f'<h3>How sure is it?</h3><div class="segments" role="radiogroup" aria-label="Part">{_draw_parts(name)}</div>'
    )
    try:
        work = _read(studio, run, name)
        found = studio.evidence.find(work)
        body = _draw(sum_up(*found), list_flips(*found)) if found else _draw_missing(studio, work)
    except StudioError as error:
        body = f'<p class="error-line" role="alert">{escape(error)}</p>'
    body += draw_frontier(studio.evidence.list_points(run), studio.run_status(run).name)
    return f'<section class="card board" data-run="{escape(run)}" data-part="{escape(name)}">{head}{body}</section>'


def _read(studio: Studio, run: str, name: str) -> Measure:
    """Base, best checkpoint and, where it is another one, the newest."""
    recipe, status = studio.read_recipe(studio.run_status(run).recipe), studio.run_status(run)
    best = studio.evidence.read([f"run:{run}"], recipe.task_id, name, recipe.task_version).checkpoints[0]
    newest = f"run:{run}@{max(status.checkpoints)}" if status.checkpoints else best
    names = list(dict.fromkeys([recipe.model, best, newest]))
    return studio.evidence.read(names, recipe.task_id, name, recipe.task_version)


def _draw_parts(name: str) -> str:
    return "".join(
        f'<button type="button" role="radio" data-part="{each}" aria-checked="{str(each == name).lower()}">'
        f"{each.capitalize()}</button>"
        for each in SHOWN
        if each in PARTS
    )


def _draw_missing(studio: Studio, work: Measure) -> str:
    if run := studio.evidence.find_work(work):
        status = studio.run_status(run)
        how = f"{status.step:,} of {status.of:,} answers" if status.of else "waiting for the device"
        return f'<p role="status" data-busy>Measuring: {how} …</p>'
    count = len(work.checkpoints) * work.instances
    return (
        f'<p>{work.instances:,} instances, {count:,} answers to measure.</p><div class="acts">'
        '<button type="button" class="btn" data-act="measure">Measure them</button></div>'
    )


def _draw(found: Evidence, flips: list[Flip]) -> str:
    columns = list(dict.fromkeys(value.checkpoint for value in found.values))
    titles = {value.checkpoint: value.title for value in found.values}
    head = "".join(f"<th>{foreign(titles[each], 60)}</th>" for each in columns)
    metrics = list(dict.fromkeys(value.metric for value in found.values))
    rows = "".join(_draw_row(name, [value for value in found.values if value.metric == name]) for name in metrics)
    said = "".join(
        f"<p><b>{foreign(titles[each], 60)}:</b> {escape(one.sentence)}</p>"
        for each, one in zip(columns[1:], found.differences, strict=True)
    )
    notes = "".join(f'<p class="hint">{escape(note)}</p>' for note in found.notes)
    return (
        f'{said}<div class="tablebox"><table class="plain"><thead><tr><th>Metric</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{notes}{draw_confusion(found.tables, titles)}"
        f"{_draw_flips(flips, titles[columns[1]])}"
    )


def _draw_row(name: str, values: Sequence[Value]) -> str:
    metric = METRICS.find(name)
    cells = "".join(
        f'<td class="num">{value.value:.{metric.digits}f} {escape(metric.unit)}<br><span class="hint">'
        f"{_draw_interval(value, metric.digits)}</span></td>"
        for value in values
    )
    return f'<tr><td title="{escape(metric.says)}">{escape(metric.title)}</td>{cells}</tr>'


def _draw_interval(value: Value, digits: int) -> str:
    return "" if value.low is None or value.high is None else f"{value.low:.{digits}f} to {value.high:.{digits}f}"


def _draw_flips(flips: Sequence[Flip], tuned: str) -> str:
    counts = count_fates([flip.fate for flip in flips])
    parts = []
    for fate in FATES:
        shown = [flip for flip in flips if flip.fate == fate][:MOST_FLIPS]
        more = f'<p class="hint">The first {len(shown)} are shown.</p>' if counts[fate] > len(shown) else ""
        rows = "".join(map(_draw_flip, shown)) + more
        parts.append(f"<details class='more'><summary>{fate.capitalize()}: {counts[fate]:,}</summary>{rows}</details>")
    return f"<h4>What flipped with {foreign(tuned, 60)}</h4>{''.join(parts)}"


def _draw_flip(flip: Flip) -> str:
    before, after = map(_mark, mark_difference(flip.before[:600], flip.after[:600]))
    wanted = " / ".join(flip.wanted[:3])
    return (
        f'<dl class="flip"><dt>Prompt</dt><dd>{foreign(flip.prompt, 300)}</dd><dt>Wanted</dt>'
        f"<dd>{foreign(wanted, 300)}</dd><dt>Base</dt><dd>{before}</dd><dt>Tuned</dt><dd>{after}</dd></dl>"
    )


def _mark(runs: Sequence[Run]) -> str:
    said = "".join(f"<mark>{foreign(text)}</mark>" if is_other else foreign(text) for text, is_other in runs)
    return said or "(nothing)"
