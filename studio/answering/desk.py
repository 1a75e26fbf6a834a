"""The desk where questions are asked: keeps the last pair loaded, and answers one question at a time.

Knows runs and their tasks; knows nothing of pages.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel

from studio.answering.column import Column, make_column, make_nearest
from studio.answering.columns import Columns
from studio.answering.embedding import embed
from studio.answering.foreign_tokenizer import Elsewhere
from studio.answering.inside import HALF_A_LETTER, Inside, look_inside
from studio.answering.judge import Judge, find_judge
from studio.answering.nearest import Nearest
from studio.answering.pair import BASE, TUNED, Pair, list_sides
from studio.answering.question import Question, read_question
from studio.answering.room import claim, weigh_missing
from studio.answering.seat import Seat
from studio.checkpoints.address import read_checkpoint, resolve
from studio.checkpoints.checkpoint import Stack
from studio.errors import DeviceError, InputError, ModelError
from studio.models.device import find_device, is_out_of_memory
from studio.models.loading import return_memory
from studio.objectives.choices import Vectors
from studio.objectives.embedding import encode_text
from studio.recipes.recipe import Recipe
from studio.runs.run import Run
from studio.tasks.store import TaskStore
from studio.tasks.task import Task
from studio.workspace import Workspace

UPDATES_A_SECOND = 15
PATIENCE_SECONDS = 120
MOST_READ = 2_000
"""Characters of a text that is only read, not answered."""
STARTING_SECONDS = 10.0
"""For so long nobody is answered after a run was kept waiting for an answer."""


class Said(BaseModel, frozen=True):
    """What one model has said so far: its address, what people call it, and the answer; once done, its tokens.

    `prompt` is the exact text it saw, where the base saw another.
    """

    model: str
    title: str
    answer: str
    tokens: tuple[int, ...] = ()
    prompt: str = ""


class Answers(BaseModel, frozen=True):
    """What base and tuned have said so far; `prompt` is the exact text both saw.

    `columns` are all that were asked: base, tuned, and the models asked beside them.
    """

    base: str
    tuned: str
    columns: tuple[Said, ...] = ()
    prompt: str
    step: int
    seconds: float
    done: bool
    note: str = ""


class Desk:
    """Answers questions; safe to use from several threads, one question at a time."""

    def __init__(
        self, workspace: Workspace, promised: Callable[[], int] = lambda: 0, elsewhere: Elsewhere | None = None
    ) -> None:
        """`promised` tells the bytes of a graphics card that the runs of this moment will take at most.

        `elsewhere` makes texts and tokens with the tokenizers of foreign models, which work in this process without it.
        """
        self.workspace = workspace
        self._promised, self._elsewhere = promised, elsewhere
        self._starts_until = 0.0
        self._pair: Pair | None = None
        self._judge: Judge | None = None
        self._seat, self._nearest = Seat(), Nearest()

    def stream(
        self, run: Run, prompt: str = "", beside: Sequence[Stack | int] = (), **options: Any
    ) -> Iterator[Answers]:
        """Yield growing answers to an instance's input `prompt`; the last one is `done`. Raises StudioError in words.

        `beside` are models that are asked as well, a number being the base with so many examples looked up; `options`
        are the other fields of a Question.
        """
        question = read_question(prompt, **options)
        run.find_checkpoint(question.step)
        with self._sit_down() as seat:
            for answers in self._answer(run, question, beside):
                with self._seat.away(seat):
                    yield answers

    def ask(self, run: Run, prompt: str = "", beside: Sequence[Stack | int] = (), **options: Any) -> Answers:
        """Return the finished answers. Raises StudioError in words."""
        *_, last = self.stream(run, prompt, beside, **options)
        return last

    def look_inside(
        self, run: Run, prompt: str, written: Sequence[object], beside: Sequence[Stack | int] = (), **options: Any
    ) -> list[Inside]:
        """Return what all columns think of each column's answer to a question, by the tokens that they wrote.

        Raises StudioError in words.
        """
        question = read_question(prompt, **options)
        with self._sit_down():
            columns, _, seen = self._arrange(run, question, beside)
            if not isinstance(written, list | tuple) or len(written) != len(seen):
                raise InputError("tokens are a list for each column that was asked. Ask again.", field="tokens")
            columns.strengthen(TUNED, question.strength)
            prompts = [ids for _, ids in seen]
            return [look_inside(columns, prompts, place, said) for place, said in enumerate(written)]

    def make_room(self) -> bool:
        """Give the memory of the loaded pair back; return whether a run may start now.

        While somebody is being answered on a graphics card it may not, for both might not fit: the next who asks waits
        until it has started.
        """
        who = object()
        if self._pair is None and self._judge is None and self._seat.is_free():
            return True
        if not self._seat.take(who, 0):
            waits = find_device().kind == "cuda"
            self._starts_until = time.monotonic() + STARTING_SECONDS if waits else 0.0
            return not waits
        try:
            self._drop()
        finally:
            self._seat.leave(who)
        return True

    def count_held(self) -> int:
        """Return the bytes that are given back before a run starts."""
        pair, judge = self._pair, self._judge
        return (pair.columns.count_bytes() if pair else 0) + (judge.count_bytes() if judge else 0)

    def _drop(self) -> None:
        if self._pair is not None or self._judge is not None:
            self._pair = self._judge = None
            return_memory()

    @contextmanager
    def open_judge(self, stack: Stack) -> Iterator[Judge]:
        """Have a reward model for yourself, in place of the pair. Raises StudioError in words."""
        find_judge(stack)
        with self._sit_down():
            if self._judge is None or self._judge.stack.key != stack.key:
                self._drop()
                columns, column = Columns(find_device(), self._elsewhere), make_column(stack, stack.changes[-1].recipe)
                self._make_way(columns, [column])
                self._judge = Judge(stack, columns)
            yield self._judge

    def read_texts(self, stack: Stack, beside: Recipe, texts: Sequence[str]) -> Vectors:
        """Return where a model puts texts (texts x width), a base stored as a recipe has it. Raises StudioError."""
        with self._sit_down():
            self._drop()
            columns, column = Columns(find_device(), self._elsewhere), make_column(stack, beside)
            self._make_way(columns, [column])
            columns.arrange([column])
            tokenizer = columns.find_tokenizer(0)
            with columns.enter(0) as model:
                return embed(model, [encode_text(text[:MOST_READ], tokenizer) for text in texts])

    def _make_way(self, columns: Columns, wanted: Sequence[Column]) -> None:
        """On a graphics card, take what is left for models that aren't loaded. Raises DeviceError in words."""
        if columns.device.kind == "cuda" and (more := weigh_missing(columns, wanted)):
            claim(find_device(), more, self._promised())

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
        who, broke, full = object(), False, False
        if time.monotonic() < self._starts_until:
            raise DeviceError("A run is about to start on the graphics card. Ask again in a minute.")
        if not self._seat.take(who, PATIENCE_SECONDS):
            raise DeviceError("Somebody else's question is still being answered. Try again in a moment.")
        try:
            yield who
        except Exception as error:
            broke, full = not isinstance(error, InputError) or isinstance(error, ModelError), is_out_of_memory(error)
            if not full:
                raise
        finally:
            if broke and not full:
                self._pair = self._judge = None
            if not full:
                self._seat.leave(who)
        if full:  # outside of the handler, whose traceback holds the model
            self._drop()
            self._seat.leave(who)
            raise DeviceError(
                "The device ran out of memory. Wait until a training has ended, ask for fewer tokens, or choose a "
                "smaller model."
            )

    def _take_pair(self, run: Run, recipe: Recipe, step: int | None, beside: Sequence[Column] = ()) -> tuple[Pair, int]:
        """Return the loaded pair and the step its tuned side answers with, loading what is missing.

        The columns of the pair are base, tuned and those `beside`. A training forgets old checkpoints; where the newest
        of a moment ago is gone, the one after it is taken.
        """
        while True:
            folder = run.find_checkpoint(step)
            used = int(folder.name.removeprefix("step-"))
            read_checkpoint(run, recipe, used).check_can("answer", "run_id")
            self._judge = None
            below = resolve(self.workspace, recipe.base)
            sides = [*list_sides(below, run, recipe, used), *beside]
            columns = self._pair.columns if self._pair else Columns(find_device(), self._elsewhere)
            try:
                self._make_way(columns, sides)
                columns.arrange(sides)
            except Exception:
                self._pair = None
                if folder.exists():
                    raise
                continue
            if self._pair is None or not self._pair.serves(recipe):
                self._pair = Pair(recipe, columns.device, below, columns)
            columns.restore()  # one who reads no further may have left an adapter at another strength
            return self._pair, used

    def _arrange(
        self, run: Run, question: Question, beside: Sequence[Stack | int]
    ) -> tuple[Columns, int, list[tuple[str, list[int]]]]:
        """The columns of a question, the step of the tuned one, and what each sees: its text, and that in tokens."""
        recipe = run.load_recipe()
        task = TaskStore(self.workspace).load_task(recipe.task_id, recipe.task_version)
        below = resolve(self.workspace, recipe.base)
        more = [
            make_nearest(below, recipe, one) if isinstance(one, int) else make_column(one, recipe) for one in beside
        ]
        pair, used = self._take_pair(run, recipe, question.step, more)
        columns, seen = pair.columns, list[tuple[str, list[int]]]()
        for place, column in enumerate(columns.columns):
            known = task
            if column.shows:
                known = self._nearest.show(columns, place, task, recipe.training.seed, question.prompt)
            seen.append(_write_prompt(columns, place, known, question))
        return columns, used, seen

    def _answer(self, run: Run, question: Question, beside: Sequence[Stack | int]) -> Iterator[Answers]:
        columns, used, seen = self._arrange(run, question, beside)
        rooms = [columns.find_context(place) - len(ids) for place, (_, ids) in enumerate(seen)]
        if (room := min(rooms)) < 1:
            longest = len(seen[rooms.index(room)][1])
            raise InputError(
                f"This prompt has {longest:,} tokens, more than the model can read. Shorten it.", field="prompt"
            )
        began, shown = time.monotonic(), 0.0

        def tell(written: Sequence[list[int]], note: str = "", done: bool = False) -> Answers:
            texts = [columns.read_text(place, tokens) for place, tokens in enumerate(written)]
            texts = texts if done else [text.rstrip(HALF_A_LETTER) for text in texts]
            own = ["" if saw == seen[BASE][0] else saw for saw, _ in seen]
            said = [
                Said(
                    model=column.address,
                    title=column.title,
                    answer=text,
                    tokens=tuple(tokens) if done else (),
                    prompt=saw,
                )
                for column, text, tokens, saw in zip(columns.columns, texts, written, own, strict=True)
            ]
            seconds = time.monotonic() - began
            return Answers(
                base=texts[BASE],
                tuned=texts[TUNED],
                columns=tuple(said),
                prompt=seen[BASE][0],
                step=used,
                seconds=seconds,
                done=done,
                note=note,
            )

        most, prompts = min(question.max_tokens, room), [ids for _, ids in seen]
        columns.strengthen(TUNED, question.strength)
        for written in columns.write(prompts, most, question.temperature, question.seed):
            now = time.monotonic()
            if now - shown >= 1 / UPDATES_A_SECOND:
                shown = now
                yield tell(written)
        notes = [] if room >= question.max_tokens else [f"Only {room} tokens fit after this prompt."]
        if question.step is None:
            damaged = {each: damage for each, damage in run.look_at_checkpoints().items() if damage and each > used}
            notes += [f"The checkpoint of step {each} is damaged ({damage})." for each, damage in damaged.items()]
        yield tell(written, " ".join(notes), done=True)


def _write_prompt(columns: Columns, place: int, task: Task, question: Question) -> tuple[str, list[int]]:
    """The exact text that a column sees, and its tokens."""
    objective, tokenizer = columns.columns[place].objective, columns.find_tokenizer(place)
    asked = objective.write_question(task, question.prompt, question.messages, question.tools)
    return objective.write_prompt(task, asked, tokenizer), objective.encode_prompt(task, asked, tokenizer)
