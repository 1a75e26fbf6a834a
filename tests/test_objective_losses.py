"""The losses of preferences are TRL's: the same numbers and gradients, to five digits, on the same log-probabilities.

TRL's own code computes them, given a model that answers with the log-probabilities of this test.
"""

import math
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from studio.objectives import OBJECTIVES
from studio.objectives.logprobs import Batch, LogProbs, Written
from studio.objectives.objective import Row
from studio.objectives.reward import read_to_the_end

LENGTHS = (3, 5, 4, 2, 6, 3)
"""Tokens of each answer, better and worse in turn; those of a prompt stand before them."""
PROMPT, LONGEST = 2, 8
START = (-5.0, -9.0, -6.5, -3.0, -11.0, -4.0)
CLOSE: Any = {"rel": 1e-5, "abs": 1e-6}


def make_logprobs(requires_grad: bool = True) -> tuple[Any, LogProbs]:
    """Return log-probabilities of learnt tokens as a leaf (learnt), and as an objective gets them."""
    import torch

    dice = torch.Generator().manual_seed(0)
    leaf = (-2 * torch.rand(sum(LENGTHS), generator=dice) - 0.1).requires_grad_(requires_grad)
    places = [row * LONGEST + PROMPT - 1 + n for row, length in enumerate(LENGTHS) for n in range(length)]
    return leaf, LogProbs(leaf, torch.tensor(places), len(LENGTHS), LONGEST)


def find_ours(objective: dict[str, Any], marks: tuple[float, ...] = (0.0,) * 6) -> tuple[float, Any]:
    """Return the mean loss of an objective, and its gradient (learnt)."""
    import torch

    leaf, logprobs = make_logprobs()
    losses, _ = OBJECTIVES.read(objective).loss(logprobs, Batch(2, torch.tensor(marks), torch.tensor(START)))
    losses.mean().backward()
    return float(losses.mean().detach()), leaf.grad


def spread(leaf: Any, order: list[int]) -> tuple[Any, Any]:
    """Return rows in another order as TRL has them: log-probabilities (rows x longest - 1), and where an answer is."""
    import torch

    parts = leaf.split(list(LENGTHS))
    values = torch.zeros(len(order), LONGEST - 1)
    mask = torch.zeros(len(order), LONGEST, dtype=torch.long)
    for place, row in enumerate(order):
        ends = PROMPT + LENGTHS[row]
        mask[place, PROMPT:ends] = 1
        values = values.index_put((torch.tensor([place]), torch.arange(PROMPT - 1, ends - 1)), parts[row])
    return values, mask


BETTER, WORSE = [0, 2, 4], [1, 3, 5]


class Answering:
    """Stands in for a model in TRL's trainer: it answers each batch with log-probabilities that were given."""

    training = True

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def __call__(self, **_: Any) -> Any:
        import torch

        values = self.answers.pop(0)
        nothing = torch.zeros_like(values.detach())
        return SimpleNamespace(log_probs=values, entropy=nothing, mean_logits=nothing, is_top1=nothing.bool())


def stand_in(**more: Any) -> Any:
    """Return what TRL's losses ask of their trainer."""
    gather = lambda value: value  # noqa: E731
    accelerator = SimpleNamespace(device="cpu", gather=gather, gather_for_metrics=gather)
    usual = {
        "accelerator": accelerator,
        "aux_loss_enabled": False,
        "precompute_ref_logps": True,
        "_metrics": {"train": defaultdict(list)},
        "_total_train_tokens": 0,
        "_tp_size": 1,
    }
    return SimpleNamespace(**{**usual, **more})


@pytest.mark.parametrize(
    ("given", "their_type"),
    [
        ({"beta": 0.3}, "sigmoid"),
        ({"variant": "ipo", "beta": 0.3}, "ipo"),
        ({"variant": "length_normalised", "beta": 2.5}, "sigmoid_norm"),
        ({"variant": "robust", "beta": 0.3, "label_smoothing": 0.2}, "robust"),
    ],
)
def test_dpo_is_trls(given: dict[str, Any], their_type: str) -> None:
    import torch
    from trl import DPOTrainer

    leaf, _ = make_logprobs()
    values, mask = spread(leaf, [*BETTER, *WORSE])
    model = Answering(values)
    trainer = stand_in(
        model=model,
        ld_alpha=None,
        f_divergence_type="reverse_kl",
        loss_types=[their_type],
        loss_weights=[1.0],
        beta=given["beta"],
        label_smoothing=given.get("label_smoothing", 0.0),
        use_weighting=False,
    )
    start = torch.tensor(START)
    inputs = {
        "input_ids": torch.zeros_like(mask),
        "attention_mask": torch.ones_like(mask),
        "completion_mask": mask,
        "ref_chosen_logps": start[BETTER],
        "ref_rejected_logps": start[WORSE],
    }
    theirs = DPOTrainer._compute_loss(trainer, model, inputs, return_outputs=False)
    theirs.backward()
    ours, gradient = find_ours({"name": "dpo", **given})
    assert ours == pytest.approx(float(theirs.detach()), **CLOSE)
    assert gradient.tolist() == pytest.approx(leaf.grad.tolist(), **CLOSE)


def test_conservative_dpo_is_a_mean_of_both_orders() -> None:
    right = find_ours({"name": "dpo", "label_smoothing": 0.0})
    smoothed = find_ours({"name": "dpo", "label_smoothing": 0.25})
    robust = find_ours({"name": "dpo", "label_smoothing": 0.25, "variant": "robust"})
    assert smoothed[0] != right[0]
    # robust = ((1 - e) right - e swapped) / (1 - 2 e) and conservative = (1 - e) right + e swapped
    assert smoothed[0] + 0.5 * robust[0] == pytest.approx(1.5 * right[0], **CLOSE)


def test_kto_is_trls() -> None:
    import torch
    from trl import KTOTrainer

    liked = (True, False, True)
    leaf, _ = make_logprobs()
    values, mask = spread(leaf, BETTER)
    strangers, other_mask = spread(leaf.detach(), WORSE)
    model = Answering(strangers, values)
    trainer = stand_in(
        model=model,
        calculate_KL=True,
        beta=0.3,
        loss_type="kto",
        desirable_weight=1.5,
        undesirable_weight=0.5,
    )
    trainer._compute_kl_logps = lambda model, batch: KTOTrainer._compute_kl_logps(trainer, model, batch)
    start = torch.tensor(START)
    batch = {
        "input_ids": torch.zeros_like(mask),
        "attention_mask": torch.ones_like(mask),
        "completion_mask": mask,
        "KL_input_ids": torch.zeros_like(other_mask),
        "KL_attention_mask": torch.ones_like(other_mask),
        "KL_completion_mask": other_mask,
        "label": torch.tensor(liked),
        "ref_logps": start[BETTER],
        "ref_KL_logps": start[WORSE],
    }
    theirs = KTOTrainer._compute_loss(trainer, model, batch, return_outputs=False)
    theirs.backward()
    marks = tuple(float(liked[row // 2]) if row % 2 == 0 else 0.0 for row in range(6))
    ours, gradient = find_ours({"name": "kto", "beta": 0.3, "liked_weight": 1.5, "disliked_weight": 0.5}, marks)
    assert ours == pytest.approx(float(theirs.detach()), **CLOSE)
    assert gradient.tolist() == pytest.approx(leaf.grad.tolist(), **CLOSE)


def test_orpo_is_trls_odds_beside_learning_the_better_answer() -> None:
    from trl.experimental.orpo import ORPOTrainer

    leaf, logprobs = make_logprobs()
    means = logprobs.sum_rows() / logprobs.count_rows()
    losses = ORPOTrainer.odds_ratio_loss(stand_in(beta=0.3), means[BETTER], means[WORSE])[0]
    theirs = -means[BETTER].mean() - losses.mean()
    theirs.backward()
    ours, gradient = find_ours({"name": "orpo", "beta": 0.3})
    assert ours == pytest.approx(float(theirs.detach()), **CLOSE)
    assert gradient.tolist() == pytest.approx(leaf.grad.tolist(), **CLOSE)


def test_simpo_is_trls() -> None:
    from trl.experimental.cpo import CPOTrainer

    leaf, logprobs = make_logprobs()
    means = logprobs.sum_rows() / logprobs.count_rows()
    trainer = stand_in(beta=2.0, loss_type="simpo", simpo_gamma=0.7, label_smoothing=0.0, alpha=0.0)
    theirs = CPOTrainer.cpo_loss(trainer, means[BETTER], means[WORSE])[0].mean()
    theirs.backward()
    ours, gradient = find_ours({"name": "simpo", "beta": 2.0, "gamma": 0.7})
    assert ours == pytest.approx(float(theirs.detach()), **CLOSE)
    assert gradient.tolist() == pytest.approx(leaf.grad.tolist(), **CLOSE)


def test_a_certain_answer_has_odds_with_an_end() -> None:
    import torch

    from studio.objectives.orpo import _log1mexp

    values = torch.tensor([0.0, -1e-9, -math.log(2), -30.0], requires_grad=True)
    found = _log1mexp(values)
    found.sum().backward()
    assert found.isfinite().all() and values.grad is not None and values.grad.isfinite().all()
    assert float(found[2].detach()) == pytest.approx(-math.log(2))


def test_what_is_measured_of_pairs() -> None:
    import torch

    _, logprobs = make_logprobs(requires_grad=False)
    _, found = OBJECTIVES.read("dpo").loss(logprobs, Batch(2, torch.zeros(6), torch.tensor(START)))
    gains = (logprobs.sum_rows() - torch.tensor(START)).tolist()
    assert found["margin"].tolist() == pytest.approx([gains[n] - gains[n + 1] for n in (0, 2, 4)])
    assert found["chosen"].tolist() == pytest.approx([gains[n] for n in (0, 2, 4)])
    assert found["length"].tolist() == [-2, 2, 3]
    assert min(found["kl"].tolist()) >= 0


@pytest.mark.parametrize("name", ["grpo", "rloo"])
def test_learning_from_rewards_is_trls(name: str) -> None:
    """Of answers to one prompt each, which were a little less likely when they were written."""
    import torch
    from trl import GRPOTrainer, RLOOTrainer

    leaf, logprobs = make_logprobs()
    values, mask = spread(leaf, list(range(6)))
    mask = mask[:, 1:]
    dice = torch.Generator().manual_seed(1)
    moved, apart = (0.3 * torch.randn(sum(LENGTHS), generator=dice) for _ in range(2))
    before, start = leaf.detach() - moved, leaf.detach() - apart
    worth = torch.tensor([1.0, 0.0, 0.5, 1.0, 0.0, 0.0])
    objective = OBJECTIVES.read({"name": name, "beta": 0.3, "group": 3})
    drift = logprobs._replace(tokens=before - start).sum_rows()
    better = objective.find_advantages(worth.view(-1, 3), drift.view(-1, 3)).flatten()
    written = objective.judge(Written.begin(before, start, torch.zeros_like(before)), worth, logprobs)
    losses, _ = objective.loss(logprobs, Batch(3, worth, written=written))
    losses.mean().backward()
    ours, leaf.grad = leaf.grad, None

    trainer = stand_in(
        model=SimpleNamespace(training=True),
        args=SimpleNamespace(use_bias_correction_kl=True, delta=None),
        _get_per_token_logps_and_entropies=lambda *_, **__: (values, torch.zeros_like(values), None),
        top_entropy_quantile=1.0,
        off_policy_mask_threshold=None,
        importance_sampling_level="token",
        beta=0.3,
        loss_type="grpo",
        epsilon_low=0.2,
        epsilon_high=0.2,
        use_vllm=False,
        current_gradient_accumulation_steps=1,
        _entropy_bonus_enabled=False,
    )
    trainer.accelerator.reduce = lambda value, reduction: value
    old = spread(before, list(range(6)))[0]
    inputs = {
        "prompt_ids": torch.zeros(6, 1, dtype=torch.long),
        "prompt_mask": torch.ones(6, 1, dtype=torch.long),
        "completion_ids": torch.zeros(6, LONGEST - 1, dtype=torch.long),
        "completion_mask": mask,
        "advantages": better,
        "old_per_token_logps": old,
        "old_logps": old.sum(dim=1),
        "ref_per_token_logps": spread(start, list(range(6)))[0],
    }
    kind = GRPOTrainer if name == "grpo" else RLOOTrainer
    theirs = kind._compute_loss(trainer, trainer.model, inputs)
    theirs.backward()
    assert float(losses.mean().detach()) == pytest.approx(float(theirs.detach()), **CLOSE)
    assert ours.tolist() == pytest.approx(leaf.grad.tolist(), **CLOSE)


def test_ppo_is_its_papers() -> None:
    """Advantages, returns and the loss, computed once more token by token in plain Python."""
    import torch

    leaf, logprobs = make_logprobs()
    dice = torch.Generator().manual_seed(2)
    moved, apart, values, news = (0.3 * torch.randn(sum(LENGTHS), generator=dice) for _ in range(4))
    before, start, worth = leaf.detach() - moved, leaf.detach() - apart, torch.tensor([1.0, 0.0, 0.5, 1.0, 0.0, 0.2])
    objective = OBJECTIVES.read({"name": "ppo", "beta": 0.3, "horizon": 0.9, "clip": 0.1, "group": 1})
    written = objective.judge(Written.begin(before, start, values), worth, logprobs)
    losses, _ = objective.loss(logprobs, Batch(1, worth, written=written._replace(expected=news)))
    losses.mean().backward()

    found, at = [], 0
    for length, reward in zip(LENGTHS, worth.tolist(), strict=True):
        own = slice(at, at + length)
        earned = [0.3 * (s - b) for s, b in zip(start[own].tolist(), before[own].tolist(), strict=True)]
        earned[-1] += reward
        expected = [*values[own].tolist(), 0.0]
        surprises = [one + expected[n + 1] - expected[n] for n, one in enumerate(earned)]
        found += [sum(0.9 ** (k - n) * surprises[k] for k in range(n, length)) for n in range(length)]
        at += length
    mean = sum(found) / len(found)
    spread = (sum((one - mean) ** 2 for one in found) / len(found)) ** 0.5
    returns = [one + value for one, value in zip(found, values.tolist(), strict=True)]
    assert written.returns.tolist() == pytest.approx(returns, **CLOSE)
    assert written.advantages.tolist() == pytest.approx([(one - mean) / spread for one in found], **CLOSE)
    tokens, slopes = [], []
    for advantage, ratio, value, new, back in zip(
        written.advantages.tolist(), moved.exp().tolist(), values.tolist(), news.tolist(), returns, strict=True
    ):
        clipped = min(max(ratio, 0.9), 1.1)
        near = value + min(max(new - value, -0.1), 0.1)
        tokens.append(-min(ratio * advantage, clipped * advantage) + 0.5 * max((new - back) ** 2, (near - back) ** 2))
        slopes.append(-advantage * ratio if ratio * advantage <= clipped * advantage else 0.0)
    counts = [length for length in LENGTHS for _ in range(length)]
    assert float(losses.mean().detach()) == pytest.approx(
        sum(one / count for one, count in zip(tokens, counts, strict=True)) / len(LENGTHS), **CLOSE
    )
    wanted = [slope / count / len(LENGTHS) for slope, count in zip(slopes, counts, strict=True)]
    assert leaf.grad.tolist() == pytest.approx(wanted, **CLOSE)


def test_what_is_better_than_expected_is_as_it_is_written() -> None:
    import torch

    worth, drift = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0.5, 0.0, -0.5]])
    found = {name: OBJECTIVES.read({"name": name, "beta": 0.2, "group": 3}) for name in ("grpo", "rloo")}
    assert found["grpo"].find_advantages(worth, drift).tolist()[0] == pytest.approx([2 / 3, -1 / 3, -1 / 3])
    assert found["rloo"].find_advantages(worth, drift).tolist()[0] == pytest.approx([0.85, -0.5, -0.35])
    scaled = OBJECTIVES.read({"name": "grpo", "scale": True, "group": 3}).find_advantages(worth, drift)
    assert float(scaled.std()) == pytest.approx(1, abs=1e-3)


def make_rows() -> list[Row]:
    """Return two pairs of rows: a prompt of three tokens, and answers of two to five that end in the end token."""
    answers = ([5, 6, 2], [7, 2], [8, 9, 10, 11, 2], [12, 13, 2])
    return [Row([1, 3, 4, *one], [-100] * 3 + one) for one in answers]


@pytest.mark.parametrize("centre", [0.0, 0.3])
def test_a_reward_model_is_trls(centre: float, tiny_model: Path) -> None:
    """The whole way, from the rows of a batch to the gradients of head and body, beside a classifier of one label."""
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification
    from trl import RewardTrainer

    from studio.training.batch import Batcher, read_learnt
    from studio.training.fast.head import open_head
    from studio.training.judging import RewardHead

    ours = AutoModelForCausalLM.from_pretrained(tiny_model)
    theirs = AutoModelForSequenceClassification.from_pretrained(tiny_model, num_labels=1, pad_token_id=0)
    theirs.train()
    head = RewardHead(32)
    torch.nn.init.normal_(head.weight, generator=torch.Generator().manual_seed(0))
    theirs.score.weight.data = head.weight.data[None].clone()

    rows = make_rows()
    batch = Batcher(0)([read_to_the_end(row)._asdict() for row in rows])
    with open_head(ours):
        states, _ = read_learnt(ours, batch)
    scores = head(states)
    nothing = LogProbs(torch.zeros(4), batch["learnt"], *batch["input_ids"].shape)
    losses, found = OBJECTIVES.read({"name": "reward", "centre": centre}).loss(
        nothing, Batch(2, torch.tensor([3.0, 2.0, 5.0, 3.0]), scores=scores)
    )
    losses.mean().backward()

    order = [0, 2, 1, 3]
    longest = max(len(row.input_ids) for row in rows)
    ids = torch.tensor([rows[n].input_ids + [0] * (longest - len(rows[n].input_ids)) for n in order])
    mask = torch.tensor([[1] * len(rows[n].input_ids) + [0] * (longest - len(rows[n].input_ids)) for n in order])
    trainer = stand_in(model=theirs, args=SimpleNamespace(center_rewards_coefficient=centre or None))
    loss = RewardTrainer.compute_loss(trainer, theirs, {"input_ids": ids, "attention_mask": mask})
    loss.backward()
    assert float(losses.mean().detach()) == pytest.approx(float(loss.detach()), **CLOSE)
    assert head.weight.grad is not None
    assert head.weight.grad.tolist() == pytest.approx(theirs.score.weight.grad[0].tolist(), **CLOSE)
    one, other = (model.model.layers[0].self_attn.q_proj.weight.grad.flatten() for model in (ours, theirs))
    assert one.tolist() == pytest.approx(other.tolist(), **CLOSE)
    assert trainer._metrics["train"]["margin"][0] == pytest.approx(float(found["margin"].mean().detach()), **CLOSE)
    assert found["longer_wins"].tolist() == [1, 1]
