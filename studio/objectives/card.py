"""What a list of objectives says of each: which tasks it takes, what can be set, and what it measures.

Knows kinds by their forms. Everything is read off the classes, so nothing is said twice.
"""

from typing import Any, Literal

from pydantic import BaseModel

from studio.declaration import form_fields
from studio.objectives import OBJECTIVES
from studio.objectives.measure import Measure
from studio.objectives.objective import Objective
from studio.tasks.kinds import KINDS


class MeasureCard(BaseModel, frozen=True):
    """A number that an objective tells of a run."""

    name: str
    title: str
    unit: str
    better: Literal["high", "low"]


class ObjectiveCard(BaseModel, frozen=True):
    """An objective: the `kinds` of tasks that it learns from, its `fields` as in a form, its `measures`, main first."""

    name: str
    title: str
    summary: str
    kinds: tuple[str, ...]
    fields: tuple[dict[str, Any], ...]
    measures: tuple[MeasureCard, ...]


def list_objectives() -> list[ObjectiveCard]:
    """Return a card for each objective."""
    return [_describe(cls) for cls in OBJECTIVES.members.values()]


def list_fitting(kind: str) -> list[str]:
    """Return the names of the objectives that learn from tasks of a kind, the usual one first."""
    forms = KINDS.find(kind).forms
    fitting = [cls for cls in OBJECTIVES.members.values() if cls.learns_from(KINDS.find(kind))]
    return [cls.name for cls in sorted(fitting, key=lambda cls: (*forms, cls.form).index(cls.form))]


def _describe(cls: type[Objective]) -> ObjectiveCard:
    return ObjectiveCard(
        name=cls.name,
        title=cls.title,
        summary=cls.summary,
        kinds=tuple(kind.name for kind in KINDS.members.values() if cls.learns_from(kind)),
        fields=tuple(field._asdict() for field in form_fields(cls)),
        measures=tuple(_tell(measure) for measure in cls.measures),
    )


def _tell(measure: Measure) -> MeasureCard:
    better: Literal["high", "low"] = "high" if measure.better == "higher" else "low"
    return MeasureCard(name=measure.name, title=measure.title, unit=measure.unit, better=better)
