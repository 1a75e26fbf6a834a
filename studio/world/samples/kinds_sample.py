"""A sample task of another kind than instructions before it is a file: text, pairs or ratings, and what is said of it.

Knows that no instance is there twice and that the same rules always make the same file. Knows no subject.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Any

from studio.tasks.kinds import KINDS
from studio.tasks.task import Example, Instance, Task
from studio.world.samples.sample import WRITTEN_HERE

_TRIES = 50
"""Draws for each instance before giving up; rules that run dry are a mistake in their file."""


@dataclass(frozen=True)
class KindSample:
    """A sample task; `draw` returns what an instance says: input, output, and what its kind has beside."""

    number: int
    name: str
    kind: str
    title: str
    categories: tuple[str, ...]
    draw: Callable[[Random], dict[str, Any]]
    definition: str = ""
    positive: tuple[Example, ...] = ()
    count: int = 400
    domains: tuple[str, ...] = ("Dialogue",)

    @property
    def task_id(self) -> str:
        """The name of its file: studio008_laws."""
        return f"studio{self.number:03d}_{self.name}"


def build_kind(sample: KindSample) -> Task:
    """Return the task, the same every time."""
    return Task(
        task_id=sample.task_id,
        title=sample.title,
        definition=sample.definition,
        positive_examples=sample.positive,
        instances=tuple(_draw_instances(sample)),
        kind=sample.kind,
        categories=sample.categories,
        domains=sample.domains,
        **WRITTEN_HERE,
    )


def _draw_instances(sample: KindSample) -> Iterable[Instance]:
    rng, kind, seen = Random(sample.task_id), KINDS.find(sample.kind), set[str]()
    for _ in range(_TRIES * sample.count):
        said = sample.draw(rng)
        key = f"{said.get('input', '')}\n{said['output'][0]}"
        if key in seen:
            continue
        seen.add(key)
        own = f"studio{sample.number:03d}-{hashlib.sha256(key.encode()).hexdigest()[:32]}"
        yield kind.read({"id": own, **said}, "instance")
        if len(seen) == sample.count:
            return
    raise RuntimeError(f"{sample.task_id}: only {len(seen)} of {sample.count} instances. Give it more words.")
