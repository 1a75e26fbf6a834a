"""Did it help, and how sure is that: scores of the chosen checkpoints with intervals, a sentence, and what flipped.

What is measured is drawn at once; else a button puts the measurement into the queue, and the script looks again until
it is there. Drawn on the server; all foreign text is escaped.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

from studio.errors import StudioError
from studio.evidence.asked import Asked
from studio.evidence.evidence import Value, list_flips, sum_up
from studio.evidence.flips import FATES, Flip, Run, count_fates, mark_difference
from studio.evidence.kept_answers import Row
from studio.evidence.metrics import METRICS
from studio.evidence.win_rate import tell_wins
from studio.models.reference import ModelRef
from studio.service import Studio
from studio.tasks.kinds.preference import Preference
from studio.ui.frame.words import escape, foreign
from studio.ui.steps.compare.apart import draw_few, draw_places
from studio.ui.steps.compare.elsewhere import BUSY, STOP, draw_elsewhere
from studio.ui.steps.compare.judge_form import judges
from studio.ui.steps.compare.pictures import draw_confusion, draw_frontier, draw_trade
from studio.ui.steps.compare.score_choice import Choice, draw_choice, make_work, read_choice
from studio.ui.steps.compare.winning import draw_winning
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import bind_acts, part
from studio.works.export import name_model
from studio.works.measure import Measure

MOST_FLIPS = 12
"""So many flips of each fate can be opened on the page; a program gets all (/flips)."""


class EvidenceBoard(Scripted):
    """The evidence for the run of the draft; its value is HTML."""

    kind = "string"
    script = "steps/compare/evidence.js"

    def __init__(self, studio: Studio, **settings: Any) -> None:
        acts = bind_acts(studio, look, measure, measure_others, judge, stop)
        super().__init__("${value}", acts, value="", **settings)


def show_board(studio: Studio, draft: dict[str, Any]) -> str:
    """Return the board of the draft's run, nothing where there is none that can be asked."""
    run = draft["run"]
    if not run or not studio.run_status(run).can_ask or judges(studio, run):
        return ""
    return draw_board(studio, Choice(run))


def look(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return the board of what is chosen, and whether it is being measured."""
    html = draw_board(visit, read_choice(asked))
    return {"html": html, "busy": BUSY in html}


def measure(visit: Studio, asked: Any) -> dict[str, Any]:
    """Put the measurement of what is chosen into the queue, unless it is there or measured."""
    _start(visit, make_work(visit, read_choice(asked)))
    return look(visit, asked)


def measure_others(visit: Studio, asked: Any) -> dict[str, Any]:
    """Put the measurement of the other tasks that are chosen into the queue, those that aren't there or measured."""
    choice = read_choice(asked)
    for work in visit.evidence.read_elsewhere(choice.run, list(choice.others)):
        _start(visit, work)
    return look(visit, asked)


def stop(visit: Studio, asked: Any) -> dict[str, Any]:
    """Stop what is being measured; what was answered is kept, and it goes on from there when it is measured again."""
    choice = read_choice(asked)
    works = visit.evidence.read_elsewhere(choice.run, list(choice.others)) if choice.others else []
    with contextlib.suppress(StudioError):  # what can't be measured isn't being measured
        works.append(make_work(visit, choice))
    for work in works:
        if run := visit.evidence.find_work(work):
            visit.stop_run(run)
    return look(visit, asked)


def _start(visit: Studio, work: Measure) -> None:
    if not visit.evidence.find(work) and not visit.evidence.find_work(work):
        visit.evidence.start(work)


def judge(visit: Studio, asked: Any) -> dict[str, Any]:
    """Let a reward model say which of two models that are chosen answers better, and draw the board with that."""
    choice, by = read_choice(asked), part(asked, "judge", str)
    work = make_work(visit, choice)
    first, *others = work.checkpoints
    models = [first, choice.against if choice.against in others else others[0] if others else first]
    found = visit.evidence.win_rate(models, work.task_id, [{"name": "learnt", "model": by}], choice.part)
    names = [name_model(ModelRef(ref=model)) for model in models]
    said = tell_wins(found, name_model(ModelRef(ref=by)), names)
    return {"html": draw_board(visit, choice, said)}


def draw_board(studio: Studio, choice: Choice, won: str = "") -> str:
    """Return the board as HTML: what is measured, or how to have it measured; `won` is what a reward model said."""
    studio, models = studio.at_one_moment(), choice.models
    try:
        work = make_work(studio, choice)
        models = work.checkpoints
        found = studio.evidence.find(work)
        body = _draw(*found, choice.against) if found else _draw_missing(studio, work)
        if found and found[0].task.kind == Preference.name and len(models) > 1:
            body += draw_winning(studio.judging.list_judges(), won)
    except StudioError as error:
        body = f'<p class="error-line" role="alert">{escape(error)}</p>'
    body += draw_few(studio.evidence.list_few(choice.run)) + draw_places(studio.evidence.find_places(choice.run))
    body += draw_elsewhere(studio, choice)
    body += draw_frontier(studio.evidence.list_points(choice.run), studio.run_status(choice.run).name)
    body += draw_trade(*studio.evidence.list_traded(choice.run))
    return (
        f'<section class="card board" data-run="{escape(choice.run)}" data-part="{escape(choice.part)}" '
        f'data-against="{escape(choice.against)}"><h2>Scores: did it help, and how sure is that?</h2>'
        f"{draw_choice(studio, choice, models)}{body}</section>"
    )


def _draw_missing(studio: Studio, work: Measure) -> str:
    if run := studio.evidence.find_work(work):
        status = studio.run_status(run)
        how = f"{status.step:,} of {status.of:,} answers" if status.of else "waiting for the device"
        return f'<div class="row"><p role="status" {BUSY}>Measuring: {how} …</p>{STOP}</div>'
    count = len(work.checkpoints) * work.instances
    return (
        f'<p>{work.instances:,} examples, {count:,} answers to measure.</p><div class="acts">'
        '<button type="button" class="btn" data-act="measure">Measure them</button></div>'
    )


def _draw(asked: Asked, kept: Sequence[Sequence[Row]], against: str) -> str:
    found = sum_up(asked, kept)
    columns = [column.address for column in asked.columns]
    titles = {column.address: column.title for column in asked.columns}
    head = "".join(f"<th>{foreign(titles[each], 60)}</th>" for each in columns)
    metrics = list(dict.fromkeys(value.metric for value in found.values))
    rows = "".join(_draw_row(name, [value for value in found.values if value.metric == name]) for name in metrics)
    said = "".join(
        f"<p><b>{foreign(titles[each], 60)}:</b> {escape(one.sentence)}</p>"
        for each, one in zip(columns[1:], found.differences, strict=True)
    )
    notes = "".join(f'<p class="hint">{escape(note)}</p>' for note in found.notes)
    flips = ""
    if len(columns) > 1:
        other = columns.index(against) if against in columns[1:] else 1
        names = (titles[columns[0]], titles[columns[other]])
        flips = _draw_flips(list_flips(asked, (kept[0], kept[other])), names, _draw_others(columns, titles, other))
    return (
        f'{said}<div class="tablebox"><table class="plain"><thead><tr><th>Metric</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>{_tell_metrics(metrics)}{notes}"
        f"{draw_confusion(found.tables, titles)}{flips}"
    )


def _draw_others(columns: Sequence[str], titles: dict[str, str], chosen: int) -> str:
    """Which checkpoint is compared with the first, where there are several."""
    if len(columns) < 3:
        return ""
    buttons = "".join(
        f'<button type="button" role="radio" data-against="{escape(each)}" '
        f'aria-checked="{str(place == chosen).lower()}">{foreign(titles[each], 60)}</button>'
        for place, each in enumerate(columns)
        if place
    )
    return f'<div class="segments" role="radiogroup" aria-label="Compared with the first">{buttons}</div>'


def _draw_row(name: str, values: Sequence[Value]) -> str:
    metric = METRICS.find(name)
    cells = "".join(
        f'<td class="num">{value.value:.{metric.digits}f} {escape(metric.unit)}<br><span class="hint">'
        f"{_draw_interval(value, metric.digits)}</span></td>"
        for value in values
    )
    return f'<tr><td title="{escape(metric.says)}">{escape(metric.title)}</td>{cells}</tr>'


def _tell_metrics(names: Sequence[str]) -> str:
    """What each number says: a pointer sees it above its name, a finger has to be given it."""
    told = [METRICS.find(name) for name in names]
    rows = "".join(f"<dt>{escape(metric.title)}</dt><dd>{escape(metric.says)}</dd>" for metric in told)
    return f'<details class="more"><summary>What each number says</summary><dl class="flip">{rows}</dl></details>'


def _draw_interval(value: Value, digits: int) -> str:
    return "" if value.low is None or value.high is None else f"{value.low:.{digits}f} to {value.high:.{digits}f}"


def _draw_flips(flips: Sequence[Flip], names: tuple[str, str], others: str) -> str:
    counts = count_fates([flip.fate for flip in flips])
    parts = []
    for fate in FATES:
        if not counts[fate]:
            parts.append(f'<p class="flip-none">{fate.capitalize()}: none</p>')
            continue
        shown = [flip for flip in flips if flip.fate == fate][:MOST_FLIPS]
        more = f'<p class="hint">The first {len(shown)} are shown.</p>' if counts[fate] > len(shown) else ""
        rows = "".join(_draw_flip(flip, names) for flip in shown) + more
        parts.append(f"<details class='more'><summary>{fate.capitalize()}: {counts[fate]:,}</summary>{rows}</details>")
    first, second = (foreign(name, 60) for name in names)
    return f"<h3>What flipped from {first} to {second}</h3>{others}{''.join(parts)}"


def _draw_flip(flip: Flip, names: tuple[str, str]) -> str:
    before, after = map(_mark, mark_difference(flip.before[:600], flip.after[:600]))
    wanted = " / ".join(flip.wanted[:3])
    first, second = (foreign(name, 60) for name in names)
    return (
        f'<dl class="flip"><dt>Prompt</dt><dd>{foreign(flip.prompt, 300)}</dd><dt>Expected</dt>'
        f"<dd>{foreign(wanted, 300)}</dd><dt>{first}</dt><dd>{before}</dd><dt>{second}</dt><dd>{after}</dd></dl>"
    )


def _mark(runs: Sequence[Run]) -> str:
    said = "".join(f"<mark>{foreign(text)}</mark>" if is_other else foreign(text) for text, is_other in runs)
    return said or "(nothing)"
