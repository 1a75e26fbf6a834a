"""Retrieval: the instances of a task's training part that are most like what is asked, shown in the prompt.

Likeness is the cosine of where the model that answers puts their inputs, the mean of all taken off: nothing is trained.
Knows one task at a time, and keeps where its inputs lie.
"""

import numpy as np

from studio.answering.columns import Columns
from studio.answering.embedding import embed
from studio.errors import InputError
from studio.objectives.choices import index_texts
from studio.objectives.embedding import encode_text
from studio.tasks.split import split_task
from studio.tasks.task import Example, Instance, Task

MOST_SEARCHED = 1000
"""Of a large task, so many training instances are looked through."""


class Nearest:
    """Finds what is nearest; what it read of a task with a model is kept until another is asked."""

    def __init__(self) -> None:
        self._key: tuple[object, ...] = ()
        self._instances: tuple[Instance, ...] = ()
        self._vectors = np.zeros((0, 0), np.float32)

    def show(self, columns: Columns, place: int, task: Task, seed: int, prompt: str) -> Task:
        """Return the task with the instances nearest to a prompt as its worked examples, the nearest last.

        Raises InputError in words for a task without inputs.
        """
        self._read(columns, place, task, seed)
        with columns.enter(place) as model:
            asked = embed(model, [encode_text(prompt, columns.find_tokenizer(place))])
        middle = self._vectors.mean(axis=0)
        ranked = index_texts(self._vectors - middle, [one.id for one in self._instances]).rank(asked - middle, 50)
        others = [self._instances[at] for at in ranked[0] if self._instances[at].input.strip() != prompt.strip()]
        found = others[: columns.columns[place].shows][::-1]
        shown = tuple(Example(input=one.input, output=one.output[0]) for one in found)
        return task.model_copy(update={"positive_examples": shown})

    def _read(self, columns: Columns, place: int, task: Task, seed: int) -> None:
        column = columns.columns[place]
        key = (task.task_id, task.version, seed, column.below.key, column.precision.name)
        if key == self._key:
            return
        instances = tuple(one for one in split_task(task, seed).train if one.input.strip() and one.output)
        if not instances:
            raise InputError(
                f"The task {task.heading!r} has no inputs to look up. Leave the model with the nearest examples out.",
                field="models",
            )
        self._instances = instances[:MOST_SEARCHED]
        with columns.enter(place) as model:
            tokenizer = columns.find_tokenizer(place)
            self._vectors = embed(model, [encode_text(one.input, tokenizer) for one in self._instances])
        self._key = key
