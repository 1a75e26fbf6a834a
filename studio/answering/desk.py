"""The desk where questions are asked: keeps the last pair loaded, and answers one question at a time.

Knows runs and their tasks; knows nothing of pages.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel

from studio.answering.pair import Pair
from studio.answering.question import Question, read_question
from studio.answering.seat import Seat
from studio.checkpoints.address import resolve
from studio.errors import DeviceError, InputError, ModelError
from studio.models.device import find_device, is_out_of_memory
from studio.models.loading import return_memory
from studio.recipes.recipe import Recipe
from studio.runs.run import Run
from studio.tasks.prompt import trim
from studio.tasks.store import TaskStore
from studio.tasks.task import Task
from studio.workspace import Workspace

UPDATES_A_SECOND = 15
HALF_A_LETTER = "\ufffd"
"""What a letter of several tokens looks like before its last one."""
PATIENCE_SECONDS = 120


class Answers(BaseModel, frozen=True):
    """What base and tuned have said so far; `prompt` is the exact text both saw."""

    base: str
    tuned: str
    prompt: str
    step: int
    seconds: float
    done: bool
    note: str = ""


class Desk:
    """Answers questions; safe to use from several threads, one question at a time."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self._pair: Pair | None = None
        self._seat = Seat()

    def stream(self, run: Run, prompt: str = "", **options: Any) -> Iterator[Answers]:
        """Yield growing answers to an instance's input `prompt`; the last one is `done`. Raises StudioError in words.

        `options` are the other fields of a Question.
        """
        question = read_question(prompt, **options)
        run.find_checkpoint(question.step)
        with self._sit_down() as seat:
            for answers in self._answer(run, question):
                with self._seat.away(seat):
                    yield answers

    def ask(self, run: Run, prompt: str = "", **options: Any) -> Answers:
        """Return the finished answers. Raises StudioError in words."""
        *_, last = self.stream(run, prompt, **options)
        return last

    def make_room(self) -> None:
        """Give the memory of the loaded pair back, unless somebody is being answered."""
        who = object()
        if self._pair is None or not self._seat.take(who, 0):
            return
        try:
            self._pair = None
            return_memory()
        finally:
            self._seat.leave(who)

    @contextmanager
    def open_pair(self, run: Run, step: int | None = None) -> Iterator[tuple[Pair, Recipe, Task]]:
        """Have the pair of a run for yourself, with its recipe and task. Raises StudioError in words."""
        recipe = run.load_recipe()
        task = TaskStore(self.workspace).load_task(recipe.task_id, recipe.task_version)
        with self._sit_down():
            yield self._take_pair(run, recipe, step)[0], recipe, task

    @contextmanager
    def _sit_down(self) -> Iterator[object]:
        """Have the desk alone. What breaks in between leaves no half-changed model to the next one."""
        who = object()
        if not self._seat.take(who, PATIENCE_SECONDS):
            raise DeviceError("Somebody else's question is still being answered. Try again in a moment.")
        try:
            yield who
        except Exception as error:
            if not isinstance(error, InputError) or isinstance(error, ModelError):
                self._pair = None
            if is_out_of_memory(error):
                raise DeviceError(
                    "The device ran out of memory. Wait until a training has ended, ask for fewer tokens, or choose a "
                    "smaller model."
                ) from None
            raise
        finally:
            self._seat.leave(who)

    def _take_pair(self, run: Run, recipe: Recipe, step: int | None) -> tuple[Pair, int]:
        """Return the loaded pair and the step its tuned side answers with, loading what is missing.

        A training forgets old checkpoints; where the newest of a moment ago is gone, the one after it is taken.
        """
        while True:
            checkpoint = run.find_checkpoint(step)
            if self._pair is None or not self._pair.serves(recipe):
                self._pair = None
                self._pair = Pair(recipe, find_device(), resolve(self.workspace, recipe.base))
            try:
                return self._pair, self._pair.use(run, recipe, step)
            except Exception:
                if checkpoint.exists():
                    raise
                self._pair = None

    def _answer(self, run: Run, question: Question) -> Iterator[Answers]:
        recipe = run.load_recipe()
        task = TaskStore(self.workspace).load_task(recipe.task_id, recipe.task_version)
        pair, used = self._take_pair(run, recipe, question.step)
        asked = recipe.objective.write_question(task, question.prompt, question.messages, question.tools)
        prompt = recipe.objective.write_prompt(task, asked, pair.tokenizer)
        ids = recipe.objective.encode_prompt(task, asked, pair.tokenizer)
        room = pair.context - len(ids)
        if room < 1:
            raise InputError(
                f"This prompt has {len(ids):,} tokens, more than the model can read. Shorten it.", field="prompt"
            )
        began, shown = time.monotonic(), 0.0
        for written in pair.write(ids, min(question.max_tokens, room), question.temperature, question.seed):
            now = time.monotonic()
            if now - shown >= 1 / UPDATES_A_SECOND:
                shown = now
                base, tuned = (_read(pair, side).rstrip(HALF_A_LETTER) for side in written)
                yield Answers(base=base, tuned=tuned, prompt=prompt, step=used, seconds=now - began, done=False)
        base, tuned = (_read(pair, side) for side in written)
        notes = [] if room >= question.max_tokens else [f"Only {room} tokens fit after this prompt."]
        if question.step is None:
            damaged = {each: damage for each, damage in run.look_at_checkpoints().items() if damage and each > used}
            notes += [f"The checkpoint of step {each} is damaged ({damage})." for each, damage in damaged.items()]
        yield Answers(
            base=base,
            tuned=tuned,
            prompt=prompt,
            step=used,
            seconds=time.monotonic() - began,
            done=True,
            note=" ".join(notes),
        )


def _read(pair: Pair, tokens: list[int]) -> str:
    return trim(str(pair.tokenizer.decode(tokens, skip_special_tokens=True)))
