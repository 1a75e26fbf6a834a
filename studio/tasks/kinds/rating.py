"""Ratings: an answer with a verdict on it, thumbs up or down."""

from typing import Any, ClassVar, Self

from studio.errors import InputError
from studio.tasks.instance import Form
from studio.tasks.spoken import Spoken


class Rating(Spoken):
    """An answer, or a conversation that ends in one, and whether it was liked."""

    name: ClassVar[str] = "rating"
    title: ClassVar[str] = "Ratings"
    words: ClassVar[str] = "answers with thumbs up or down"
    position: ClassVar[int] = 5
    forms: ClassVar[tuple[Form, ...]] = ("verdict",)
    role: ClassVar[str] = "liked"
    enough: ClassVar[str] = "{count:,} ratings; a few thousand are a good start."
    keys: ClassVar[tuple[str, ...]] = ("messages", "tools", "liked")

    liked: bool | None = None

    @classmethod
    def make(cls, id: str, input: str, output: tuple[str, ...], extra: dict[str, Any] | None = None) -> Self:
        """Return the rating that has no verdict yet."""
        return cls(id=id, input=input, output=output, extra=extra or {})

    def check_whole(self) -> None:
        """Raise InputError where there is no verdict."""
        if self.liked is None:
            raise InputError(
                "A rating is an answer with a verdict, and none is here. Import both in a file.", field="liked"
            )

    @property
    def lessons(self) -> frozenset[str]:
        """The answer with its verdict."""
        return frozenset({f"{self.output[0]} is liked: {self.liked}"})

    def write_more(self) -> dict[str, Any]:
        """Return the turns, and the verdict."""
        return super().write_more() | ({"liked": self.liked} if self.liked is not None else {})
