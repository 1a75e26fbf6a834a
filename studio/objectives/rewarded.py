"""Rewarded: the head of objectives that learn from answers which the model writes while it trains, and their rewards.

Of each instance only the prompt is read; `group` answers to it are written, judged by the declared rewards, and those
that were worth more than expected become likelier. Knows no loop: who writes and judges is `studio.training.rollouts`.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, model_validator

from studio.errors import RecipeError
from studio.objectives.logprobs import Batch, LogProbs, Measured, Written
from studio.objectives.measure import LOSS, Measure
from studio.objectives.objective import Need
from studio.objectives.watching import Rewards, Watched, Watching, pin_rewards
from studio.rewards import REWARDS, Reward, Said, add_up
from studio.tasks.dialogue import Dialogue
from studio.tasks.instance import Form
from studio.tasks.task import Instance, Task

if TYPE_CHECKING:
    from torch import Tensor

REWARD = Measure(name="reward", title="mean reward", better="higher", chart="reward")
KL = Measure(name="kl", title="KL from the start", unit="nats an answer", better="lower", chart="kl")
LENGTH = Measure(name="length", title="length of an answer", unit="tokens", better="lower", chart="length", digits=1)
ENTROPY = Measure(name="entropy", title="entropy", unit="nats a token", better="higher", chart="entropy")
WATCHED = Measure(
    name="watched",
    title="mean of the watched rewards",
    better="higher",
    chart="reward",
    says="Nothing is learned from the watched rewards: where they fall while the mean reward grows, it is being "
    "hacked.",
)
SILENT = Measure(
    name="silent_groups",
    title="groups without signal",
    better="lower",
    chart="silent",
    says="The share of prompts whose answers all had the same reward: they teach nothing. Best are prompts that are "
    "answered well in 20 to 80 of 100.",
)
STEP_LOSS = LOSS.model_copy(
    update={
        "says": "It says nothing of how good answers are: what was better than expected and what was worse cancel out, "
        "so it is near 0 from the first step to the last. Look at the mean reward and the KL."
    }
)
ALIKE = 1e-9
"""What differs by less is worth the same."""
ENDS = 2
"""So many tokens end an answer at most, and aren't part of it."""
_TRIED = 20
"""So many instances are tried before a run."""


def _list_answers(instance: Instance, rewards: Sequence[Reward]) -> list[str]:
    """Plainly different answers to an instance, one that each rule finds worth something among them."""
    earning = (reward.find_earning(instance.output) for reward in rewards)
    told = [*instance.output[:1], instance.input, "", "word " * 200]
    return told + [answer for answer in earning if answer is not None]


class Rewarded(Watching):
    """Learns from rewards."""

    form: ClassVar[Form] = "dialogue"
    needs: ClassVar[frozenset[Need]] = frozenset({"samples"})
    measures: ClassVar[tuple[Measure, ...]] = (REWARD, WATCHED, KL, LENGTH, ENTROPY, SILENT, STEP_LOSS)
    chooses: ClassVar[str] = REWARD.name
    learning_rate_factor: ClassVar[float] = 0.2
    passes: ClassVar[float] = 1.8  # to learn an answer, to read it at the start, and to write it
    writes: ClassVar[float] = 0.5

    rewards: Rewards = Field(
        default_factory=lambda: (REWARDS.read("equals"),),
        title="Rewards",
        description="What an answer is worth: a list of rules, added up by their weights.",
    )
    watched: Watched = Field(
        default=(),
        title="Watched rewards",
        description="Rules whose sum is shown and never learnt from: they tell whether better rewards are better "
        "answers.",
        json_schema_extra={"advanced": True},
    )
    group: int = Field(
        8, ge=1, le=64, title="Answers a prompt", description="How many answers are written to each prompt in a step."
    )
    answer_tokens: int = Field(
        32, ge=1, le=1024, title="Longest answer", description="In tokens; an answer that doesn't end by then is cut."
    )
    beta: float = Field(
        0.05,
        ge=0,
        le=100,
        title="Beta",
        description="What each nat of KL from the start costs; at 0 nothing holds the model, and rewards get hacked.",
    )

    @classmethod
    def list_measures(cls, settings: Mapping[str, Any]) -> tuple[Measure, ...]:
        """Return its measures; nothing is told of watched rewards where there are none."""
        return tuple(one for one in cls.measures if one is not WATCHED or settings.get("watched"))

    @model_validator(mode="after")
    def _rewards_something(self) -> Self:
        if all(reward.weight == 0 for reward in self.rewards):
            raise RecipeError(
                "All rewards have the weight 0, so every answer is worth nothing. Raise one of them.",
                field="objective.rewards",
            )
        return self

    def check_task(self, task: Task) -> None:
        """Raise RecipeError in words where whatever is answered is worth the same, so that nothing could be learnt.

        What a rule looks for may be in none of the texts that are tried, and yet in what a start writes: then it can't
        be told before the run.
        """
        super().check_task(task)
        counted = [reward for reward in self.rewards if reward.weight]
        if any(reward.judges for reward in counted):
            return
        said = [
            Said(answer, tuple(one.output), Dialogue((), ()), task)
            for one in task.instances[:_TRIED]
            for answer in _list_answers(one, counted)
        ]
        for reward in counted:
            if reward.find_earning(said[0].wanted) is None and not any(reward.judge_all(said, {})):
                return
        worth = add_up(counted, said, {})
        if max(worth) - min(worth) < ALIKE:
            raise RecipeError(
                f"Whatever is answered is worth {worth[0]:g}: right answers, the inputs themselves, nothing at all, "
                "200 words, what each rule looks for. So nothing tells better answers from worse ones. Reward what "
                "some have and others lack.",
                field="objective.rewards",
            )

    def check_answers(self, task: Task, fewest: int) -> None:
        """Raise RecipeError in words where answers are cut before they could be what alone is rewarded."""
        only = all(reward.name == "equals" for reward in self.rewards if reward.weight)
        alone = all(len(one.output) == 1 and not one.messages for one in task.instances)
        if only and alone and fewest > self.answer_tokens + ENDS:
            raise RecipeError(
                f"Answers are cut after {self.answer_tokens:,} tokens, and the shortest output of the task has "
                f"{fewest:,} with its end, so no answer equals one and all are worth 0. Allow longer answers, or "
                "reward something else.",
                field="objective.rewards",
            )

    @property
    def judging(self) -> tuple[Reward, ...]:
        """Those that are watched; without any, what it learns from."""
        return self.watched or self.rewards

    @property
    def _rules(self) -> tuple[Reward, ...]:
        return (*self.rewards, *self.watched)

    def pin(self, pin_model: Callable[[str], str]) -> Self:
        """Return it with the addresses of its reward models as they stay true."""
        return super().pin(pin_model).model_copy(update={"rewards": pin_rewards(self.rewards, pin_model)})

    @property
    def rows_each(self) -> int:
        """An example is as many rows as answers are written to it."""
        return self.group

    @property
    def longest_written(self) -> int:
        """How long its answers may be; of a batch of them, one hardly ever ends sooner."""
        return self.answer_tokens

    def count_passes(self, rows: int) -> float:
        """Return how many times as long as reading its rows and going back a step takes, all its rounds among it."""
        return super().count_passes(rows) + self.rounds - 1

    @property
    def rounds(self) -> int:
        """How often the same answers are learnt from."""
        return 1

    @abstractmethod
    def judge(self, written: Written, worth: "Tensor", logprobs: LogProbs) -> Written:
        """Return what was written with the advantage of each token, where `worth` are the rewards (rows)."""

    @abstractmethod
    def find_losses(self, logprobs: LogProbs, written: Written) -> "Tensor":
        """Return the loss of each answer (rows)."""

    def loss(self, logprobs: LogProbs, batch: Batch) -> "tuple[Tensor, Measured]":
        """Return the loss of each answer (rows), and what was measured of all."""
        written = batch.written
        if written is None:
            raise ValueError("Answers have to be written before their loss is known.")
        counts, worth = logprobs.count_rows(), batch.marks.view(-1, self.group)
        drift = logprobs._replace(tokens=written.before - written.start).sum_rows()
        watched = {} if batch.watched is None else {WATCHED.name: batch.watched}
        return self.find_losses(logprobs, written), {
            REWARD.name: batch.marks,
            **watched,
            KL.name: drift,
            LENGTH.name: counts.float(),
            ENTROPY.name: -written.before,
            SILENT.name: (worth.amax(dim=1) - worth.amin(dim=1) < 1e-6).float(),
        }


def clip_gain(ratio: "Tensor", advantages: "Tensor", clip: float) -> "Tensor":
    """Return PPO's clipped gain: no more of it where a chance moved further than `clip` (as `ratio`)."""
    import torch

    return torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)


class Grouped(Rewarded):
    """Learns from how answers to the same prompt compare; nothing else says what was to be expected."""

    group: int = Field(
        8,
        ge=2,
        le=64,
        title="Answers a prompt",
        description="How many answers are written to each prompt and compared.",
    )

    @abstractmethod
    def find_advantages(self, worth: "Tensor", drift: "Tensor") -> "Tensor":
        """Return how much better than expected each answer was (prompts x group).

        `worth` are the rewards and `drift` the log ratios to the start, in nats (prompts x group both).
        """

    def judge(self, written: Written, worth: "Tensor", logprobs: LogProbs) -> Written:
        """Return what was written, all tokens of an answer with the answer's advantage."""
        drift = logprobs._replace(tokens=written.before - written.start).sum_rows()
        better = self.find_advantages(worth.view(-1, self.group), drift.view(-1, self.group)).flatten()
        return written._replace(advantages=better[logprobs.places // logprobs.length])
