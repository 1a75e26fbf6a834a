"""What the merge page asks of the studio: the parents and how their changes lie, a merge, and what it answers.

Draws one custom component, whose script is merge_desk.js; its scores are for scoring.py.
"""

from collections.abc import Iterable
from typing import Any

from studio.answering.desk import Answers
from studio.checkpoints.merges import Meeting, MergeCard
from studio.declaration import form_fields
from studio.errors import InputError, StudioError
from studio.merging import WAYS
from studio.models.reference import ModelRef
from studio.service import Studio
from studio.ui.steps.compare.question import split_instance
from studio.ui.steps.compare.take_away import ACTS
from studio.ui.steps.merge.scoring import BASE, look_at_curve, look_at_scores
from studio.ui.steps.train.run_desk import read_request
from studio.ui.widgets.scripted import Scripted
from studio.ui.widgets.server_act import Act, bind_acts, part
from studio.works.merge import MOST

MOST_OTHERS = 12
"""So many models can be added on the page itself."""
_FRAME = """
<section class="merge-page stack" aria-label="Merge" data-state="loading" data-work="" data-merge="">
  <div class="card stack merge-parents"></div>
  <div class="card stack merge-trying" hidden></div>
  <div class="card stack merge-meeting" hidden></div>
  <form class="card stack merge-way" hidden novalidate></form>
  <div class="card stack merge-result" hidden></div>
  <div class="card stack merge-list" hidden></div>
</section>"""


class MergeForm(Scripted):
    """Parents, weights, way and result; tells tests data-state (choosing, ready, merging, merged), data-merge."""

    script = "steps/merge/merge_desk.js"

    def __init__(self, studio: Studio, **settings: Any) -> None:
        super().__init__(_FRAME, make_acts(studio), **settings)


def make_acts(studio: Studio) -> list[Act]:
    """Return the server functions of the page, bound to `studio`."""
    making = (read_parents, meet_parents, try_weights, start_merge, look_at_merge, delete)
    made = (look_at_scores, look_at_curve, ask_all)
    return bind_acts(studio, *making, *made, *ACTS)


def read_parents(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return what is known of models by their addresses, what else could be added, the ways, and all merges."""
    models = [model for model in part(asked, "models", list) if isinstance(model, str)][:MOST]
    parents = [_describe(visit, model) for model in models]
    chosen = {parent["model"] for parent in parents}
    others = [{"model": made.ref, "title": made.title} for made in visit.list_made(MOST_OTHERS + MOST)]
    return {
        "parents": parents,
        "others": [other for other in others if other["model"] not in chosen][:MOST_OTHERS],
        "ways": describe_ways(),
        "merges": [_tell_merge(card) for card in visit.merges.list_merges()],
    }


def _describe(visit: Studio, model: str) -> dict[str, Any]:
    try:
        stack = visit.resolve_model(ModelRef(ref=model))
        if not stack.changes:
            raise InputError(f"{stack.base.ref} is a base: it has learned nothing that could be merged.")
    except (StudioError, ValueError) as error:
        nothing = dict.fromkeys(("task", "method", "base", "prompt"), "")
        return {**nothing, "model": model, "title": model[:80], "error": str(error)[:300]}
    made = stack.changes[-1]
    try:
        task = visit.load_task(made.recipe.task_id, made.recipe.task_version).heading
    except StudioError:  # it was deleted since: the model can be merged all the same
        task = made.recipe.task_id
    told = {"model": stack.address.ref, "title": made.title, "task": task, "method": made.recipe.method_words}
    return {**told, "base": stack.base.ref, "prompt": _find_prompt(visit, made.address), "error": ""}


def describe_ways() -> list[dict[str, Any]]:
    """Return each way in words, with its own settings."""
    told = ("name", "label", "hint", "kind", "default", "minimum", "maximum")
    return [
        {
            "name": way.name,
            "title": way.title,
            "summary": way.summary,
            "when": way.when,
            "paper": way.paper,
            "parents": way.parents,
            "fields": [{name: getattr(field, name) for name in told} for field in form_fields(way)],
        }
        for way in WAYS.members.values()
    ]


def meet_parents(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return how the changes of models lie to each other, where that can be told before they are merged."""
    models = [model for model in part(asked, "models", list) if isinstance(model, str)][:MOST]
    try:
        found = visit.merges.meet(models) if len(models) > 1 else []
    except StudioError as error:
        return _refuse(error)
    return {"meetings": _tell_meetings(found or ()), "later": found is None}


def start_merge(visit: Studio, asked: Any) -> dict[str, Any]:
    """Put a merge into the queue; what can't be is said with its field."""
    order, request = part(asked, "order", dict), read_request(asked)
    try:
        return {"work": visit.merges.start(order, request)}
    except StudioError as error:
        return _refuse(error)


def _refuse(error: StudioError) -> dict[str, Any]:
    return {"error": str(error), "field": error.field or ""}


def look_at_merge(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return how far a merge is, and what it made once it has."""
    work = part(asked, "work", str)
    status = visit.run_status(work)
    told = {"status": status.status, "position": status.position, "phase": status.phase, "step": status.step}
    found: dict[str, Any] = {**told, "of": status.of, "error": status.error, "made": None}
    if status.status == "finished":
        card = visit.merges.find_made(work)
        found["made"] = {
            **_tell_merge(card),
            "meetings": _tell_meetings(card.meetings),
            "asks": _list_asks(visit, card),
        }
    return found


def _tell_merge(card: MergeCard) -> dict[str, Any]:
    told = card.model_dump(mode="json", exclude={"meetings"})
    return {
        **told,
        "model": card.address,
        "way": WAYS.members[card.way].title if card.way in WAYS.members else card.way,
    }


def _tell_meetings(meetings: Iterable[Meeting]) -> list[dict[str, Any]]:
    return [meeting.model_dump() for meeting in meetings]


def _list_asks(visit: Studio, card: MergeCard) -> list[dict[str, str]]:
    """For each parent that a run made a prompt that it didn't learn from."""
    found = [(parent, _find_prompt(visit, ModelRef(ref=parent.model))) for parent in card.parents]
    return [{"parent": parent.model, "title": parent.title, "prompt": prompt} for parent, prompt in found if prompt]


def _find_prompt(visit: Studio, model: ModelRef) -> str:
    """A prompt that a run's model didn't learn from, "" where there is none."""
    if model.made is None or model.made.kind != "run":
        return ""
    try:
        instance = next(iter(visit.test_set(model.made.name)), None)
    except StudioError:  # the run or its task was deleted since
        return ""
    return str(split_instance(instance)["prompt"]) if instance else ""


def try_weights(visit: Studio, asked: Any) -> dict[str, Any]:
    """Return what the base, a parent and the sum at these weights answer, before anything is merged."""
    order, parent, prompt = part(asked, "order", dict), part(asked, "parent", str), part(asked, "prompt", str)
    try:
        answers = visit.merges.try_out(order, parent, prompt)
    except StudioError as error:
        return _refuse(error)
    return _tell_answers(answers)


def _tell_answers(answers: Answers) -> dict[str, Any]:
    base, *others = (said.model_dump() for said in answers.columns)
    return {"answers": [{**base, "title": BASE}, *others]}


def ask_all(visit: Studio, asked: Any) -> dict[str, Any]:
    """Ask the base, a parent, the merge and another parent, as the parent was asked in training."""
    models = [model for model in part(asked, "beside", list) if isinstance(model, str)]
    made = ModelRef(ref=part(asked, "parent", str)).made
    if made is None or made.kind != "run":
        raise InputError("Only what a run made can be asked here. Ask a merge of merges in Compare.", field="parent")
    answers = visit.ask(made.name, part(asked, "prompt", str), models[:2], step=made.step)
    return _tell_answers(answers)


def delete(visit: Studio, asked: Any) -> dict[str, Any]:
    """Delete a merge on which nothing stands."""
    visit.merges.delete(part(asked, "name", str))
    return {"done": True}
