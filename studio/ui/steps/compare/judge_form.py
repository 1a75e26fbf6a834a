"""Judging by hand: for a run that made a reward model, the form in which answers get their numbers, beside each other.

It takes the place of the form that asks, since such a model writes no answers. Its prompts are of the test part.
"""

from typing import Any

from studio.objectives import find_makes
from studio.service import Studio
from studio.ui.steps.compare.question import list_part, split_instance
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import bind_acts, part

_FRAME = '<form class="judge card" data-state="none" hidden novalidate></form>'


class JudgeForm(Scripted):
    """Prompt, two answers and what the reward model of `draft.run` makes of them; hidden for any other run."""

    script = "steps/compare/judge_form.js"

    def __init__(self, studio: Studio, **settings: Any) -> None:
        super().__init__(_FRAME, bind_acts(studio, look_at_judge, judge), **settings)


def judges(studio: Studio, run: str) -> bool:
    """Whether a run makes a reward model."""
    return find_makes(studio.run_status(run).recipe.get("objective")) == "judge"


def look_at_judge(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return whether a run judges, its checkpoints, and a pair of its test part, counted round."""
    run, index = part(asked, "run", str), asked.get("index")
    if not judges(visit, run):
        return {"judges": False}
    status, pairs = visit.run_status(run), list_part(visit, run, "test")
    at = index % len(pairs) if pairs and isinstance(index, int) else 0
    pair = pairs[at] if pairs else None
    shown = pair and {"prompt": split_instance(pair)["prompt"], "answers": [pair.output[0], pair.rejected]}
    return {"judges": True, "name": status.name, "steps": status.checkpoints, "index": at, "pair": shown or None}


def judge(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return what the reward model makes of answers to a prompt."""
    run, step = part(asked, "run", str), asked.get("step")
    chosen = step if isinstance(step, int) and not isinstance(step, bool) else None
    found = visit.judging.judge(run, asked.get("prompt"), asked.get("answers"), chosen)
    return {"title": found.title, "scores": list(found.scores)}
