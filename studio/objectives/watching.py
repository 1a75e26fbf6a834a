"""Watching: the head of objectives whose answers may be judged by declared rules that nothing is learnt from.

Which answers are judged, and when, is for who trains: those of a step, where it writes some, and drawn ones at the end.
"""

from collections.abc import Callable
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, PlainSerializer

from studio.declaration import name_kind
from studio.errors import RecipeError
from studio.objectives.prompted import Prompted
from studio.rewards import REWARDS, Reward

MOST_REWARDS = 8
SPARE_SECONDS = 10.0
"""So long a run may measure itself where somebody judges: a tenth of a short one is too little to say who wins.

Beyond a tenth a dozen drawn answers are asked for, and nothing else.
"""


def read_rewards(value: Any, field: str = "rewards", least: int = 1) -> tuple[Reward, ...]:
    """Return rewards of their JSON. Raises RecipeError in words."""
    if not isinstance(value, list | tuple) or not least <= len(value) <= MOST_REWARDS:
        raise RecipeError(
            f'{field} must be a list of {least} to {MOST_REWARDS} rules, such as [{{"name": "equals"}}], not '
            f"{name_kind(value) if not isinstance(value, list | tuple) else f'{len(value)} of them'}.",
            field=f"objective.{field}",
        )
    return tuple(_read_reward(one, f"objective.{field}.{place}") for place, one in enumerate(value))


def _read_reward(value: Any, path: str) -> Reward:
    """One of them; an error names its place in the list."""
    try:
        return REWARDS.read(value)
    except RecipeError as error:
        error.field = f"{path}.{(error.field or '').partition('.')[2]}".rstrip(".")
        raise


_WRITTEN = PlainSerializer(lambda rewards: [one.model_dump(mode="json") for one in rewards])
Rewards = Annotated[tuple[Reward, ...], BeforeValidator(read_rewards), _WRITTEN]
Watched = Annotated[tuple[Reward, ...], BeforeValidator(lambda value: read_rewards(value, "watched", 0)), _WRITTEN]


class Watching(Prompted):
    """Learns what others may judge."""

    watched: Watched = Field(
        default=(),
        title="Watched rewards",
        description="Rules that judge answers and are never learnt from: at the end they say how often an answer that "
        "the tuned model draws is worth more than one of the start.",
        json_schema_extra={"advanced": True},
    )

    @property
    def judging(self) -> tuple[Reward, ...]:
        """The rules that say at the end which answers are better; none where nobody judges."""
        return self.watched

    @property
    def spare_seconds(self) -> float:
        """So long a run may measure itself in any case, that it can be said who wins."""
        return SPARE_SECONDS if self.judging else 0.0

    @property
    def _rules(self) -> tuple[Reward, ...]:
        return self.watched

    def list_models(self) -> tuple[str, ...]:
        """Return the addresses of the reward models."""
        return tuple(reward.judges for reward in self._rules if reward.judges)

    def pin(self, pin_model: Callable[[str], str]) -> Self:
        """Return it with the addresses of its reward models as they stay true."""
        return self.model_copy(update={"watched": pin_rewards(self.watched, pin_model)})


def pin_rewards(rewards: tuple[Reward, ...], pin_model: Callable[[str], str]) -> tuple[Reward, ...]:
    """Return rewards with the addresses of their reward models as they stay true."""
    return tuple(one.model_copy(update={"model": pin_model(one.judges)}) if one.judges else one for one in rewards)
