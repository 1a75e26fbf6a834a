"""Proximal policy optimisation: a second, small network says what each token is expected to earn.

Schulman et al. 2017, arXiv:1707.06347; with generalised advantages, arXiv:1506.02438, as for language models in Ziegler
et al. 2019, arXiv:1909.08593: each token costs beta times its log ratio to the start, and the last one has the reward.
Beta is fixed, or follows a KL to keep to, as there (section 2.2).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, model_validator

from studio.objectives.logprobs import Batch, LogProbs, Measured, Written
from studio.objectives.measure import LOSS, Measure
from studio.objectives.objective import Need
from studio.objectives.rewarded import ENTROPY, KL, LENGTH, REWARD, SILENT, WATCHED, Rewarded, clip_gain

if TYPE_CHECKING:
    from torch import Tensor

VALUE_WEIGHT = 0.5
BETA = Measure(name="beta", title="beta", better="lower", chart="beta")
ITS_LOSS = LOSS.model_copy(
    update={
        "says": "Most of it is how wrong the second network still is about what will be earned, which falls as it "
        "learns. It says nothing of how good answers are: look at the mean reward and the KL."
    }
)
ITS_SILENT = SILENT.model_copy(
    update={
        "says": "The share of prompts whose answers all had the same reward. They still teach where the second network "
        "had expected something else; where it is near 1, little is left to learn."
    }
)
FOLLOWING, FARTHEST = 0.1, 0.2
"""How much beta follows in a round, of how far the KL is off, which counts for no more than the second."""
EXPECTING = 64
"""The width of the second network, which has two layers."""


class Ppo(Rewarded):
    """Learn from rewards, token by token."""

    name: ClassVar[str] = "ppo"
    title: ClassVar[str] = "Rewards (PPO)"
    position: ClassVar[int] = 30
    summary: ClassVar[str] = (
        "Lets the model write answers, judges them by its rewards, and makes each token likelier by how much more it "
        "earned than a second, small network had expected."
    )
    needs: ClassVar[frozenset[Need]] = frozenset({"samples", "value_head"})
    measures: ClassVar[tuple[Measure, ...]] = (REWARD, WATCHED, KL, LENGTH, ENTROPY, ITS_SILENT, ITS_LOSS)

    group: int = Field(
        4, ge=1, le=64, title="Answers a prompt", description="How many answers are written to each prompt in a step."
    )
    epochs: int = Field(
        2,
        ge=1,
        le=16,
        title="Steps a round",
        description="How often the weights are adjusted with the same answers.",
        json_schema_extra={"advanced": True},
    )
    horizon: float = Field(
        0.95,
        ge=0,
        le=1,
        title="Lambda",
        description="How far ahead a token is judged: 0 by what is expected next, 1 by what the whole answer earned.",
        json_schema_extra={"advanced": True},
    )
    clip: float = Field(
        0.2,
        gt=0,
        lt=1,
        title="Clip",
        description="How far a round may change the chance of a token, or what is expected of it, before it stops to "
        "count.",
        json_schema_extra={"advanced": True},
    )

    target: float = Field(
        0,
        ge=0,
        le=1000,
        title="KL to keep to",
        description="In nats an answer. Beta rises while answers are farther from the start than this, and falls while "
        "they are nearer. At 0 beta stays as it is.",
        json_schema_extra={"advanced": True},
    )

    @model_validator(mode="after")
    def _has_a_beta_to_change(self) -> Self:
        if self.target and not self.beta:
            raise ValueError("Beta is changed by shares of itself, so 0 stays 0. Set beta to 0.05, or target to 0.")
        return self

    @classmethod
    def list_measures(cls, settings: Mapping[str, Any]) -> tuple[Measure, ...]:
        """Return its measures, beta among them where it changes."""
        return (*super().list_measures(settings), *((BETA,) if settings.get("target") else ()))

    def follow(self, beta: float, drift: float) -> float:
        """Return beta after a round whose answers were `drift` nats from the start on average."""
        if not self.target:
            return beta
        off = min(max(drift / self.target - 1, -FARTHEST), FARTHEST)
        return beta * (1 + FOLLOWING * off)

    def count_head(self, width: int) -> int:
        """Return the weights of the second network."""
        return EXPECTING * (width + 2) + 1

    @property
    def rounds(self) -> int:
        """How often the same answers are learnt from."""
        return self.epochs

    def judge(self, written: Written, worth: "Tensor", logprobs: LogProbs) -> Written:
        """Return what was written with an advantage for each token, whitened, and what it earned (learnt)."""
        import torch

        counts, rows = logprobs.count_rows(), logprobs.places // logprobs.length
        ends = counts.cumsum(0)
        beta = self.beta if written.beta is None else written.beta
        earned = (beta * (written.start - written.before)).index_add(0, ends - 1, worth)
        spots = rows, torch.arange(len(rows), device=rows.device) - (ends - counts)[rows]
        table = earned.new_zeros(logprobs.rows, int(counts.max()))
        tables = (table.index_put(spots, values) for values in (earned, written.values))
        found = self._look_ahead(*tables)[spots]
        white = (found - found.mean()) / (found.std(correction=0) + 1e-8)
        return written._replace(advantages=white, returns=found + written.values)

    def _look_ahead(self, earned: "Tensor", values: "Tensor") -> "Tensor":
        """Generalised advantages of each answer's tokens (answers x tokens, 0 after its end)."""
        import torch
        from torch.nn.functional import pad

        surprises = earned + pad(values, (0, 1))[:, 1:] - values
        found, kept = list[torch.Tensor](), torch.zeros_like(values[:, 0])
        for surprise in reversed(surprises.unbind(dim=1)):
            kept = surprise + self.horizon * kept
            found.append(kept)
        return torch.stack(found[::-1], dim=1)

    def loss(self, logprobs: LogProbs, batch: Batch) -> "tuple[Tensor, Measured]":
        """Return the loss of each answer (rows), and what was measured of all."""
        losses, measured = super().loss(logprobs, batch)
        changing = batch.written.beta if batch.written else None
        return losses, measured if changing is None else {**measured, BETA.name: changing.view(1)}

    def find_losses(self, logprobs: LogProbs, written: Written) -> "Tensor":
        """Return the clipped gain of each answer's mean token, its sign changed, and how wrong what was expected is."""
        import torch

        ratio = (logprobs.tokens - written.before).exp()
        gain = clip_gain(ratio, written.advantages, self.clip)
        near = written.values + (written.expected - written.values).clamp(-self.clip, self.clip)
        wrong = torch.maximum((written.expected - written.returns) ** 2, (near - written.returns) ** 2)
        losses = logprobs._replace(tokens=VALUE_WEIGHT * wrong - gain)
        return losses.sum_rows() / losses.count_rows().clamp(min=1)
