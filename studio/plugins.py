"""The one registry: a folder of one-class files becomes a family of plug-ins.

Knows how to find the classes and to name the nearest one when a name is unknown. Knows nothing of what they do. A
plug-in is a frozen pydantic model: its fields, with their bounds and descriptions, are its form in the browser, its
JSON in a recipe, its validation and its docs (see `studio.declaration`). Adding one is adding one file to the
family's folder.
"""

import difflib
import importlib
import pkgutil
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_serializer

from studio.declaration import explain
from studio.errors import RecipeError


class Plugin(BaseModel):
    """The root of every family; a *direct* subclass is a family's head, and only classes below a head are plug-ins."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: ClassVar[str]
    title: ClassVar[str]

    @model_serializer(mode="wrap")
    def _with_name(self, handler: Any) -> dict[str, Any]:
        return {"name": self.name, **handler(self)}


P = TypeVar("P", bound=Plugin)


class Family(Generic[P]):
    """The plug-ins of one head, found in the files of the head's own package, in the order of their `position`."""

    def __init__(self, head: type[P], package: str, word: str) -> None:
        self.head, self.package, self.word = head, package, word

    @cached_property
    def members(self) -> dict[str, type[P]]:
        """Name -> class, for every file of the package."""
        for module in pkgutil.iter_modules(importlib.import_module(self.package).__path__):
            importlib.import_module(f"{self.package}.{module.name}")
        found = sorted(_below(self.head), key=lambda cls: (getattr(cls, "position", 100), cls.name))
        return {cls.name: cls for cls in found}

    def find(self, name: object) -> type[P]:
        """Return the class called `name`. Raises RecipeError naming the nearest ones when there is none."""
        if isinstance(name, str) and name in self.members:
            return self.members[name]
        near = difflib.get_close_matches(str(name), self.members, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise RecipeError(
            f"There is no {self.word} {str(name)[:60]!r}.{hint} Choose one of: {', '.join(self.members)}.",
            field=f"{self.word}.name",
        )

    def read(self, data: object) -> P:
        """Make a plug-in of its JSON, `{"name": ..., field: value}` or just its name. Raises RecipeError in words."""
        if isinstance(data, self.head):
            return data
        if isinstance(data, str):
            data = {"name": data}
        if not isinstance(data, dict):
            raise RecipeError(
                f"The {self.word} must be a name or an object with a name, not {type(data).__name__}.", field=self.word
            )
        cls = self.find(data.get("name"))
        try:
            return cls.model_validate({key: value for key, value in data.items() if key != "name"})
        except ValidationError as error:
            raise explain(error, cls, prefix=f"{self.word}.") from None


def _below(head: type[P]) -> list[type[P]]:
    found: list[type[P]] = []
    for cls in head.__subclasses__():
        if "name" in vars(cls):
            found.append(cls)
        found.extend(_below(cls))
    return found
