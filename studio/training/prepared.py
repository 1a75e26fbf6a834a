"""A task as tokens: what a session trains on and what it validates with, and what was left out on the way."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from studio.estimates.estimate import TaskSize
from studio.objectives.objective import Example, Objective, count_shared, list_rows, longest_row, refuse_lengths
from studio.tasks.mixture import Examples, Mixed


class Prepared(NamedTuple):
    """A task as tokens: examples to train on and examples whose loss is only measured; whether rows share lines.

    `mixed` are the instances of all examples, in their order; in a batch each row is `rows_each`. `taken` are the
    training examples before they were gathered.
    """

    train: list[Example]
    validation: list[Example]
    left_out: int
    packs: bool = False
    mixed: tuple[Mixed, ...] = ()
    rows_each: int = 1
    taken: Sequence[Example] = ()

    @property
    def parts(self) -> list[list[Example]]:
        """What is trained on, and what is only measured."""
        return [self.train, self.validation]

    @property
    def longest(self) -> int:
        """Tokens of the longest row, or line."""
        return max(map(self._measure, [*self.train, *self.validation]))

    def _measure(self, example: Example) -> int:
        return sum(len(row.input_ids) for row in example) if self.packs else longest_row(example)

    def size(self, written: int = 0) -> TaskSize:
        """What an estimate needs of it; in the place of its answers, `written` tokens may be written."""
        rows, count = list_rows(self.train), len(self.train)
        mean = sum(len(row.input_ids) for row in rows) / count
        if self.packs:
            return TaskSize(count, mean, self.longest, self.longest)
        learnt = sorted(sum(label != -100 for label in row.labels) for row in rows)
        more = written - sum(learnt) / len(rows) if written else 0.0
        return TaskSize(
            count,
            self.rows_each * (mean + more),
            round(self.longest + more),
            written or learnt[int(0.95 * len(rows))],
            count_shared(rows),
            rows=len(self.train[0]) * self.rows_each,
            different=len(set(map(longest_row, self.train))),
        )

    def sizes(self) -> dict[str, int]:
        """How many examples of each part there are, how many were too long, and all tokens to train on."""
        return {
            "examples": len(self.train),
            "validation": len(self.validation),
            "left_out": self.left_out,
            "tokens": sum(len(row.input_ids) for row in list_rows(self.train)),
        }


def encode_examples(examples: Examples, objective: Objective, tokenizer: Any, max_length: int) -> Prepared:
    """Turn examples into tokens. Raises RecipeError when not one to train on fits into `max_length` tokens."""
    found = [[objective.encode(task, one, tokenizer, max_length) for task, one in part] for part in examples]
    kept = [[example for example in part if example is not None] for part in found]
    left_out = len(found[0]) + len(found[1]) - len(kept[0]) - len(kept[1])
    taken = objective.take(kept[0])
    train, validation = (list(objective.gather(part, max_length)) for part in (taken, kept[1]))
    if not train:
        raise refuse_lengths(len(examples.train), max_length)
    pairs = zip([*examples.train, *examples.validation], [*found[0], *found[1]], strict=True)
    mixed = tuple(one for one, example in pairs if example is not None)
    return Prepared(train, validation, left_out, objective.packs, mixed, objective.rows_each, taken)
