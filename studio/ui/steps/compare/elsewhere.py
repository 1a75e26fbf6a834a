"""Other tasks on the evidence board: what tuning changed by the way, on two tasks of the learner's choice at once.

Drawn on the server; what is measured is told, what isn't can be.
"""

from collections.abc import Sequence

from studio.errors import StudioError
from studio.service import Studio
from studio.service.evidence_desk import MOST_ELSEWHERE, Elsewhere
from studio.tasks.store import TaskCard
from studio.ui.frame.words import escape, foreign
from studio.ui.steps.compare.score_choice import MOST_TITLE, Choice

BUSY = "data-busy"
"""The mark of a board that is looked at again."""
MEASURE = '<button type="button" class="btn small" data-act="measure-others">Measure these</button>'
STOP = '<button type="button" class="btn small" data-act="stop-measuring">Stop</button>'


def draw_elsewhere(studio: Studio, choice: Choice) -> str:
    """Return what tuning changed on other tasks, and how to have it measured on two."""
    learnt = {part.get("task_id") for part in _list_parts(studio.run_status(choice.run).recipe)}
    offered = [card for card in studio.list_tasks() if card.task_id not in learnt]
    if not offered:
        return ""
    told = "".join(map(_draw_line, studio.evidence.list_elsewhere(choice.run)))
    lines = f'<ul class="elsewhere">{told}</ul>' if told else ""
    chosen = _choose(offered, choice.others)
    return (
        '<h3>Other tasks: what did tuning change by the way?</h3><p class="hint">Base and best checkpoint on the test '
        f'parts of tasks that the run did not train on.</p>{lines}<div class="score-choice">'
        f"{''.join(_draw_tasks(offered, *each) for each in enumerate(chosen))}{_draw_act(studio, choice, chosen)}</div>"
    )


def _list_parts(recipe: dict[str, object]) -> Sequence[dict[str, object]]:
    mixture = recipe.get("mixture")
    return [recipe, *(part for part in (mixture if isinstance(mixture, list) else []) if isinstance(part, dict))]


def _choose(offered: Sequence[TaskCard], others: Sequence[str]) -> list[str]:
    """What is chosen among those that are offered, and then the first of them."""
    known = [card.task_id for card in offered]
    return list(dict.fromkeys([each for each in others if each in known] + known))[:MOST_ELSEWHERE]


def _draw_line(one: Elsewhere) -> str:
    return (
        f"<li><b>{foreign(one.title, 60)}</b> ({escape(one.part)}), {foreign(one.model, 60)}: "
        f"{escape(one.difference.sentence)}</li>"
    )


def _draw_tasks(offered: Sequence[TaskCard], place: int, chosen: str) -> str:
    options = "".join(
        f'<option value="{escape(card.task_id)}"{" selected" * (card.task_id == chosen)}>'
        f"{escape(card.title or card.task_id, MOST_TITLE)}</option>"
        for card in offered
    )
    return f'<select data-other="{place}" aria-label="Another task">{options}</select>'


def _draw_act(studio: Studio, choice: Choice, chosen: Sequence[str]) -> str:
    """A button where something of the chosen isn't measured; while it is being, how far it is.

    Where nobody chose yet it isn't looked up, which takes a while.
    """
    if not choice.others:
        return MEASURE
    try:
        works = studio.evidence.read_elsewhere(choice.run, chosen)
        missing = [work for work in works if not studio.evidence.find(work)]
    except StudioError as error:
        return f'<p class="error-line" role="alert">{escape(error)}</p>'
    waiting = [found for work in missing if (found := studio.evidence.find_work(work))]
    if waiting:
        states = [studio.run_status(found) for found in waiting]
        done, of = sum(state.step for state in states), sum(work.instances * len(work.checkpoints) for work in missing)
        return f'<p role="status" {BUSY}>Measuring: {done:,} of {of:,} answers …</p>{STOP}'
    if not missing:
        return '<p class="hint">These are measured.</p>'
    return MEASURE
