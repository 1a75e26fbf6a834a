"""Objectives with a known best end there: a task of one token, a reward of 0 or 1, a start that has it right in p0.

The best trade of reward and KL is p* = p0 e^(1/beta) / (p0 e^(1/beta) + 1 - p0). Each ends within .03 of it, and within
a tenth of its KL. GRPO compares an answer with a mean that it is part of, so that a group of n takes 1/n of the reward
away: its group is large here.
"""

import math
from typing import Any

import pytest
from telling import raises

from studio.errors import RecipeError
from studio.objectives import OBJECTIVES
from studio.objectives.logprobs import Batch, LogProbs, Written

START = 0.2
STEPS, LAST, PAIRS, ANSWERS = 400, 150, 64, 512
GROUPS = {"grpo": 64, "ppo": 1, "rloo": 8}
BETAS = (1.0, 0.5)


def find_best(beta: float) -> float:
    """Return p*."""
    likelier = START * math.exp(1 / beta)
    return likelier / (likelier + 1 - START)


def find_kl(chance: float) -> float:
    """Return the KL divergence of a chance from the start, in nats."""
    return chance * math.log(chance / START) + (1 - chance) * math.log((1 - chance) / (1 - START))


def say(weight: Any, right: Any) -> Any:
    """Return the log-probability of being right, or wrong (answers)."""
    from torch.nn.functional import logsigmoid

    return (logsigmoid(weight) * right) + (logsigmoid(-weight) * (1 - right))


def step_with_rewards(objective: Any, weight: Any, expects: Any, start: Any, dice: Any, beta: Any = None) -> Any:
    """Return the mean loss of one round of answers; `expects` is the whole of what PPO's second network knows."""
    import torch

    right = (torch.rand(ANSWERS, generator=dice) < torch.sigmoid(weight.detach())).float()
    tokens = say(weight, right)
    before, reference = tokens.detach(), say(start, right)
    logprobs = LogProbs(tokens, 2 * torch.arange(len(tokens)), len(tokens), 2)
    expected = expects.expand(len(tokens))
    known = Written.begin(before, reference, expected.detach())._replace(beta=beta)
    written = objective.judge(known, right, logprobs)._replace(expected=expected)
    return objective.loss(logprobs, Batch(objective.group, right, written=written))[0].mean()


def step_with_pairs(objective: Any, weight: Any, expects: Any, start: Any, dice: Any) -> Any:
    """Return the mean loss of pairs of a right and a wrong answer, preferred as often as their rewards say."""
    import torch

    first = (torch.rand(PAIRS, generator=dice) < torch.sigmoid(torch.tensor(1.0))).float()
    right = torch.stack([first, 1 - first], dim=1).flatten()
    tokens = say(weight, right)
    logprobs = LogProbs(tokens, 2 * torch.arange(len(tokens)), len(tokens), 2)
    return objective.loss(logprobs, Batch(2, torch.zeros(len(tokens)), say(start, right)))[0].mean()


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("name", ["dpo", "grpo", "ppo", "rloo"])
def test_it_ends_at_the_best(name: str, beta: float) -> None:
    import torch

    more = {"group": GROUPS[name]} if name in GROUPS else {}
    objective, dice = OBJECTIVES.read({"name": name, "beta": beta, **more}), torch.Generator().manual_seed(0)
    start = torch.tensor(math.log(START / (1 - START)))
    weight = start.clone().requires_grad_(True)
    expects = torch.zeros((), requires_grad=True)
    optimiser = torch.optim.Adam([weight, expects], lr=0.03)
    chances = []
    for _ in range(STEPS):
        optimiser.zero_grad()
        (step_with_pairs if name == "dpo" else step_with_rewards)(objective, weight, expects, start, dice).backward()
        optimiser.step()
        chances.append(float(torch.sigmoid(weight.detach())))
    reached = sum(chances[-LAST:]) / LAST
    assert reached == pytest.approx(find_best(beta), abs=0.03)
    assert find_kl(reached) == pytest.approx(find_kl(find_best(beta)), rel=0.1)


@pytest.mark.parametrize("kept_to", [0.1, 0.45])
def test_a_beta_that_follows_ends_at_the_kl_it_is_to_keep_to(kept_to: float) -> None:
    import torch

    objective, dice = OBJECTIVES.read({"name": "ppo", "group": 1, "target": kept_to}), torch.Generator().manual_seed(0)
    start = torch.tensor(math.log(START / (1 - START)))
    weight, expects = start.clone().requires_grad_(True), torch.zeros((), requires_grad=True)
    optimiser, beta, nats = torch.optim.Adam([weight, expects], lr=0.03), 0.05, []
    for _ in range(3 * STEPS):
        optimiser.zero_grad()
        step_with_rewards(objective, weight, expects, start, dice, torch.tensor(beta)).backward()
        optimiser.step()
        nats.append(find_kl(float(torch.sigmoid(weight.detach()))))
        beta = objective.follow(beta, nats[-1])
    assert sum(nats[-LAST:]) / LAST == pytest.approx(kept_to, rel=0.1)
    assert objective.follow(2, 1e9) == pytest.approx(2.04) and objective.follow(2, 0) == pytest.approx(1.96)


def test_a_beta_of_nothing_can_not_follow() -> None:
    with raises(RecipeError, "beta 0 target"):
        OBJECTIVES.read({"name": "ppo", "beta": 0, "target": 1})


@pytest.mark.parametrize(("beta", "best", "nats"), [(1.0, 0.405, 0.109), (0.5, 0.649, 0.474), (0.2, 0.974, 1.45)])
def test_the_best_is_as_it_was_calculated(beta: float, best: float, nats: float) -> None:
    assert (find_best(beta), find_kl(find_best(beta))) == (pytest.approx(best, abs=1e-3), pytest.approx(nats, abs=5e-3))
