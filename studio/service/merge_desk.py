"""Merging for a visitor: what is asked for becomes work in the queue, and a model with an address of its own.

Knows whose models are whose from the studio that makes it; how deltas are combined is for studio.merging.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import ValidationError

from studio.answering.desk import Answers
from studio.checkpoints.checkpoint import Stack
from studio.checkpoints.made_on import check_base
from studio.checkpoints.merges import Meeting, MergeCard, delete_merge, list_merges, load_card
from studio.declaration import explain, name_kind
from studio.errors import InputError, ModelError, NotFoundError, RecipeError, StudioError
from studio.merging import WAYS
from studio.merging.meeting import meet_adapters
from studio.merging.planning import check_exact, check_parents, check_unused
from studio.merging.trying import write_mix
from studio.models.reference import ModelRef
from studio.runs.run import TRAINING, Run, list_runs
from studio.service.model_desk import ModelDesk
from studio.service.waiting import do_and_wait
from studio.visitor import check_known
from studio.works.merge import MOST, Merge, Parent

OWN = ("way", "parents", "result", "rank", "name")
"""What an order says beside the options of its way."""
EXAMPLE = '{"way": "task_arithmetic", "parents": [{"model": "run:brave-otter@120", "weight": 0.7}, ...]}'


class MergeDesk(ModelDesk):
    """What a visitor does with merges."""

    def merge(self, order: object) -> MergeCard:
        """Return the merge that an order makes, when it is there. Raises StudioError in words."""
        return self.find_made(do_and_wait(self.scheduler, self.visitor, partial(self.start, order), self._find))

    def start(self, order: object, request: str = "") -> str:
        """Put a merge into the queue; return the id of the work. Raises StudioError in words."""
        check_known(self.visitor)
        return self._queue(self.read(order), request)

    def read(self, order: object) -> Merge:
        """Return an order as work, with every step and option written out. Raises StudioError in words."""
        if not isinstance(order, dict):
            raise InputError(f"A merge is an object such as {EXAMPLE}, not {name_kind(order)}.", field="merge")
        options = {str(key): value for key, value in order.items() if key not in OWN}
        WAYS.find(order.get("way"))
        way = WAYS.read({**options, "name": order["way"]})
        parents = _read_parents(order.get("parents"))
        told = {key: order[key] for key in ("result", "rank") if order.get(key) is not None}
        try:
            rest = {key: value for key, value in way.model_dump(mode="json").items() if key != "name"}
            called = order.get("name") or ""
            work = Merge.model_validate(
                {**told, "way": way.name, "options": rest, "parents": parents, "called": called}
            )
        except ValidationError as error:
            found = explain(error, Merge)
            if found.field == "called":
                found = RecipeError(str(found).replace("called ", "name ", 1), field="name")
            raise found from None
        check_unused(self.workspace, work.called)
        stacks = [self._resolve_parent(parent.model) for parent in work.parents]
        check_parents(stacks, way)
        if work.result == "exact":
            check_exact(stacks, way, [parent.weight for parent in work.parents])
        pinned = [
            parent.model_copy(update={"model": stack.address.ref})
            for parent, stack in zip(work.parents, stacks, strict=True)
        ]
        return work.model_copy(update={"parents": tuple(pinned)})

    def meet(self, models: Sequence[str]) -> list[Meeting] | None:
        """Return how what models added to their base lies to each other; None where only a merge can tell.

        Raises StudioError in words for models that can't be merged.
        """
        stacks = [self._resolve_parent(model) for model in models]
        check_parents(stacks, WAYS.read("task_arithmetic"))
        return meet_adapters(stacks)

    def try_out(self, order: object, parent: str, prompt: str, max_tokens: int = 32) -> Answers:
        """Return what the base, a parent and the sum that an order asks for answer; nothing is merged or kept.

        It is asked as the parent was. Raises StudioError in words, also where the order is no sum of LoRA adapters.
        """
        work = self.read({**order, "name": ""} if isinstance(order, dict) else order)
        made = self._resolve_parent(parent).changes[-1].address.made
        if made is None or made.kind != "run":
            raise InputError("Only what a run made can be asked here. Choose another model to ask as.", field="parent")
        stacks = [self._resolve_parent(each.model) for each in work.parents]
        way = WAYS.read({"name": work.way, **work.options})
        with TemporaryDirectory(dir=self.workspace.cache, prefix="mix-") as folder:
            mix = write_mix(stacks, way, [each.weight for each in work.parents], Path(folder))
            return self._desk.ask(self._find(made.name), prompt, [mix], step=made.step, max_tokens=max_tokens)

    def find_made(self, work_id: str) -> MergeCard:
        """Return what a finished merge made. Raises NotFoundError where it isn't there."""
        run = self._find(work_id)
        for card in self.list_merges():
            if card.work == work_id:
                return card
        raise NotFoundError(f"{run.name} has made no merge that is still there. Merge again.", field="run_id")

    def list_merges(self) -> list[MergeCard]:
        """Return the visitor's merges, the newest first."""
        return list_merges(self.workspace, self.visitor)

    def delete(self, name: str) -> None:
        """Delete a merge on which no run stands. Raises NotFoundError or ModelError in words."""
        load_card(self.workspace, name, self.visitor)
        above = [run.name for run in list_runs(self.workspace) if run.kind == TRAINING and _stands_on(run, name)]
        if above:
            raise ModelError(
                f"{', '.join(above[:5])} {'was' if len(above) == 1 else 'were'} made on top of {name} and can't answer "
                "without it. Delete what stands on it first.",
                field="name",
            )
        delete_merge(self.workspace, name)

    def _resolve_parent(self, model: str) -> Stack:
        try:
            stack = self._resolve(ModelRef(ref=model))
            check_base(stack)
            return stack
        except StudioError as error:
            error.field = "parents"
            raise


def _read_parents(given: Any) -> list[dict[str, Any]]:
    """The parents as JSON. Raises InputError in words, at the field `parents`."""
    if not isinstance(given, list | tuple) or not all(isinstance(each, dict) for each in given):
        raise InputError(
            'parents is a list of models with weights, such as [{"model": "run:brave-otter@120", "weight": 0.7}].',
            field="parents",
        )
    if not 1 <= len(given) <= MOST:
        raise InputError(f"1 to {MOST} models can be merged at once, not {len(given):,}.", field="parents")
    read = []
    for parent in given:
        try:
            read.append(Parent.model_validate(parent).model_dump())
        except ValidationError as error:
            raise explain(error, Parent, prefix="parents.") from None
    return read


def _stands_on(run: Run, name: str) -> bool:
    try:
        made = run.load_recipe().base.made
    except StudioError:
        return False
    return made is not None and (made.kind, made.name) == ("merge", name)
