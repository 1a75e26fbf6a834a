"""The form a question is put in, and the pair of answers: two custom components drawn by ask_form.js and
answers.js.

The form's value is the question itself; it triggers `asked`, `ten_asked` and `halted`. Prompts kept aside from
training come one at a time by a server function, since a task may have thousands of long ones.
"""

import random
from typing import Any

from studio.answering.column import NEAREST, tell_nearest
from studio.answering.decoding import ANSWER_TOKENS
from studio.answering.vote import Tally
from studio.errors import RecipeError
from studio.evidence.sign import tell_alike, tell_votes
from studio.service import Studio
from studio.tasks.task import Instance
from studio.ui.steps.compare.judge_form import judges
from studio.ui.steps.compare.question import PARTS, list_part, read_asked, split_instance
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import Act, bind_acts, part

MOST_CHOICES = 8
LOOKED_UP = 3
_LONGEST_PROMPT = 20_000
_FORM = '<form class="ask" data-state="empty" data-run="" novalidate></form>'
_PAIR = '<section class="pair" aria-label="Answers" data-state="empty" hidden></section>'


class AskForm(Scripted):
    """Prompt, checkpoint and options for `draft.run`; without a run that can be asked, it says how to get one."""

    kind = "object"
    script = "steps/compare/ask_form.js"

    def __init__(self, studio: Studio, **settings: Any) -> None:
        events = ("asked", "ten_asked", "halted")
        super().__init__(_FORM, make_acts(studio), events, **settings)


class AnswerPair(Scripted):
    """Two answers side by side, growing; its value is one of those that `answer_both` yields."""

    kind = "object"
    script = "steps/compare/answers.js"

    def __init__(self, studio: Studio, **settings: Any) -> None:
        super().__init__(_PAIR, bind_acts(studio, vote, count_votes, keep_votes, look_inside, find_rows), **settings)


def make_acts(studio: Studio) -> list[Act]:
    """Return the server functions of the form, bound to `studio`."""

    def look(visit: Studio, asked: Any) -> dict[str, Any]:
        run = asked.get("run") if isinstance(asked, dict) else None
        return describe_run(visit, run) if isinstance(run, str) and run else list_choices(visit)

    def pick(visit: Studio, asked: Any) -> dict[str, Any]:
        return pick_prompt(visit, part(asked, "run", str), part(asked, "part", str), asked.get("index"))

    return bind_acts(studio, look, pick)


def vote(visit: Studio, asked: Any) -> dict[str, Any]:
    """Keep a vote, a correction or a rating of the answers that are shown; return the tally."""
    return _tell(visit.vote(part(asked, "run", str), part(asked, "vote", dict)))


def count_votes(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return the tally of a run's votes."""
    return _tell(visit.count_votes(part(asked, "run", str)))


def keep_votes(visit: Studio, asked: Any) -> dict[str, Any]:
    """Keep what was said of a run's answers as a task; return what it is called."""
    reading = visit.votes.export(part(asked, "run", str), part(asked, "what", str))
    task = reading.task
    count = len(task.instances)
    told = f"{count:,} {'example is' if count == 1 else 'examples are'} kept as “{task.heading}”."
    return {"task_id": task.task_id, "said": " ".join((told, *reading.warnings))}


def look_inside(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return what all columns think of each token of each answer."""
    question, written = read_asked(asked), part(asked, "tokens", list)
    found = visit.inside.look(question.run, question.question.prompt, written, question.models, **question.options)
    return {"answers": [one.model_dump(mode="json") for one in found]}


def find_rows(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return the training rows that hold a word."""
    return visit.inside.find_rows(part(asked, "run", str), part(asked, "text", str)).model_dump(mode="json")


def _tell(tally: Tally) -> dict[str, Any]:
    """A tally, and what it shows."""
    said = tell_votes(tally.base, tally.tuned, tally.same, tally.bad)
    alike = tell_alike(*tally.alike, tally.base, tally.tuned)
    return {**tally.model_dump(), "sentence": f"{said} {alike}".strip()}


def describe_run(studio: Studio, run: str) -> dict[str, Any]:
    """Return what the form must know of a run. Raises NotFoundError."""
    status = studio.run_status(run)
    if not status.recipe:
        raise RecipeError(status.error or "The recipe of this run can't be read.")
    if judges(studio, run):
        return {"run": run, "judges": True}
    recipe = studio.read_recipe(status.recipe)
    parts = {name: list_part(studio, run, name) for name in PARTS}
    return {
        "run": run,
        "name": status.name,
        "status": status.status,
        "sentence": status.sentence,
        "steps": status.checkpoints,
        "best": studio.evidence.find_best(run),
        "base": studio.describe_model(recipe.model, recipe.revision).title,
        "tokens": ANSWER_TOKENS,
        "others": [*list_looked_up(parts[PARTS[0]]), *list_others(studio, run)],
        "two_models": recipe.method.saves_whole_model,
        "counts": {name: len(part) for name, part in parts.items()},
        "chats": any(one.messages for one in parts[PARTS[0]][:1]),
    }


def list_looked_up(instances: list[Instance]) -> list[dict[str, Any]]:
    """Return the base with examples that are looked up, where instances have inputs to look up by."""
    models = [{"model": f"{NEAREST}{LOOKED_UP}", "title": tell_nearest(LOOKED_UP)}]
    return [{"name": "Retrieval", "models": models}] if any(one.input for one in instances[:1]) else []


def list_others(studio: Studio, run: str) -> list[dict[str, Any]]:
    """Return the visitor's merges, and the newest runs with their checkpoints' addresses, the run itself first."""
    merges = [{"model": card.address, "title": card.name} for card in studio.merges.list_merges()[:MOST_CHOICES]]
    runs = sorted((each for each in studio.list_runs() if each.can_answer), key=lambda each: each.run_id != run)
    return [{"name": "Merges", "models": merges}] * bool(merges) + [
        {
            "name": f"{each.name}: {each.sentence}",
            "models": [
                {"model": f"run:{each.run_id}@{step}", "title": f"{each.name}, step {step:,}"}
                for step in reversed(each.checkpoints)
            ],
        }
        for each in runs[:MOST_CHOICES]
    ]


def list_choices(studio: Studio) -> dict[str, Any]:
    """Return the newest runs that can be asked something."""
    runs = [run for run in studio.list_runs() if run.can_ask][:MOST_CHOICES]
    return {"choices": [{"run": run.run_id, "name": run.name, "sentence": run.sentence} for run in runs]}


def pick_prompt(studio: Studio, run: str, name: str, index: object) -> dict[str, Any]:
    """Return one prompt kept aside from training, counted round; any of them where `index` is no number."""
    instances = list_part(studio, run, name)
    if not instances:
        return {"index": 0, "count": 0, "input": "", "messages": [], "tools": [], "wanted": []}
    at = index % len(instances) if isinstance(index, int) else random.randrange(len(instances))
    asked = split_instance(instances[at])
    return {
        "index": at,
        "count": len(instances),
        "input": asked["prompt"][:_LONGEST_PROMPT],
        "messages": asked["messages"],
        "tools": asked["tools"],
        "wanted": list(instances[at].output)[:5],
    }
