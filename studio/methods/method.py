"""Method: which weights train. The head of the family; one file each.

A method is declared (its fields are its form) and attached to a model. Counts are never computed by a formula of
their own: they are read off a model the method was really attached to, on the meta device (see
studio.estimates.counting).
"""

from abc import abstractmethod
from typing import Any, ClassVar

from studio.plugins import Plugin
from studio.precisions.precision import Precision


class Method(Plugin):
    """A way of tuning: what it changes, when to choose it, and the paper it comes from."""

    summary: ClassVar[str]
    when: ClassVar[str]
    paper: ClassVar[str]
    learning_rate_small: ClassVar[float]  # for bases under a hundred million parameters
    learning_rate_large: ClassVar[float]
    saves_whole_model: ClassVar[bool] = False
    skips_rows: ClassVar[bool] = False  # whether one batch can hold rows with it and rows without (peft: adapter_names)

    @abstractmethod
    def attach(self, model: Any) -> Any:
        """Return `model` prepared so that exactly this method's weights require gradients. Raises RecipeError."""

    def refuses(self, precision: Precision) -> str | None:
        """Return in words why this method can't train on a base stored so, None if it can."""
        return None

    def default_learning_rate(self, parameters: int | None) -> float:
        """Return a learning rate that works for a base of this many parameters."""
        return self.learning_rate_small if (parameters or 10**9) < 100_000_000 else self.learning_rate_large

    def factor_counts(self, rows: int, columns: int) -> list[tuple[str, int, int]]:
        """Return (name, rows, columns) of what stands beside a frozen rows x columns matrix.

        Empty if it trains itself.
        """
        return []

    @property
    def words(self) -> str:
        """The method in a few words for the recipe's sentence."""
        return self.title
