"""What is scored: up to four checkpoints on a part of a task, as the page sends it, and the controls that show it.

Nothing chosen is the run that is looked at: its base, its best checkpoint and, where it is another one, its newest, on
the run's own task. Knows no scores.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from studio.errors import InputError
from studio.models.reference import BUILTIN, ModelRef
from studio.service import Studio
from studio.ui.frame.words import escape, foreign
from studio.ui.steps.compare.ask_form import list_others
from studio.ui.widgets.server_act import part
from studio.works.export import name_model
from studio.works.measure import MOST, Measure

SHOWN = ("test", "validation", "unseen", "train")
MOST_BASES = 8
MOST_TITLE = 60
OTHER_TASK = (
    """<p class="hint">The run did not train on this task: what differs is what tuning changed by the way.</p>"""
)


class Choice(NamedTuple):
    """What a page chose; `against` is the model whose flips are told, the second where it is none of them.

    `others` are the tasks on which it is measured what tuning changed by the way.
    """

    run: str
    part: str = SHOWN[0]
    task_id: str = ""
    models: tuple[str, ...] = ()
    against: str = ""
    others: tuple[str, ...] = ()


def read_choice(asked: Any) -> Choice:
    """Return the choice in what a page sent. Raises InputError in words."""
    models, others = (_read_texts(asked, name) for name in ("models", "others"))
    told = {name: asked[name] for name in ("task_id", "against") if isinstance(asked.get(name), str)}
    return Choice(part(asked, "run", str), part(asked, "part", str), models=models, others=others, **told)


def _read_texts(asked: Any, name: str) -> tuple[str, ...]:
    texts = (asked.get(name) if isinstance(asked, dict) else None) or []
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise InputError(f"The page's question lacks {name!r}. Reload the page and try again.", field=name)
    return tuple(texts)


def make_work(studio: Studio, choice: Choice) -> Measure:
    """Return the measurement of what is chosen. Raises StudioError in words."""
    status = studio.run_status(choice.run)
    recipe = studio.read_recipe(status.recipe)
    task_id = choice.task_id or recipe.task_id
    version = recipe.task_version if task_id == recipe.task_id else None
    if choice.models:
        return studio.evidence.read(list(choice.models), task_id, choice.part, version)
    best = studio.evidence.read([f"run:{choice.run}"], task_id, choice.part, version).checkpoints[0]
    newest = f"run:{choice.run}@{max(status.checkpoints)}" if status.checkpoints else best
    return studio.evidence.read(list(dict.fromkeys([recipe.model, best, newest])), task_id, choice.part, version)


def draw_choice(studio: Studio, choice: Choice, models: Sequence[str]) -> str:
    """Return the controls: `models` as marks that can be left out, a list to add one from, the task, and its part."""
    own = str(studio.run_status(choice.run).recipe.get("task_id"))
    best = f"run:{choice.run}@{studio.evidence.find_best(choice.run)}"
    marks = "".join(_draw_mark(model, len(models) > 1, model == best) for model in models)
    adding = _draw_offers(studio, choice.run, models) if len(models) < MOST else ""
    return (
        f'<div class="score-choice"><div class="score-models">{marks}{adding}</div>'
        f'<label class="score-task"><span class="hint">on</span>{_draw_tasks(studio, choice.task_id or own)}</label>'
        f'<div class="segments" role="radiogroup" aria-label="Part">{_draw_parts(choice.part)}</div></div>'
        f"{'' if choice.task_id in ('', own) else OTHER_TASK}"
    )


def _draw_mark(model: str, can_go: bool, is_best: bool) -> str:
    title = name_model(ModelRef(ref=model)) + (", best" if is_best else "")
    label = escape(f"Leave out {title}", MOST_TITLE)
    out = (
        f'<button type="button" class="tool" data-out="{escape(model)}" aria-label="{label}">×</button>'
        if can_go
        else ""
    )
    return f'<span class="pill" data-model="{escape(model)}">{foreign(title, MOST_TITLE)}{out}</span>'


def _draw_offers(studio: Studio, run: str, taken: Sequence[str]) -> str:
    recipes = [each.recipe for each in studio.list_runs() if each.recipe]
    names = [str(recipe.get("model") or BUILTIN) for recipe in recipes]
    bases = dict.fromkeys([BUILTIN, *(name for name in names if ModelRef(ref=name).made is None)])
    groups = [
        {"name": "Base models", "models": [{"model": name, "title": _name(name)} for name in [*bases][:MOST_BASES]]},
        *list_others(studio, run),
    ]
    drawn = "".join(_draw_group(group, taken) for group in groups)
    return (
        f'<select data-add aria-label="Add a checkpoint"><option value="">+ add a checkpoint</option>{drawn}</select>'
    )


def _draw_group(group: dict[str, Any], taken: Sequence[str]) -> str:
    options = "".join(
        f'<option value="{escape(one["model"])}">{escape(one["title"], MOST_TITLE)}</option>'
        for one in group["models"]
        if one["model"] not in taken
    )
    return f'<optgroup label="{escape(group["name"], MOST_TITLE)}">{options}</optgroup>' if options else ""


def _draw_tasks(studio: Studio, chosen: str) -> str:
    cards = studio.list_tasks()
    own = "" if any(card.task_id == chosen for card in cards) else f"<option selected>{escape(chosen)}</option>"
    options = "".join(
        f'<option value="{escape(card.task_id)}"{" selected" * (card.task_id == chosen)}>'
        f"{escape(card.title or card.task_id, MOST_TITLE)}</option>"
        for card in cards
    )
    return f'<select data-task aria-label="Task">{own}{options}</select>'


def _draw_parts(chosen: str) -> str:
    return "".join(
        f'<button type="button" role="radio" data-part="{each}" aria-checked="{str(each == chosen).lower()}">'
        f"{each.capitalize()}</button>"
        for each in SHOWN
    )


def _name(address: str) -> str:
    return name_model(ModelRef(ref=address))
