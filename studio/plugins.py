"""The one registry: a folder of one-class files becomes a family of plug-ins.

Knows how to find the classes and to name the nearest one when a name is unknown. Knows nothing of what they do. A
plug-in is a frozen pydantic model: its fields, with their bounds and descriptions, are its form in the browser, its
JSON in a recipe, its validation and its docs (see `studio.declaration`). Adding one is adding one file to the
family's folder. Where the members are no declared values, a `Registry` finds them as well.
"""

import difflib
import importlib
import pkgutil
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import ValidationError, model_serializer

from studio.declaration import Declared, explain, name_kind, show
from studio.errors import RecipeError


class Named:
    """A class that is found by its name; one without a `name` is a head, those with one are members of its family."""

    name: ClassVar[str]
    title: ClassVar[str]


class Plugin(Named, Declared):
    """The root of every family that a recipe names: its fields are declared."""

    @model_serializer(mode="wrap")
    def _with_name(self, handler: Any) -> dict[str, Any]:
        return {"name": self.name, **handler(self)}


N = TypeVar("N", bound=Named)
P = TypeVar("P", bound=Plugin)


class Registry(Generic[N]):
    """The classes under one head, found in the files of the head's own package, in the order of their `position`."""

    def __init__(self, head: type[N], package: str, word: str) -> None:
        self.head, self.package, self.word = head, package, word

    @cached_property
    def members(self) -> dict[str, type[N]]:
        """Name -> class, for every file of the package. Raises TypeError if two files use one name."""
        members: dict[str, type[N]] = {}
        for cls in sorted(self._find_classes(), key=lambda cls: (getattr(cls, "position", 100), cls.name)):
            if cls.name in members:
                raise TypeError(f"{cls.__module__} and {members[cls.name].__module__} are both called {cls.name!r}.")
            members[cls.name] = cls
        return members

    def _find_classes(self) -> list[type[N]]:
        folder = importlib.import_module(self.package).__path__
        modules = [importlib.import_module(f"{self.package}.{found.name}") for found in pkgutil.iter_modules(folder)]
        return [
            value
            for module in modules
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, self.head)
            if value.__module__ == module.__name__ and "name" in vars(value)
        ]

    def find(self, name: object) -> type[N]:
        """Return the class called `name`. Raises RecipeError naming the nearest ones when there is none."""
        if isinstance(name, str) and name in self.members:
            return self.members[name]
        near = difflib.get_close_matches(name[:60], self.members, n=1) if isinstance(name, str) else []
        hint = f" Did you mean {near[0]!r}?" if near else ""
        wrong = f"There is no {self.word} {show(name)}." if name is not None else f"The {self.word} has no name."
        raise RecipeError(f"{wrong}{hint} Choose one of: {', '.join(self.members)}.", field=f"{self.word}.name")


class Family(Registry[P]):
    """A registry of plug-ins, which are made of their JSON."""

    def read(self, data: object) -> P:
        """Make a plug-in of its JSON, `{"name": ..., field: value}` or just its name. Raises RecipeError in words."""
        if isinstance(data, self.head):
            return data
        if isinstance(data, str):
            data = {"name": data}
        if not isinstance(data, dict):
            raise RecipeError(
                f"The {self.word} must be a name or an object with a name, not {name_kind(data)}.", field=self.word
            )
        cls = self.find(data.get("name"))
        try:
            return cls.model_validate({key: value for key, value in data.items() if key != "name"})
        except ValidationError as error:
            raise explain(error, cls, prefix=f"{self.word}.") from None
