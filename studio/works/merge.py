"""Merge: several models of one base become one, which is addressed by its name: merge:calm-heron."""

import re
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from studio.declaration import Declared, show
from studio.errors import ModelError
from studio.models.reference import ModelRef
from studio.works.export import name_model
from studio.works.work import FindTitle, Work

MOST = 8
NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
Result = Literal["auto", "exact", "svd", "full"]


class Parent(Declared):
    """A model that is merged, by its address with the step, and how much of it."""

    model: str = Field(min_length=1, max_length=200, title="Model")
    weight: float = Field(1.0, ge=-10, le=10, title="Weight", description="1 is all of it; below 0 it is forgotten.")


class Merge(Work):
    """The fifth kind; what ways there are, and their options, is for studio.merging."""

    name: ClassVar[str] = "merge"
    title: ClassVar[str] = "Merge"
    enters: ClassVar[str] = "studio.merging.making:merge"
    doing: ClassVar[str] = "merging"
    unit: ClassVar[str] = "weight"
    phases: ClassVar[tuple[str, ...]] = ("Loading the libraries", "Loading the base model", "Merging the first weights")
    position: ClassVar[int] = 40

    way: str = Field(min_length=1, max_length=40, title="Way")
    options: dict[str, Any] = {}
    parents: tuple[Parent, ...] = Field(min_length=1, max_length=MOST, title="Parents")
    result: Result = Field(
        "auto",
        title="Result",
        description="exact: an adapter that is the sum, to the last digit; svd: the best adapter of a rank; full: a "
        "whole model. auto is exact where that can be, else full.",
    )
    rank: int = Field(16, ge=1, le=256, title="Rank", description="Of the adapter, where the result is svd.")
    called: str = Field("", max_length=60, title="Name")

    @field_validator("parents")
    @classmethod
    def _were_made_here(cls, parents: tuple[Parent, ...]) -> tuple[Parent, ...]:
        for parent in parents:
            try:
                made = ModelRef(ref=parent.model).made
            except ModelError as error:
                raise ValueError(str(error)) from None
            if made is None:
                raise ValueError(
                    f"{parent.model[:80]!r} is a base, which has learnt nothing that could be merged. Name what runs "
                    "made, such as run:brave-otter@120."
                )
        return parents

    @field_validator("called")
    @classmethod
    def _can_be_a_folder(cls, called: str) -> str:
        if called and not NAME.fullmatch(called):
            raise ValueError(
                f"{show(called)} can't be the name of a merge: small letters, digits, - and _ can. Try calm-heron."
            )
        return called

    @property
    def about(self) -> str:
        """The first run among the parents, "" where all are merges."""
        made = [ModelRef(ref=parent.model).made for parent in self.parents]
        return next((each.name for each in made if each and each.kind == "run"), "")

    def describe(self, find_title: FindTitle) -> tuple[str, str]:
        """Return what is merged, and how."""
        told = ", ".join(f"{name_model(ModelRef(ref=each.model))} × {each.weight:g}" for each in self.parents)
        title = f"Merge {self.called}".strip()
        return title, f"{told} by {self.way.replace('_', ' ')}"
