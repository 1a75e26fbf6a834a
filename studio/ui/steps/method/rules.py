"""The rules of a reward, as a list that a person makes: each with its fields and its weight, added and left out.

Drawn on the server from the declarations of `studio.rewards`; rules.js changes the list of the draft. Knows no
training.
"""

import json
from collections.abc import Sequence
from typing import Any

from studio.objectives.watching import MOST_REWARDS
from studio.rewards import REWARDS
from studio.ui.frame.form import draw_form
from studio.ui.frame.words import escape, foreign

Judges = Sequence[tuple[str, str]]
"""Reward models that are there: their addresses, and what they are called."""


def draw_rules(path: str, rules: object, judges: Judges, title: str) -> str:
    """Return the list of rules at a path of the recipe, such as objective.rewards, with what may be added."""
    listed = [one if isinstance(one, dict) else {"name": one} for one in (rules if isinstance(rules, list) else ())]
    drawn = "".join(_draw_rule(path, place, one, judges) for place, one in enumerate(listed))
    offers = [({"name": name}, rule.title, rule.summary) for name, rule in REWARDS.members.items() if name != "learnt"]
    offers += [({"name": "learnt", "model": address}, f"What {name} says", address) for address, name in judges]
    options = "".join(
        f'<option value="{escape(json.dumps(offer))}" title="{escape(hint)}">{escape(said, 60)}</option>'
        for offer, said, hint in offers
    )
    adding = (
        f'<select data-rule-add="{path}" aria-label="{escape(f"Add to {title}")}"><option value="">+ add a rule'
        f"</option>{options}</select>"
        if len(listed) < MOST_REWARDS
        else ""
    )
    return f'<div class="rules stack" data-rules="{escape(json.dumps(listed))}" data-of="{path}">{drawn}{adding}</div>'


def _draw_rule(path: str, place: int, rule: dict[str, Any], judges: Judges) -> str:
    cls = REWARDS.members.get(str(rule.get("name")))
    at = f"{path}.{place}"
    if cls is None:
        return f'<span class="error-line" data-error-for="{at}.name"></span>'
    judge = str(rule.get("model")).partition("@")[0]
    title = next((f"What {name} says" for address, name in judges if address.partition("@")[0] == judge), cls.title)
    out = (
        f'<button type="button" class="tool" data-rule-out="{path}" data-place="{place}" '
        f'aria-label="{escape(f"Leave out {title}", 80)}">×</button>'
    )
    fields = draw_form(cls, at, rule, leave_out=("weight", "model")) + draw_form(
        cls, at, rule, leave_out=tuple(name for name in cls.model_fields if name != "weight")
    )
    return (
        f'<div class="card rule stack" data-rule="{escape(cls.name)}"><div class="row between"><strong>'
        f'{foreign(title, 60)}</strong>{out}</div><span class="hint">{escape(cls.summary)}</span><div class="fields">'
        f"{fields}</div></div>"
    )
