"""Few labels: what several draws of so few examples came to, by each way of using them. Knows events and no page.

Runs on the same task, version and number of examples a class are compared: those of SetFit, and of instruction tuning
on the same examples. With so few the draw decides a good part, so means and spreads of the draws are what is compared.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from statistics import mean, stdev
from typing import Any, NamedTuple

from studio.objectives.setfit import SetFit
from studio.objectives.sft import Sft
from studio.runs.event import Scored
from studio.tasks.task import Instance

MAJORITY = "always the commonest label"
TITLES = {
    (SetFit.name, "base"): "frozen encoder and logistic regression",
    (SetFit.name, "tuned"): "SetFit",
    (Sft.name, "base"): "language model, prompted",
    (Sft.name, "tuned"): "language model, tuned on the same examples",
}
"""What a side of a run of an objective is called."""


class Drawn(NamedTuple):
    """A run that learnt from so many examples of each class, and what it measured on the test part."""

    objective: str
    model: str
    draw: int
    scored: tuple[Scored, ...]


class Way(NamedTuple):
    """One way of using few labels: its score in each draw, by the draw's number."""

    title: str
    model: str
    scores: Mapping[int, float]

    @property
    def mean(self) -> float:
        """The mean of the draws, in %."""
        return mean(self.scores.values())

    @property
    def spread(self) -> float | None:
        """The standard deviation of the draws, in points; None of one alone."""
        return stdev(self.scores.values()) if len(self.scores) > 1 else None


def find_shots(recipe: Mapping[str, Any]) -> int:
    """Return how many examples of each class a recipe's run learns from, 0 where it takes all there are."""
    objective = recipe.get("objective")
    settings = objective if isinstance(objective, dict) else {"name": objective or Sft.name}
    usual = SetFit.model_fields["shots"].default if settings.get("name") == SetFit.name else 0
    shots = settings.get("shots", usual)
    return int(shots) if settings.get("name") in (SetFit.name, Sft.name) and isinstance(shots, int) else 0


def find_majority(learnt: Iterable[Instance], asked: Iterable[Instance]) -> float:
    """Return how often (%) the label that is commonest among those learnt from is right."""
    counts = Counter(one.output[0] for one in learnt)
    commonest, wanted = counts.most_common(1)[0][0], [one.output for one in asked]
    return 100 * sum(commonest in outputs for outputs in wanted) / max(1, len(wanted))


def list_ways(runs: Iterable[Drawn], majority: float) -> list[Way]:
    """Return the ways that were measured, from the simplest on; a draw that was run twice counts once, the newest."""
    found: dict[tuple[str, str], dict[int, float]] = {}
    for run in runs:
        for event in run.scored:
            title = TITLES.get((run.objective, event.model))
            if title and event.part == "test" and event.value is not None and not event.examples:
                found.setdefault((title, run.model), {})[run.draw] = event.value
    order = list(TITLES.values())
    rest = sorted(found.items(), key=lambda way: order.index(way[0][0]))
    return [Way(MAJORITY, "", {0: majority}), *(Way(title, model, scores) for (title, model), scores in rest)]
