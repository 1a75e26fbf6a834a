"""Answers that a model writes while it trains, judged by declared rewards, and read again as a batch to learn from.

The loop is the trainer's own: a step of it is a round of answers. So events, stops, checkpoints and going on are those
of any training; chance is kept with each checkpoint, so the same answers are drawn after it.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import cycle, islice
from typing import Any, NamedTuple

import torch

from studio.answering.decoding import Writer
from studio.errors import RecipeError
from studio.objectives.logprobs import Batch, LogProbs, Written
from studio.objectives.objective import Example, Objective, Row
from studio.objectives.ppo import Ppo
from studio.objectives.rewarded import Rewarded
from studio.rewards import Reward, Said, Scorer, add_up
from studio.runs.run import Run
from studio.tasks.mixture import Mixed
from studio.training.batch import Batcher, ExampleDataset, read_logprobs
from studio.training.headed import HeadedTrainer, find_width
from studio.training.sampling import Answerer
from studio.training.value_head import ValueHead

PROBED, AT_ONCE = 128, 16
"""So many answers are drawn of the start before it is said that all are worth the same, and so many at a time."""


class Prompt(NamedTuple):
    """What is asked, as tokens, and as rewards see it: an answer in which nothing is said yet."""

    ids: list[int]
    silence: Said


class PlaceDataset(ExampleDataset):
    """Examples of which only the places are told, counted from `first`."""

    def __init__(self, examples: list[Example], first: int = 0) -> None:
        super().__init__(examples)
        self.first = first

    def __getitem__(self, place: int) -> Any:
        return self.first + place


def collect(places: Sequence[int]) -> dict[str, torch.Tensor]:
    """Return a batch of places; its labels say to transformers that there is a loss."""
    found = torch.tensor(places)
    return {"places": found, "labels": found}


class RolloutTrainer(HeadedTrainer):
    """Trainer whose batches are prompts, by their places in `prompts`; what is learnt from is written at each step.

    `room` tokens are the most that prompt and answer may have, `ends` those that end an answer; `judges` are the reward
    models that its rewards ask.
    """

    def __init__(
        self,
        *,
        prompts: Sequence[Prompt],
        batcher: Batcher,
        ends: frozenset[int],
        room: int,
        judges: Mapping[str, Scorer],
        **arguments: Any,
    ) -> None:
        self.prompts, self.batcher, self.room, self.judges = prompts, batcher, room, judges
        super().__init__(**arguments)
        self.tokenizer: Any = self.processing_class
        self._writer = Writer(self.model, batcher.pad_id, ends)

    def make_head(self) -> ValueHead | None:
        """Return what expects, where the objective asks for it."""
        needed = "value_head" in self.objective.needs
        return ValueHead(find_width(self.model), self.objective.beta) if needed else None

    @property
    def objective(self) -> Rewarded:
        """The objective, which judges answers."""
        found = self.recipe.objective
        assert isinstance(found, Rewarded)
        return found

    def read(self, model: Any, inputs: dict[str, Any]) -> tuple[LogProbs, Batch]:
        """Write answers to a batch of prompts and judge them; return how likely they are, and what they are worth."""
        group = self.objective.group
        asked = [self.prompts[place] for place in inputs["places"].tolist() for _ in range(group)]
        rows, said = self._write(asked)
        batch = self._prepare_inputs(self.batcher([{"input_ids": row.input_ids, "labels": row.labels} for row in rows]))
        marks, watched = (self._judge(rewards, said) for rewards in (self.objective.rewards, self.objective.watched))
        logprobs, expected = self._read(model, batch)
        known = Written.begin(logprobs.tokens.detach(), self._read_start(batch), expected.detach())
        known = known._replace(beta=self._follow(logprobs, known, model.training))
        info = Batch(group, marks, written=self.objective.judge(known, marks, logprobs))
        info = info._replace(watched=watched if self.objective.watched else None)
        for _ in range(self.objective.rounds - 1 if model.training else 0):
            self._step(model, logprobs, _expect(info, expected))
            logprobs, expected = self._read(model, batch)
        return logprobs, _expect(info, expected)

    def _read(self, model: Any, batch: dict[str, Any]) -> tuple[LogProbs, torch.Tensor]:
        """How likely each learnt token is, and what is expected of it (learnt): 0 where nothing expects."""
        if self.head is None:
            logprobs = read_logprobs(model, batch)
            return logprobs, torch.zeros_like(logprobs.tokens)
        states, wanted, own = self.open(model, batch)
        tokens = own.find_likelihood(states, wanted)
        return LogProbs(tokens, batch["learnt"], *batch["input_ids"].shape), self.head(states)

    def _follow(self, logprobs: LogProbs, known: Written, training: bool) -> torch.Tensor | None:
        """Return what a nat of KL costs in this round, None where that never changes; in training it follows the KL."""
        if not isinstance(self.head, ValueHead) or not isinstance(self.objective, Ppo) or not self.objective.target:
            return None
        costs = self.head.beta.clone()
        if training:
            drift = logprobs._replace(tokens=known.before - known.start).sum_rows().mean()
            self.head.beta.fill_(self.objective.follow(float(costs), float(drift)))
        return costs.float()

    def _step(self, model: Any, logprobs: LogProbs, info: Batch) -> None:
        """Adjust the weights once more with the same answers."""
        self.accelerator.backward(self.objective.loss(logprobs, info)[0].mean())
        if self.args.max_grad_norm:
            self._clip_grad_norm(model)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def _judge(self, rewards: Sequence[Reward], said: Sequence[Said]) -> torch.Tensor:
        """What answers are worth (rows)."""
        return torch.tensor(add_up(rewards, said, self.judges), dtype=torch.float32, device=self.args.device)

    def _write(self, asked: list[Prompt]) -> tuple[list[Row], list[Said]]:
        """Rows of prompts with an answer each, drawn as likely as the model finds it, and the answers as texts."""
        most = max(1, min(self.objective.answer_tokens, self.room - max(len(prompt.ids) for prompt in asked)))
        training = self.model.training
        self.model.eval()
        try:
            answers = self._writer.draw([prompt.ids for prompt in asked], most)
        finally:
            self.model.train(training)
        rows = [
            Row([*prompt.ids, *answer], [-100] * len(prompt.ids) + answer)
            for prompt, answer in zip(asked, answers, strict=True)
        ]
        texts = [self.tokenizer.decode(answer, skip_special_tokens=True).strip() for answer in answers]
        return rows, [prompt.silence._replace(answer=text) for prompt, text in zip(asked, texts, strict=True)]

    def _read_start(self, batch: dict[str, Any]) -> torch.Tensor:
        """How likely each learnt token was at the start, in nats (learnt): what is trained is switched off for it."""
        training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad(), self.model.disable_adapter():
                return read_logprobs(self.model, batch).tokens
        finally:
            self.model.train(training)

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> int:
        """Count the answers of one step."""
        return sum(len(batch["places"]) for batch in batch_samples) * self.objective.group

    def rehearse_evaluation(self) -> None:
        """Nothing: how long answers will be isn't known, and a step reads as many as an evaluation does."""


def find_reward(objective: Objective, judges: Mapping[str, Scorer]) -> Callable[[Sequence[Said]], list[float]] | None:
    """Return what says how much answers are worth, None for an objective that rewards none."""
    return partial(add_up, objective.rewards, scorers=judges) if isinstance(objective, Rewarded) else None


def try_rewards(
    run: Run,
    objective: Objective,
    answerer: Answerer,
    examples: Sequence[Example],
    mixed: Sequence[Mixed],
    room: int,
    judges: Mapping[str, Scorer],
) -> None:
    """Raise RecipeError in words where many drawn answers of the start are all worth the same: nothing can be learnt.

    Two that differ are enough to go on, so that it is soon known. A run that goes on was tried before.
    """
    if not isinstance(objective, Rewarded) or run.find_resumable().step:
        return
    prompts = list_prompts(examples, mixed[: len(examples)], objective)
    asked, worth = list(islice(cycle(prompts), PROBED)), list[float]()
    for first in range(0, PROBED, AT_ONCE):
        some = asked[first : first + AT_ONCE]
        most = max(1, min(objective.answer_tokens, room - max(len(prompt.ids) for prompt in some)))
        answers = answerer.draw([prompt.ids for prompt in some], most, seed=first)
        said = [prompt.silence._replace(answer=text.strip()) for prompt, text in zip(some, answers, strict=True)]
        worth += add_up(objective.rewards, said, judges)
        if len(set(worth)) > 1:
            return
    raise RecipeError(
        f"{PROBED} answers of the start are all worth {worth[0]:g}, so nothing tells better ones from worse ones. "
        "Reward what some answers have and others lack, or start from a run whose answers differ so: best are 20 to 80 "
        "of 100.",
        field="objective.rewards",
    )


def list_prompts(examples: Sequence[Example], mixed: Sequence[Mixed], objective: Objective) -> list[Prompt]:
    """Return what is asked in each example: what stands before its first learnt token, and the instance it is of."""
    found = []
    for (row, *_), (task, instance) in zip(examples, mixed, strict=True):
        first = next(place for place, label in enumerate(row.labels) if label != -100)
        asked = objective.write_dialogue(task, instance).before_answer()
        found.append(Prompt(row.input_ids[:first], Said("", tuple(instance.output), asked, task)))
    return found


def _expect(info: Batch, expected: torch.Tensor) -> Batch:
    """What is known of a batch, with what is expected of its tokens now."""
    assert info.written is not None
    return info._replace(written=info.written._replace(expected=expected))
