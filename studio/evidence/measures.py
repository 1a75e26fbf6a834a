"""What a run measures of itself beside its objective, declared as an objective declares its own: viewers iterate it."""

from studio.objectives.measure import Measure
from studio.runs.event import Scored

SCORE = Measure(name="score", title="score", better="higher", unit="%", chart="score")
FORGETTING = Measure(
    name="forgetting", title="forgetting", better="lower", unit="nats a token", chart="forgetting", digits=2
)
WIN_RATE = Measure(name="win_rate", title="win rate of drawn answers", better="higher", unit="%", chart="win_rate")
OWN = (SCORE, FORGETTING)


def read_own(event: Scored) -> dict[str, float | None]:
    """Return what a curve shows of an event, by the measures' names; {} for the base with examples, and for tests."""
    if event.part == "general":
        return {FORGETTING.name: event.value}
    if event.part == "validation" and not event.examples:
        return {SCORE.name: event.value}
    return {}
