"""What an objective is given of a batch: how likely the model finds each learnt token, and never the model itself.

So what is fast in reading rows (padding, beginnings that are read once, fused layers) serves every objective. Knows
tensors by what they can do, so torch isn't imported here.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


class LogProbs(NamedTuple):
    """The log-probability of each learnt token of a batch, in nats.

    `tokens` are those (learnt), `places` where the token before is (learnt), counted through `rows` x `length`.
    Where rows share a line (see `Objective.packs`), `rows` counts lines.
    """

    tokens: "Tensor"
    places: "Tensor"
    rows: int
    length: int

    def sum_rows(self) -> "Tensor":
        """Return the log-probability of all that is learnt in each row, in nats (rows)."""
        return self.tokens.new_zeros(self.rows).index_add(0, self.places // self.length, self.tokens)

    def count_rows(self) -> "Tensor":
        """Return how many tokens of each row are learnt (rows)."""
        return (self.places // self.length).bincount(minlength=self.rows)


class Written(NamedTuple):
    """What is known of answers that were written while training, of each of their tokens (learnt).

    How likely it was when it was written, and at the start of the run, in nats; how much more than expected it earned.
    Where something expects: what was expected when it was written, what is now, and what it earned. `beta` is what a
    nat of KL costs now, where that changes.
    """

    before: "Tensor"
    start: "Tensor"
    advantages: "Tensor"
    values: "Tensor"
    expected: "Tensor"
    returns: "Tensor"
    beta: "Tensor | None" = None

    @classmethod
    def begin(cls, before: "Tensor", start: "Tensor", values: "Tensor") -> "Written":
        """Return what is known before answers are judged."""
        nothing = before.new_zeros(before.shape)
        return cls(before, start, nothing, values, values, nothing)


class Batch(NamedTuple):
    """What else is known of a batch, whose rows follow each other example by example.

    `rows_each` rows make one example. `marks` are what the objective noted about each row (rows); `reference` how
    likely each row was before the first step, in nats (rows), where the objective needs it; `written` what is known of
    rows that the model wrote itself, whose marks are then what they are worth; `scores` what a head that judges says of
    each row (rows), where there is one; `watched` what such rows are worth by rules that nothing is learnt from (rows);
    `embeddings` where the model puts each row (rows x width).
    """

    rows_each: int
    marks: "Tensor"
    reference: "Tensor | None" = None
    written: Written | None = None
    scores: "Tensor | None" = None
    watched: "Tensor | None" = None
    embeddings: "Tensor | None" = None

    def split(self, values: "Tensor") -> tuple["Tensor", ...]:
        """Return a value of each row (rows) as one tensor for each place in an example, such as better and worse."""
        return values.view(-1, self.rows_each).unbind(dim=1)

    def find_embeddings(self) -> tuple["Tensor", ...]:
        """Return where the rows are put, a tensor (examples x width) for each place in an example."""
        if self.embeddings is None:
            raise ValueError("Rows have to be embedded before their loss is known.")
        return self.embeddings.view(-1, self.rows_each, self.embeddings.shape[-1]).unbind(dim=1)


class Ratio(NamedTuple):
    """A measure that is so much for each of something else, as bits are for each byte: both are added up first."""

    total: "Tensor"
    of: "Tensor"


Measured = Mapping[str, "Tensor | Ratio"]
"""What an objective measures of a batch, by name: a number for each of its tokens or examples, or a ratio."""
