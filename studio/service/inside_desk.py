"""Looking inside an answer: how likely its tokens were in each column, and which training rows hold a word."""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from studio.answering.column import check_beside
from studio.answering.inside import Inside
from studio.errors import InputError
from studio.models.reference import BUILTIN, ModelRef
from studio.tasks.quality.doubts import Doubts, find_doubts
from studio.tasks.split import split_task
from studio.tasks.task import Instance

if TYPE_CHECKING:
    from studio.service.studio import Studio

MOST_READING = 100_000_000_000
"""Parameters times texts that are read while a person waits: some seconds on two cores."""
SHOWN = 3
LONGEST = 200


class Row(BaseModel, frozen=True):
    """A training row: what is asked, and its first answer."""

    prompt: str
    answer: str


class Rows(BaseModel, frozen=True):
    """The training rows that hold some text, `count` in all `of` which the first are told, those in answers first."""

    text: str
    count: int
    of: int
    rows: tuple[Row, ...]


class InsideDesk:
    """What a visitor may see inside the answers of their runs."""

    def __init__(self, studio: "Studio") -> None:
        self._studio = studio

    def look(
        self, run_id: str, prompt: str = "", written: Sequence[object] = (), models: Sequence[str] = (), **options: Any
    ) -> list[Inside]:
        """Return what all columns think of each column's answer, whose tokens `written` are, as `Studio.ask` told them.

        Raises StudioError in words.
        """
        studio = self._studio
        beside = [studio.resolve_model(ModelRef(ref=ref)) for ref in check_beside(models)]
        return studio.desk.look_inside(studio.find_run(run_id), prompt, written, beside, **options)

    def find_rows(self, run_id: str, text: str) -> Rows:
        """Return the rows that a run trained on and that hold a text as whole words. Raises StudioError in words."""
        wanted = text.strip()
        if not wanted or len(wanted) > LONGEST:
            raise InputError(f"Look for 1 to {LONGEST} characters, not {len(wanted):,}.", field="text")
        pattern = re.compile(rf"(?<!\w){re.escape(wanted)}(?!\w)", re.IGNORECASE)
        trained = list(self._list_trained(run_id))
        answers = [one for one in trained if any(pattern.search(said) for said in one.output)]
        known = {one.id for one in answers}
        found = [*answers, *(one for one in trained if one.id not in known and pattern.search(one.key))]
        rows = tuple(Row(prompt=one.key, answer=next(iter(one.output), "")) for one in found[:SHOWN])
        return Rows(text=wanted, count=len(found), of=len(trained), rows=rows)

    def find_doubts(self, task_id: str, model: str = BUILTIN) -> Doubts | None:
        """Return the labels of a task that are in doubt, by its letters and by where a model puts its texts.

        A model that is not here, or too large to read them while a person waits, leaves it to the letters. None for a
        task without labels. Raises StudioError in words.
        """
        studio, task, ref = self._studio, self._studio.load_task(task_id), ModelRef(ref=model)
        size = studio.describe_model(model).parameters if ref.is_local else None
        if size is None or size * len(task.instances) > MOST_READING:
            return find_doubts(task)
        recipe, stack = studio.read_recipe({"model": model, "task_id": task_id}), studio.resolve_model(ref)
        return find_doubts(task, lambda texts: studio.desk.read_texts(stack, recipe, texts))

    def _list_trained(self, run_id: str) -> Iterator[Instance]:
        recipe = self._studio.find_run(run_id).load_recipe()
        for mixed in recipe.parts:
            yield from split_task(self._studio.load_task(mixed.task_id, mixed.task_version), recipe.training.seed).train
