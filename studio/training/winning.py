"""Winning: how often drawn answers of what a run made are worth more than its start's, by declared rules.

The rules and reward models that judge see an answer and what was asked, never whose it is. Knows no model that answers.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from studio.evidence.measures import WIN_RATE
from studio.evidence.win_rate import find_win_rate, tell_wins
from studio.models.reference import ModelRef
from studio.objectives.objective import Objective
from studio.objectives.rewarded import Rewarded
from studio.objectives.watching import Watching
from studio.rewards import Reward, Said, Scorer, add_up
from studio.runs.run import Run
from studio.tasks.task import Instance, Task

DRAWN = "drawn"
"""What answers are called of which one is drawn to each instance of the test part."""
NOBODY = (
    "Nobody judges its answers, so no win rate is known. Let a rule or a reward model judge them: name it in watched, "
    "or choose it in Compare."
)
NO_TIME = (
    "A tenth of its time was too little to let drawn answers be judged, so no win rate is known. Let them be judged in "
    "Compare."
)
NO_JUDGES: Mapping[str, Scorer] = MappingProxyType({})


class Panel(NamedTuple):
    """Who judges the answers of a run: the rules of its objective, and the reward models that they ask."""

    objective: Objective
    task: Task
    judges: Mapping[str, Scorer] = NO_JUDGES

    @property
    def rules(self) -> tuple[Reward, ...]:
        """What judges; nothing where nobody does."""
        return self.objective.judging if isinstance(self.objective, Watching) else ()

    def explain(self, drawn: bool) -> str:
        """Return why there is no win rate of a run whose answers could be judged, "" where there is one or none."""
        if drawn or not isinstance(self.objective, Watching):
            return ""
        return NO_TIME if self.rules else NOBODY

    def judge(self, asked: Sequence[Instance], before: Sequence[str], after: Sequence[str]) -> dict[str, Any]:
        """Return what is told of the answers of start and tuned to the same instances."""
        won = find_win_rate(self._weigh(asked, before), self._weigh(asked, after))
        return {
            "n": won.n,
            "metric": WIN_RATE.name,
            "value": won.rate,
            "low": won.low,
            "high": won.high,
            "values": won.model_dump(include={"wins", "losses", "ties"}),
            "note": tell_wins(won, self.name, ("the start", "the tuned model")),
        }

    def _weigh(self, asked: Sequence[Instance], answers: Sequence[str]) -> list[float]:
        turns = (self.objective.write_dialogue(self.task, one).before_answer() for one in asked)
        said = [
            Said(answer, tuple(one.output), turn, self.task)
            for answer, one, turn in zip(answers, asked, turns, strict=True)
        ]
        return add_up(self.rules, said, self.judges)

    @property
    def name(self) -> str:
        """What people call who judges; what a run learned from is no stranger to it."""
        names = ", ".join(map(_call, self.rules))
        own = isinstance(self.objective, Rewarded) and self.rules == self.objective.rewards
        return f"what it learned from ({names})" if own else names


def _call(rule: Reward) -> str:
    made = ModelRef(ref=rule.judges).made if rule.judges else None
    return Run.name_of(made.name) if made else f"the rule \u201c{rule.title}\u201d"
