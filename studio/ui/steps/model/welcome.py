"""The first thing a new visitor sees: what will happen in one large sentence, and one button that lets it happen.

Shown until there is a run. Knows the draft's recipe; how long it takes is filled in by welcome.js when this device's
speed is known, and not said before.
"""

from typing import Any

from studio.errors import StudioError
from studio.service import Studio
from studio.tasks.task import Task
from studio.ui.frame.words import escape, foreign
from studio.ui.widgets.panel import Panel

_LONGEST = 90


class Welcome(Panel):
    """The sentence and its button; empty once the visitor has a run."""

    script = "steps/model/welcome.js"


def show_welcome(studio: Studio, draft: dict[str, Any]) -> str:
    """Return the welcome of a visitor without runs, else nothing."""
    return "" if draft.get("run") or studio.list_runs() else draw_welcome(studio, draft["recipe"])


def draw_welcome(studio: Studio, recipe: dict[str, Any]) -> str:
    """Return the welcome for a recipe; nothing for one that can't be trained."""
    try:
        task = studio.load_task(str(recipe.get("task_id")), recipe.get("task_version"))
        model = studio.describe_model(str(recipe.get("model") or "builtin"), recipe.get("revision")).title
    except StudioError:
        return ""
    return f"""<section class="studio welcome" data-plan aria-label="Start at once">
<p class="welcome-sentence">Watch {foreign(model, 60)} learn to do this: <em>{escape(task.heading, 80)}</em>.</p>
{_draw_example(task)}
<div class="row"><button type="button" class="btn primary big" data-act="start" data-label="Train it now">Train it
now</button><a class="btn quiet" href="#step-model-choice">Choose for yourself ↓</a></div>
<p class="error-line" role="alert" data-refusal></p></section>"""


def _draw_example(task: Task) -> str:
    if not task.instances:
        return ""
    first = task.instances[0]
    given, wanted = (str(getattr(first, "input", "")), getattr(first, "output", ("",)) or ("",))
    if not given or not wanted[0]:
        return ""
    return (
        f'<p class="welcome-example"><span>{escape(given, _LONGEST)}</span> <span aria-label="becomes">→</span> '
        f"<strong>{escape(str(wanted[0]), _LONGEST)}</strong></p>"
    )
