"""What a step of the page is: a folder of `studio/ui/steps` whose page.py declares one class.

Knows how the steps are found and in which order they come, and what a signal says. Knows nothing of what they draw.
The browser gets the same list from `describe_page`; nothing else names the steps.
"""

import importlib
import inspect
import pkgutil
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from studio.plugins import Named, Registry
from studio.service import Studio

if TYPE_CHECKING:
    from studio.ui.widgets.draft_box import DraftBox


class Signal(NamedTuple):
    """An event of the draft: fired when what it is `about` changed, and only while it can be seen.

    `about` are paths in the draft ("recipe.model", "run"). `step` is the step at which it matters, "" for any;
    `unfolded` the id of a <details> that must be open, `waits` of the panel that is dimmed until the answer is drawn.
    """

    name: str
    about: tuple[str, ...] = ()
    step: str = ""
    unfolded: str = ""
    waits: str = ""


OF_ALL = (
    Signal("opened"),
    Signal("step_changed", ("step",)),
    Signal("run_changed", ("run",)),
    Signal("run_watched", ("run", "recipe"), step="train"),
    Signal("run_asked", ("run", "recipe"), step="compare"),
    Signal("recipe_changed", ("recipe", "card"), waits="numbers"),
)
"""The signals that belong to no step."""


class Step(Named):
    """One page of the five, or a view: a page of its own that belongs to one of them (`of`) and has a way back."""

    position: ClassVar[int]
    of: ClassVar[str] = ""
    signals: ClassVar[tuple[Signal, ...]] = ()

    def draw(self, studio: Studio, draft: "DraftBox") -> None:
        """Draw the step into the current column and wire it to the draft."""
        raise NotImplementedError


class Steps(Registry[Step]):
    """The steps, by name, in their order."""

    def _find_classes(self) -> list[type[Step]]:
        folders = importlib.import_module(self.package).__path__
        pages = [
            importlib.import_module(f"{self.package}.{found.name}.page") for found in pkgutil.iter_modules(folders)
        ]
        return [
            value
            for page in pages
            for value in vars(page).values()
            if isinstance(value, type) and issubclass(value, Step) and value.__module__ == page.__name__
        ]

    @cached_property
    def main(self) -> list[type[Step]]:
        """The steps of the stepper."""
        return [step for step in self.members.values() if not step.of]

    @property
    def signals(self) -> tuple[Signal, ...]:
        """Every signal of the page."""
        return (*OF_ALL, *(signal for step in self.members.values() for signal in step.signals))


STEPS = Steps(Step, "studio.ui.steps", "step")


def describe_page() -> dict[str, Any]:
    """Return what the browser must know of the steps: names and titles in order, and the signals."""
    steps = [{"name": step.name, "title": step.title, "of": step.of} for step in STEPS.members.values()]
    return {"steps": steps, "signals": [signal._asdict() for signal in STEPS.signals]}


def find_folders() -> dict[str, Path]:
    """Return the folders of the page's scripts and styles, by the place they have in an address."""
    root = Path(__file__).parents[1]
    folders = {name: root / name for name in ("frame", "widgets", "runs")}
    return folders | {f"steps/{step.name}": Path(inspect.getfile(step)).parent for step in STEPS.members.values()}
