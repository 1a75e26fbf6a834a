"""What is rewarded of an answer. The head of the family is `reward.Reward`; adding a rule is adding one file here."""

from studio.plugins import Family
from studio.rewards.reward import Reward, Said, Scorer, add_up

REWARDS: Family[Reward] = Family(Reward, __name__, "reward")

__all__ = ["REWARDS", "Reward", "Said", "Scorer", "add_up"]
