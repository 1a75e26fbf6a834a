"""Which way? What a person may have, and what would help then, with the reason: each choice is a patch of the draft.

The rules are those of `studio.recipes.which_way`; here they stand side by side.
"""

import json

from studio.recipes.which_way import Answers, Way, choose_way
from studio.ui.frame.words import escape

CASES = (
    Answers(labelled=True),
    Answers(labelled=True, few_labels=True),
    Answers(preferences=True),
    Answers(own_answers=True),
    Answers(ratings=True),
    Answers(rule=True),
    Answers(raw_text=True),
    Answers(facts=True),
    Answers(prompt_works=True),
)


def draw_which_way(precision: str) -> str:
    """Return the cases with what each comes to; `precision` is the usual one of the device."""
    rows = "".join(_draw_case(answers, choose_way(answers, precision)) for answers in CASES)
    return (
        '<details class="studio card stack" id="which-way"><summary><strong>Which way?</strong> <span class="hint">'
        'What you have decides what can be learnt, and whether to tune at all</span></summary><ul class="plain">'
        f"{rows}</ul></details>"
    )


def _draw_case(answers: Answers, way: Way) -> str:
    given = [name for name, value in answers if value is True]
    title = Answers.model_fields[given[-1]].title or given[-1]
    patch = escape(json.dumps({"recipe": way.recipe}))
    measured = " How often it does on a sample stands on its card." if way.answer == "prompt" else ""
    choose = f'<button type="button" class="btn" data-set="{patch}">Choose it</button>' if way.recipe else ""
    return (
        f'<li data-way="{way.answer}"><span>{escape(title)} → <strong>{escape(way.title)}</strong>'
        f'<br><span class="hint">{escape(way.reason + measured)}</span></span>{choose}</li>'
    )
